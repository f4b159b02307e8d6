// SPDX-License-Identifier: Apache-2.0
//
// One simulated x86-64 processor: a deterministic interpreter over decoded instruction records.
//
// Ownership: the machine owns GuestMemory, one CodeCache and its Cpus; they must outlive the Cpus.
// Threads: all processors of a machine run in the machine's thread, one at a time. There is no
// global mutable state, so machines run in parallel.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "backends/machine/guest_memory.h"
#include "backends/sim/cpu/platform.h"
#include "backends/sim/cpu/state.h"

namespace hypervet::sim {

class CodeCache;
class Core;

enum class StopReason : std::uint8_t {
  budget,         // the tick budget is used up
  halted,         // HLT, nothing to deliver
  wait_for_sipi,  // after INIT
  yield,          // PAUSE was executed and Costs::yield_on_pause is set
  shutdown,       // triple fault
  unimplemented,  // an instruction (or event) this interpreter does not know: see unimplemented()
  stopped,        // request_exit()
  waiting,        // Platform::page_absent() said retry
};

struct RunResult {
  std::uint64_t ticks = 0;         // instructions plus extra costs, in this run
  std::uint64_t instructions = 0;  // completed, in this run; a delivered event counts as one
  StopReason reason = StopReason::budget;
};

// Ticks charged on top of the one that each instruction costs.
struct Costs {
  std::uint32_t pause = 1000;
  std::uint32_t hypercall = 0;
  std::uint32_t cpuid = 0;
  std::uint32_t port_io = 0;
  std::uint32_t mmio = 0;
  std::uint32_t msr = 0;
  bool yield_on_pause = true;
};

struct Unimplemented {
  std::array<std::uint8_t, 15> bytes{};
  std::uint8_t length = 0;  // 0: not an instruction, see `what`
  const char* what = "";    // mnemonic or the missing event, static text
};

class Cpu {
 public:
  // `code`: one CodeCache per machine (code_cache.h), made for the same memory.
  Cpu(Platform& platform, machine::GuestMemory& memory, CodeCache& code);
  ~Cpu();
  Cpu(const Cpu&) = delete;
  Cpu& operator=(const Cpu&) = delete;

  // Executes until at least `budget` ticks have passed or something else ends it. Exceeds the
  // budget only by the extra cost of the last instruction. RIP is at the next instruction, or for
  // unimplemented and waiting at the one that could not be executed.
  RunResult run(std::uint64_t budget);

  // Exact at any time outside run() and inside a Platform call. The reference stays valid.
  const CpuState& state() const;
  // Replaces everything, drops all that was cached and a pending injection. Not inside run(). Also
  // the way to change anything but a general register: copy state(), edit, set_state().
  void set_state(const CpuState& state);

  std::uint64_t gpr(Gpr reg) const;
  void set_gpr(Gpr reg, std::uint64_t value);
  // Current privilege level and code width.
  unsigned cpl() const;
  CodeWidth code_width() const;
  bool long_mode() const;  // EFER.LMA: compatibility mode too

  // Ticks since creation, exact inside a Platform call.
  std::uint64_t ticks() const;
  std::uint64_t instructions() const;

  // Ends run() after the current instruction with `stopped`.
  void request_exit();
  // Level of the interrupt request. An interrupt is acknowledged when IF is set and no shadow.
  void set_interrupt_line(bool raised);
  // True if an interrupt would be taken now, were the line raised.
  bool interrupts_open() const;
  void pend_nmi();
  // INIT: registers to their values after INIT, then waits for SIPI. Takes effect at the next
  // instruction boundary.
  void init();
  // Starts a processor that waits for SIPI in real mode at vector << 12; otherwise ignored.
  void sipi(std::uint8_t vector);
  // Ends HLT without an interrupt (KVM_HC_KICK_CPU). True if it was halted.
  bool wake();
  // Delivered before the next instruction; with #PF, CR2 becomes `cr2`. One at a time: a second
  // call before delivery replaces the first.
  void inject_exception(std::uint8_t vector, std::optional<std::uint32_t> error_code,
                        std::uint64_t cr2 = 0);

  // MAXPHYADDR, 32 to 52 (default 46): page-table bits above it are reserved.
  void set_physical_address_bits(unsigned bits);
  Costs& costs();
  const Unimplemented& unimplemented() const;

  // Guest-virtual accesses for the host: with supervisor rights, no A/D update, no fault, RAM only.
  std::optional<std::uint64_t> translate(std::uint64_t virtual_address) const;

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace hypervet::sim
