// SPDX-License-Identifier: Apache-2.0
// What the parts of the KVM model share: the machine, the interposer, the features, the state; and
// the one way in which the host writes to a structure in guest memory or sends an interrupt, so
// that nothing bypasses a seam. One per model, in the machine's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "backends/pv/kvm_cpuid.h"
#include "backends/pv/kvm_state.h"
#include "backends/pv/services.h"
#include "backends/violations/interposer.h"

namespace hypervet::pv {

class PvEoi;

struct KvmHost {
  Services& services;
  violations::Interposer& interposer;
  KvmCpuid cpuid;
  KvmState state;
  // Asked before anything is sent to a CPU: the guest may have ended an interrupt that is in the
  // way.
  PvEoi* pv_eoi;

  CpuPart& cpu(unsigned index) { return state.cpu.at(index); }

  // Is the whole range RAM?
  bool is_ram(std::uint64_t gpa, unsigned size) const;
  // Little-endian, at most 8 bytes; nothing if it is not RAM.
  std::optional<std::uint64_t> read(std::uint64_t gpa, unsigned size) const;

  // Interposes and delivers. The CPUs that the whole request addresses lie between lowest and
  // highest.
  void send(violations::Source source, const violations::Interrupt& interrupt, unsigned lowest,
            unsigned highest);
  void kick(unsigned cpu, unsigned lowest, unsigned highest);

  // What is to happen at a time of its own.
  void work();
  std::optional<std::uint64_t> next_event_ns() const;

 private:
  void deliver(const violations::Interrupt& one, violations::Source source);
};

// One structure in guest memory while the host writes it, field by field, each through the memory
// seam.
class GuestArea {
 public:
  GuestArea(KvmHost& host, violations::Area area, unsigned cpu, violations::WhenWritten when,
            std::uint64_t gpa, unsigned size)
      : host_(host), context_{area, {}, cpu, when, gpa, gpa + size} {}

  // False: the field does not lie in RAM, nothing was written. `name` is static text.
  bool put(std::string_view name, kvm::Field field, std::uint64_t value);
  // As the guest has it now; 0 if it does not lie in RAM.
  std::uint64_t get(kvm::Field field) const {
    return host_.read(context_.area_begin + field.offset, field.size).value_or(0);
  }

 private:
  KvmHost& host_;
  violations::FieldContext context_;
};

}  // namespace hypervet::pv
