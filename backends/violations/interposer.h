// SPDX-License-Identifier: Apache-2.0
// The seam interposer: holds the violations of one run and commits them. Model and machine hand
// every result that passes a seam to the method of that seam and carry out what comes back. Without
// a rule at the seam a method is an inlined test and returns what it was given, so clean runs do
// not pay.
//
// A machine owns its interposer; all calls come from the machine's thread. arm() may be called
// between runs, on a machine that has just been restored from its snapshot.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/violations/events.h"
#include "backends/violations/rule.h"
#include "backends/violations/virtio_events.h"

namespace hypervet::violations {

class Interposer {
 public:
  Interposer() = default;
  explicit Interposer(std::span<const Rule> rules) { arm(rules); }

  // Replaces the rules and forgets what was counted. Throws std::invalid_argument, with one line
  // that names the rule and the key, for a rule that is not in the vocabulary; the rules in force
  // then stay.
  void arm(std::span<const Rule> rules);
  void disarm() { arm({}); }
  bool clean() const { return clean_; }

  // Times that rule i (in the order given to arm) changed something. A rule that matched but left
  // everything as it was is not counted: it violated nothing.
  std::vector<unsigned> committed() const;
  unsigned total_committed() const;

  // --- The seams
  // --------------------------------------------------------------------------------------------------------
  // Twice for a hypercall, in this order: what the model is given to work on, and what the guest
  // gets.
  HypercallCall hypercall_call(const HypercallContext& context, const HypercallCall& call) {
    return idle(Seam::kHypercall) ? call : changed_call(context, call);
  }
  HypercallResult hypercall_result(const HypercallResult& result) {
    return idle(Seam::kHypercall) ? result : changed_result(result);
  }
  CpuidLeaf cpuid(unsigned cpu, std::uint32_t leaf, const CpuidLeaf& result) {
    return idle(Seam::kCpuid) ? result : changed_cpuid(cpu, leaf, result);
  }
  MsrRead rdmsr(unsigned cpu, std::uint32_t msr, const MsrRead& result) {
    return idle(Seam::kRdmsr) ? result : changed_rdmsr(cpu, msr, result);
  }
  MsrWrite wrmsr(unsigned cpu, std::uint32_t msr, std::uint64_t value) {
    return idle(Seam::kWrmsr) ? MsrWrite{.value = value} : changed_wrmsr(cpu, msr, value);
  }
  // The model would have raised #GP(0), and MsrWrite::never_fault kept it from it: now the rule has
  // been committed.
  void spared();

  // The writes to carry out instead of this one, in order; empty: dropped. Valid until the next
  // call.
  std::span<const FieldWrite> memory(const FieldContext& context, const FieldWrite& write) {
    if (idle(Seam::kMemory)) {
      one_write_ = write;
      return {&one_write_, 1};
    }
    return changed_memory(context, write);
  }

  // The interrupts to deliver instead of this one; empty: dropped. Valid until the next call. A
  // kick keeps vector 0 unless a rule says otherwise: then an interrupt is delivered beside the
  // wake-up.
  std::span<const Interrupt> interrupt(const InterruptContext& context, const Interrupt& one) {
    if (idle(Seam::kInterrupt)) {
      one_interrupt_ = one;
      return {&one_interrupt_, 1};
    }
    return changed_interrupt(context, one);
  }
  // The token that an asynchronous page fault reports (source kAsyncPfReady or kAsyncPfNotPresent).
  std::uint32_t token(Source source, unsigned cpu, std::uint32_t token) {
    return idle(Seam::kInterrupt) ? token : changed_token(source, cpu, token);
  }

  // True: the vector leaves service, as an EOI should make it.
  bool end_of_interrupt(EoiKind kind, unsigned cpu, std::uint8_t vector) {
    return idle(Seam::kApic) || changed_eoi(kind, cpu, vector);
  }

  Exit exit(const Exit& exit) { return idle(Seam::kExit) ? exit : changed_exit(exit); }

