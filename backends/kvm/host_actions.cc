// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/host_actions.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <system_error>

namespace hypervet::kvm {
namespace {

using protocol::HostStatus;
using protocol::HostVerb;
using Clock = std::chrono::steady_clock;

constexpr machine::HostAnswer kDone{HostStatus::kDone, 0};
constexpr machine::HostAnswer kBadArgument{HostStatus::kBadArgument, 0};
constexpr machine::HostAnswer kFailed{HostStatus::kFailed, 0};
constexpr std::uint64_t kLongestCompetition = 1'000'000'000;  // ns
constexpr std::size_t kMostCompetitors = 64;                  // in one program

machine::HostAnswer done_or_failed(const Result<int>& result) { return result ? kDone : kFailed; }

machine::HostAnswer field_or_bad(std::optional<std::uint64_t> field) {
  return field ? machine::HostAnswer{HostStatus::kDone, *field} : kBadArgument;
}

// The arena alone: the host reads the mailbox and the frames itself and would wait for ever for a
// page that it took away.
bool is_swappable(std::uint64_t page) {
  return page >= protocol::kArenaAddress && page < protocol::kArenaAddress + protocol::kArenaSize &&
         page % machine::kPageSize == 0;
}

machine::HostAnswer host_clock() {
  timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return kFailed;
  return {HostStatus::kDone, static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
                                 static_cast<std::uint64_t>(now.tv_nsec)};
}

bool pin(pid_t thread, int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  return sched_setaffinity(thread, sizeof(set), &set) == 0;
}

}  // namespace

bool can_perform(HostVerb verb, const System& system, bool can_swap_pages) {
  switch (verb) {
    case HostVerb::kPauseClock:
      return system.has(KVM_CAP_KVMCLOCK_CTRL);
    case HostVerb::kPageOut:
    case HostVerb::kPageIn:
      return can_swap_pages;
    case HostVerb::kReadClock:
    case HostVerb::kCompete:
      return true;
    case HostVerb::kAnswerHypercall:
    case HostVerb::kHypercallExit:
      return system.has(KVM_CAP_EXIT_HYPERCALL);
    case HostVerb::kMsrExit:
      return system.has(KVM_CAP_X86_USER_SPACE_MSR) && system.has(KVM_CAP_X86_MSR_FILTER);
    case HostVerb::kRaiseMsi:
      return system.has(KVM_CAP_SIGNAL_MSI);
    case HostVerb::kSetLine:
    case HostVerb::kReadDirtyLog:
    case HostVerb::kDirtyPage:
    case HostVerb::kCountRings:
      return true;
    default:
      return protocol::is_device_verb(verb);
  }
}

HostActions::HostActions(Vm& vm, PageSwap& pages, ExitRecords& records, DirtyLog& dirty,
                         UserIrqchip* irqchip, std::optional<EventDoorbells>& doorbells,
                         DeviceThread& device)
    : vm_(vm),
      pages_(pages),
      records_(records),
      dirty_(dirty),
      irqchip_(irqchip),
      doorbells_(doorbells),
      device_(device) {}

machine::HostAnswer HostActions::perform(const machine::HostCall& call, unsigned cpu,
                                         VcpuThreads& threads) {
  const std::uint64_t first = call.arguments[0];
  switch (call.verb) {
    case HostVerb::kPauseClock:
      return done_or_failed(threads.pause_clocks(cpu));
    case HostVerb::kPageOut:
      return is_swappable(first) ? done_or_failed(pages_.take_out(first)) : kBadArgument;
    case HostVerb::kPageIn:
      return is_swappable(first) ? done_or_failed(pages_.bring_in(first)) : kBadArgument;
    case HostVerb::kReadClock:
      return host_clock();
    case HostVerb::kAnswerHypercall:
      records_.set_hypercall_answer(first);
      return kDone;
    case HostVerb::kHypercallExit:
      return field_or_bad(records_.hypercall_field(first));
    case HostVerb::kCompete:
      return compete(first, threads);
    case HostVerb::kMsrExit:
      return field_or_bad(records_.msr_field(first));
    case HostVerb::kRaiseMsi:
      return raise_msi(first, call.arguments[1]);
    case HostVerb::kSetLine:
      return set_line(first, call.arguments[1], threads);
    case HostVerb::kReadDirtyLog:
      return dirty_.read();
    case HostVerb::kDirtyPage:
      return dirty_.page(first);
    case HostVerb::kCountRings:
      return {HostStatus::kDone, doorbells_ ? doorbells_->rings() : 0};
    default:
      break;
  }
  return protocol::is_device_verb(call.verb) ? device_.act(call)
                                             : machine::HostAnswer{HostStatus::kUnknownVerb, 0};
}

bool HostActions::pin_self(int processor) {
  const pid_t self = gettid();
  cpu_set_t before;
  if (sched_getaffinity(self, sizeof(before), &before) != 0 || !pin(self, processor)) return false;
  const std::lock_guard lock(mutex_);
  pinned_.try_emplace(self, before);
  return true;
}

// The first half passes before the verb returns: this thread wants to run all the while, so time
// stolen from it has already grown when the guest looks. The second half passes while the guest
// runs, so that others see it preempted. The vCPU stays on that processor until the machine ends,
// or it would escape the competition.
machine::HostAnswer HostActions::compete(std::uint64_t nanoseconds, VcpuThreads& threads) {
  if (nanoseconds > kLongestCompetition) return kBadArgument;
  const int processor = sched_getcpu();
  if (processor < 0 || !pin_self(processor)) return kFailed;
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::nanoseconds(nanoseconds);
  try {
    const std::lock_guard lock(mutex_);
    if (competitors_.size() >= kMostCompetitors) return kFailed;
    competitors_.emplace_back([=](const std::stop_token& stop) {
      pin(gettid(), processor);
      while (!stop.stop_requested() && Clock::now() < end) {
      }
    });
  } catch (const std::system_error&) {
    return kFailed;
  }
  while (Clock::now() < begin + (end - begin) / 2 && !threads.has_ended()) {
  }
  return kDone;
}

machine::HostAnswer HostActions::raise_msi(std::uint64_t vector, std::uint64_t apic_id) {
  // Vectors below 16 are reserved (SDM vol. 3 "Valid Interrupt Vectors"); the message has eight
  // bits of destination.
  if (vector < 16 || vector > 0xff || apic_id > 0xff) return kBadArgument;
  const auto delivered = vm_.signal(
      fixed_message(static_cast<std::uint8_t>(vector), static_cast<std::uint8_t>(apic_id)));
  if (!delivered) return kFailed;
  return {HostStatus::kDone, static_cast<std::uint64_t>(*delivered)};
}

machine::HostAnswer HostActions::set_line(std::uint64_t gsi, std::uint64_t level,
                                          VcpuThreads& threads) {
  if (gsi >= UserIrqchip::kPins || level > 1) return kBadArgument;
  const auto pin = static_cast<std::uint32_t>(gsi);
  if (irqchip_ == nullptr) return done_or_failed(vm_.set_line(pin, level != 0));
  irqchip_->set_line(pin, level != 0);
  if (irqchip_->wants_cpu()) threads.poke(0);
  return kDone;
}

void HostActions::stop() {
  const std::lock_guard lock(mutex_);
  competitors_.clear();  // asks each to stop and joins it
  // Threads of application processors are gone by now; that of CPU 0 goes on to other work.
  for (const auto& [thread, before] : pinned_) {
    (void)sched_setaffinity(thread, sizeof(before), &before);
  }
  pinned_.clear();
}

}  // namespace hypervet::kvm
