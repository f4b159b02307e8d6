// SPDX-License-Identifier: Apache-2.0
// One CPU of a simulated machine with its local APIC and what the scheduler knows of it. Owned by
// the machine.
#pragma once

#include <cstdint>

#include "backends/machine/local_apic.h"
#include "backends/sim/cpu/cpu.h"
#include "backends/sim/machine.h"

namespace hypervet::sim {

struct Machine::Vcpu {
  Vcpu(Machine& machine, unsigned number)
      : index(number), cpu(machine, *machine.memory_, machine.code_), apic(machine, number) {
    cpu.set_physical_address_bits(kPhysicalBits);
    cpu.costs().pause = kPauseTicks;
  }

  static constexpr std::uint32_t kPauseTicks = 40;

  const unsigned index;
  Cpu cpu;
  machine::LocalApic apic;
  bool unhalt = false;
  bool waits_for_page = false;
  std::uint64_t retry_at = 0;
  std::uint64_t stalled_until = 0;
  std::uint64_t tsc_offset = 0;  // modulo 2^64

  // Not part of the saved state: it is settled whenever run() returns.
  bool attention = false;           // INIT, SIPI, NMI, wake-up: execute even if it looks halted
  std::uint64_t rflags_to_set = 0;  // by a declared violation of a hypercall, after the slice
  bool has_rflags_to_set = false;
  bool flush = false;               // drop cached translations after the slice
  std::uint64_t hypercall_rip = 0;  // for noticing one that never gets past itself
  std::uint64_t hypercall_instructions = 0;
  std::uint64_t hypercall_repeats = 0;
};

// The host has control of the running CPU: from here to the end of the scope.
class Machine::Trap {
 public:
  Trap(Machine& machine, Cpu& cpu) : machine_(machine), index_(machine.index_of(cpu)) {
    machine_.model_.after_exit(index_);
  }
  ~Trap() {
    machine_.model_.before_entry(index_);
    machine_.update_line(index_);
  }
  Trap(const Trap&) = delete;
  Trap& operator=(const Trap&) = delete;
  unsigned index() const { return index_; }
  Vcpu& vcpu() const { return *machine_.vcpus_[index_]; }

 private:
  Machine& machine_;
  unsigned index_;
};

}  // namespace hypervet::sim