  // --- The seams of virtio devices (virtio_seams.cc, virtio_dma_seams.cc)
  // --------------------------------------------------------------------------------------------------------
  // The value that the driver reads; what becomes of a value that it writes.
  std::uint64_t register_read(const RegisterContext& context, std::uint64_t value) {
    return idle(Seam::kRegister) ? value : changed_register_read(context, value);
  }
  RegisterWrite register_write(const RegisterContext& context, std::uint64_t value) {
    return idle(Seam::kRegister) ? RegisterWrite{.value = value}
                                 : changed_register_write(context, value);
  }
  // Changes the bytes read, or those that are written. False: the write is ignored. `seam` is
  // kConfig or kPciConfig.
  bool config(Seam seam, const ConfigContext& context, std::span<std::uint8_t> bytes) {
    return idle(seam) || changed_config(seam, context, bytes);
  }
  // The value of a ring's field, `size` bytes, as the device sees it; the bytes of a buffer.
  std::uint64_t dma_read(const DmaContext& context, std::uint64_t value, unsigned size) {
    return idle(Seam::kDmaRead) ? value : changed_dma_read(context, value, size);
  }
  void dma_read_buffer(unsigned queue, std::span<std::uint8_t> bytes) {
    if (!idle(Seam::kDmaRead)) changed_dma_buffer(queue, bytes);
  }
  // Without a rule the device writes by itself; with one, each write is made up and changed.
  bool watches_dma_writes() const { return !idle(Seam::kDmaWrite); }
  void change_dma_write(const DmaContext& context, DmaWrite& write);
  // Was this the write that a held one waits for?
  bool releases_dma_writes(const DmaContext& context);

  Notify notify(const NotifyContext& context) {
    return idle(Seam::kNotify) ? Notify{} : changed_notify(context);
  }
  VirtioInterrupt virtio_interrupt(const VirtioInterruptContext& context) {
    const VirtioInterrupt one{.send = context.wanted, .config = context.config};
    return idle(Seam::kVirtioInterrupt) ? one : changed_virtio_interrupt(context, one);
  }

  // Is the named switch of the model on (backends/pv/switches.h, backends/devices/switches.h)?
  // `otherwise` is the amount where the rule has none. Asking counts as a commitment: ask only
  // where the answer changes what happens.
  bool switched(std::string_view name) { return !idle(Seam::kSwitch) && switch_on(name); }
  std::uint64_t switch_amount(std::string_view name, std::uint64_t otherwise) const;

 private:
  struct Armed {
    Rule rule;
    std::size_t index = 0;      // in the order given to arm()
    std::uint64_t matched = 0;  // events that met the conditions, `nth` apart
    unsigned committed = 0;
    std::optional<std::uint64_t> stuck{};  // what the first read gave
  };
  using Holds = std::function<bool(std::string_view key, const Value& wanted)>;

  static bool meets(Armed& armed, const Holds& holds);
  bool idle(Seam seam) const { return rules_[static_cast<std::size_t>(seam)].empty(); }
  std::vector<Armed>& at(Seam seam) { return rules_[static_cast<std::size_t>(seam)]; }

  HypercallCall changed_call(const HypercallContext& context, HypercallCall call);
  HypercallResult changed_result(HypercallResult result);
  CpuidLeaf changed_cpuid(unsigned cpu, std::uint32_t leaf, CpuidLeaf result);
  MsrRead changed_rdmsr(unsigned cpu, std::uint32_t msr, MsrRead result);
  MsrWrite changed_wrmsr(unsigned cpu, std::uint32_t msr, std::uint64_t value);
  std::span<const FieldWrite> changed_memory(const FieldContext& context, const FieldWrite& write);
  std::span<const Interrupt> changed_interrupt(const InterruptContext& context,
                                               const Interrupt& one);
  std::uint32_t changed_token(Source source, unsigned cpu, std::uint32_t token);
  bool changed_eoi(EoiKind kind, unsigned cpu, std::uint8_t vector);
  Exit changed_exit(Exit exit);
  bool switch_on(std::string_view name);
  std::uint64_t changed_register_read(const RegisterContext& context, std::uint64_t value);
  RegisterWrite changed_register_write(const RegisterContext& context, std::uint64_t value);
  bool changed_config(Seam seam, const ConfigContext& context, std::span<std::uint8_t> bytes);
  std::uint64_t changed_dma_read(const DmaContext& context, std::uint64_t value, unsigned size);
  void changed_dma_buffer(unsigned queue, std::span<std::uint8_t> bytes);
  Notify changed_notify(const NotifyContext& context);
  VirtioInterrupt changed_virtio_interrupt(const VirtioInterruptContext& context,
                                           VirtioInterrupt one);

  std::array<std::vector<Armed>, kSeamCount> rules_;
  std::size_t count_ = 0;
  bool clean_ = true;
  std::vector<Armed*> in_call_;  // rules that the hypercall under way meets
  Armed* sparing_ = nullptr;     // rule that forbids the write under way to fault
  FieldWrite one_write_;
  Interrupt one_interrupt_;
  std::vector<FieldWrite> writes_;
  std::vector<Interrupt> interrupts_;
};

}  // namespace hypervet::violations
