// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backends/kvm/cpu_states.h"

namespace hypervet::kvm {
namespace {

using backends::Stop;
using Clock = VcpuThreads::Clock;
using std::chrono::milliseconds;

// How long a thread may take to come out of KVM_RUN on a loaded host.
constexpr milliseconds kPatience{250};
// Processor time in which an instruction must be through, and how long a loaded host may take to
// grant it.
constexpr milliseconds kStepBudget{20};
constexpr milliseconds kStepPatience{2000};
// A thread that used less than this share of a tick was not executing a guest.
constexpr int kIdleShare = 8;
// Samples of the registers taken while a CPU stands still.
constexpr int kSamples = 8;

std::int64_t in_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<milliseconds>(time).count();
}

bool same(const kvm_regs& a, const kvm_regs& b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

// JMP or Jcc to its own first byte: executes for ever, and looks the same after every step.
bool jumps_to_itself(const std::vector<std::uint8_t>& code) {
  if (code.size() < 2) return false;
  const bool is_short = code[0] == 0xeb || (code[0] & 0xf0) == 0x70;
  if (is_short) return code[1] == 0xfe;
  std::int32_t distance;
  if (code[0] == 0xe9 && code.size() >= 5) {
    std::memcpy(&distance, code.data() + 1, sizeof(distance));
    return distance == -5;
  }
  return false;
}

std::string_view name_of(const std::vector<std::uint8_t>& code) {
  if (code.size() < 3 || code[0] != 0x0f || code[1] != 0x01) return "";
  if (code[2] == 0xc1) return " (VMCALL)";
  return code[2] == 0xd9 ? " (VMMCALL)" : "";
}

}  // namespace

Supervisor::Supervisor(VcpuThreads& threads, const machine::GuestMailbox& mailbox, PageSwap& pages,
                       const backends::Limits& limits)
    : threads_(threads),
      mailbox_(mailbox),
      pages_(pages),
      limits_(limits),
      deadline_(Clock::now() + limits.deadline),
      next_look_(std::min(deadline_, Clock::now() + kTick)),
      cpus_(threads.count()) {
  // The thread of CPU 0 has a past; the others may have begun.
  for (unsigned i = 0; i < cpus_.size(); ++i) cpus_[i].used = cpus_[i].since = threads_.cpu_time(i);
}

void Supervisor::look() {
  const auto now = Clock::now();
  next_look_ = now < deadline_ ? std::min(deadline_, now + kTick) : now + kTick;
  if (threads_.has_ended()) return;
  read_counters();
  if (!all_idle()) blocked_looks_ = 0;
  std::optional<Ending> ending;
  if (now >= deadline_) {
    ending = last_look();
  } else if (all_idle() || any_suspect()) {
    ending = examine();
  }
  if (ending) threads_.end(std::move(*ending));
}

void Supervisor::read_counters() {
  for (unsigned i = 0; i < cpus_.size(); ++i) {
    Watched& cpu = cpus_[i];
    const auto used = threads_.cpu_time(i);
    const std::uint64_t exits = threads_.exits(i);
    const std::uint64_t progress = mailbox_.progress(i);
    cpu.spent = used - cpu.used;
    cpu.used = used;
    if (exits == cpu.exits && progress == cpu.progress) continue;
    cpu.exits = exits;
    cpu.progress = progress;
    cpu.since = used;
    cpu.regs.reset();
    blocked_looks_ = 0;
  }
}

bool Supervisor::all_idle() const {
  return std::ranges::all_of(cpus_,
                             [](const Watched& cpu) { return cpu.spent < kTick / kIdleShare; });
}

bool Supervisor::any_suspect() const {
  return std::ranges::any_of(
      cpus_, [&](const Watched& cpu) { return cpu.standing() >= limits_.no_progress / kSamples; });
}

std::optional<Ending> Supervisor::examine() {
  const bool held = threads_.freeze(kPatience);
  if (held) read_all();
  auto ending = held ? deadlock() : std::nullopt;
  threads_.thaw();
  if (ending || !held) return ending;
  const auto suspect = standing_longest(limits_.no_progress);
  return suspect ? probe(*suspect) : std::nullopt;
}

void Supervisor::read_all() {
  for (unsigned i = 0; i < cpus_.size(); ++i) {
    Watched& cpu = cpus_[i];
    const auto regs = threads_.vcpu(i).regs();
    cpu.activity = activity_of(threads_.vcpu(i));
    if (!regs) continue;
    if (cpu.regs && !same(*cpu.regs, *regs)) {
      cpu.since = cpu.used;
      blocked_looks_ = 0;
    }
    cpu.regs = *regs;
  }
}

// Twice in a row, because the kernel may still be at work on a wake-up of its own (a page that has
// come back).
std::optional<Ending> Supervisor::deadlock() {
  const bool blocked = std::ranges::all_of(
      cpus_, [](const Watched& cpu) { return cpu.activity == Activity::kBlocked; });
  blocked_looks_ = blocked ? blocked_looks_ + 1 : 0;
  if (blocked_looks_ < 2) return std::nullopt;
  std::string detail = "nothing can wake a CPU any more:";
  for (unsigned i = 0; i < cpus_.size(); ++i) {
    detail += fmt::format("{} {}", i == 0 ? "" : ";", describe(i));
  }
  return Ending{Stop::kDeadlock, std::move(detail)};
}

std::optional<unsigned> Supervisor::standing_longest(Duration at_least) const {
  std::optional<unsigned> longest;
  for (unsigned i = 0; i < cpus_.size(); ++i) {
    if (!cpus_[i].regs || cpus_[i].standing() < at_least) continue;
    if (cpus_[i].activity != Activity::kRuns) continue;
    if (!longest || cpus_[i].standing() > cpus_[*longest].standing()) longest = i;
  }
  return longest;
}

std::optional<Ending> Supervisor::probe(unsigned cpu) {
  const auto step = threads_.step(cpu, kStepBudget, kStepPatience);
  if (step.unsafe) return std::nullopt;                    // the deadline will end it
  if (!step.done && !step.exhausted) return std::nullopt;  // the host is too busy to tell now
  const auto code = code_of(cpu);
  if (!code) return std::nullopt;
  if ((step.done && !same(step.before, step.after)) || jumps_to_itself(*code)) {
    cpus_[cpu].since = cpus_[cpu].used;
    return std::nullopt;
  }
  return stuck(cpu, *code);
}

std::optional<std::vector<std::uint8_t>> Supervisor::code_of(unsigned cpu) {
  std::optional<std::vector<std::uint8_t>> code;
  if (threads_.freeze(kPatience)) code = code_at_rip(threads_.vcpu(cpu), pages_);
  threads_.thaw();
  return code;
}

Ending Supervisor::stuck(unsigned cpu, const std::vector<std::uint8_t>& code) {
  return {Stop::kStuck,
          fmt::format("CPU {} used {} ms of processor time inside KVM_RUN without leaving the "
                      "instruction at {:#x}{}",
                      cpu, in_ms(cpus_[cpu].standing()), cpus_[cpu].regs->rip, name_of(code))};
}

// A starved host may not have granted no_progress of processor time; a CPU that stood still in
// several samples and does not get through a single step is stuck all the same.
Ending Supervisor::last_look() {
  const auto suspect = standing_longest(limits_.no_progress / 4);
  auto ending = suspect ? probe(*suspect) : std::nullopt;
  return ending ? std::move(*ending) : out_of_time();
}

Ending Supervisor::out_of_time() {
  const bool held = threads_.freeze(kPatience);
  if (held) read_all();
  std::string detail = fmt::format("not done after {} ms:", in_ms(limits_.deadline));
  for (unsigned i = 0; i < cpus_.size(); ++i) {
    if (!held) cpus_[i].activity.reset();
    detail += fmt::format("{} {}", i == 0 ? "" : ";", describe(i));
  }
  threads_.thaw();
  return {Stop::kDeadline, std::move(detail)};
}

std::string Supervisor::describe(unsigned index) {
  const Watched& cpu = cpus_[index];
  const std::uint64_t rip = cpu.regs ? cpu.regs->rip : 0;
  if (!cpu.activity) return fmt::format("CPU {} did not come out of KVM_RUN when asked", index);
  switch (*cpu.activity) {
    case Activity::kSleeps:
      return fmt::format("CPU {} is halted at {:#x} and waits for its APIC timer", index, rip);
    case Activity::kBlocked:
      if (cpu.exits == 0 && index != 0) {
        return fmt::format("CPU {} is halted or was never started", index);
      }
      return fmt::format("CPU {} is halted at {:#x}", index, rip);
    case Activity::kRuns:
      break;
  }
  return fmt::format(
      "CPU {} executes near {:#x} ({} exits, {} ops and rounds; the counters moved {} ms of "
      "processor time ago)",
      index, rip, cpu.exits, mailbox_.is_open() ? cpu.progress : 0, in_ms(cpu.standing()));
}

}  // namespace hypervet::kvm
