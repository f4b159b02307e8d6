// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/async_page_fault.h"

#include <algorithm>
#include <utility>

namespace hypervet::pv {

namespace apf = kvm::async_pf;
using violations::Area;
using violations::DeliveryMode;
using violations::Interrupt;
using violations::Source;
using violations::WhenWritten;

namespace {

constexpr std::uint64_t kPageMask = ~std::uint64_t{0xfff};
// A token is a count above the CPU's number (arch/x86/kvm/mmu/mmu.c); the count is never 0.
constexpr unsigned kTokenCountShift = 12;

std::uint32_t new_token(AsyncPageFaultState& state, unsigned cpu) {
  if (state.next_id << kTokenCountShift == 0) state.next_id = 1;
  return (state.next_id++ << kTokenCountShift) | cpu;
}

}  // namespace

bool AsyncPageFault::write_enable(unsigned cpu, std::uint64_t value) {
  if (value & apf::kReservedBits) return false;
  if ((value & apf::kAsVmexit) && !host_.cpuid.usable(kvm::kAsyncPfVmexit)) return false;
  if ((value & apf::kAsInterrupt) && !host_.cpuid.usable(kvm::kAsyncPfInt)) return false;

  AsyncPageFaultState& state = host_.cpu(cpu).async_pf;
  state.enable_msr = value;
  // Without bit 3 there is no way left to tell of a page, so Linux takes the feature for off.
  state.enabled = (value & kvm::kMsrEnabled) && (value & apf::kAsInterrupt);
  if (!state.enabled) {
    const bool outstanding = !state.waiting.empty() || !state.done.empty();
    if (outstanding && host_.interposer.switched("apf-survives-disable")) {
      state.survivors = true;
      return true;
    }
    state.waiting.clear();
    state.done.clear();
    return true;
  }
  // A bad address faults, but the MSR has taken the value: Linux stores it first.
  state.area = value & apf::kAddressMask;
  state.area_good = host_.is_ram(state.area, apf::kUsed);
  if (!state.area_good) return false;
  state.in_kernel = (value & apf::kSendAlways) != 0;
  if (host_.interposer.switched("apf-flags-on-regular-fault"))
    GuestArea(host_, Area::kAsyncPf, cpu, WhenWritten::kRegister, state.area, apf::kSize)
        .put("flags", apf::kFlags, apf::kPageNotPresent);
  // Whatever the guest waited for under an earlier registration: the token for all pages
  // (undocumented).
  if (state.done.empty()) queue_done(cpu, {.token = apf::kAllPagesReady, .wake_all = true});
  return true;
}

bool AsyncPageFault::write_vector(unsigned cpu, std::uint64_t value) {
  if (value > 0xff) return false;
  AsyncPageFaultState& state = host_.cpu(cpu).async_pf;
  state.vector_msr = value;
  state.vector = static_cast<std::uint8_t>(value);
  return true;
}

void AsyncPageFault::write_ack(unsigned cpu, std::uint64_t value) {
  if (value & 1) tell_ready(cpu);
}

void AsyncPageFault::init_cpu(unsigned cpu) {
  AsyncPageFaultState& state = host_.cpu(cpu).async_pf;
  state = {.next_id = state.next_id};
}

bool AsyncPageFault::can_tell_guest(unsigned cpu) const {
  const AsyncPageFaultState& state = host_.cpu(cpu).async_pf;
  return state.enabled && state.area_good && (state.in_kernel || host_.services.cpl(cpu) != 0);
}

AbsentAnswer AsyncPageFault::touched(unsigned cpu, std::uint64_t gpa) {
  const std::uint64_t page = gpa & kPageMask;
  if (!is_absent(page)) {
    host_.services.set_absent(page, false);
    return {};
  }
  AsyncPageFaultState& state = host_.cpu(cpu).async_pf;
  const auto is_this = [page](const AwaitedPage& one) { return !one.wake_all && one.page == page; };
  // With interrupts off the CPU could not even be told to do something else: it waits.
  if (!host_.services.interrupts_open(cpu) || std::ranges::any_of(state.waiting, is_this) ||
      std::ranges::any_of(state.done, is_this) ||
      state.waiting.size() + state.done.size() >= apf::kMaxOutstanding)
    return {.action = AbsentAnswer::Action::kWait};
  state.waiting.push_back({.page = page, .token = new_token(state, cpu)});
  if (!can_tell_guest(cpu)) return {.action = AbsentAnswer::Action::kWait};
  return inject(cpu, state.waiting.back());
}

bool AsyncPageFault::is_absent(std::uint64_t page) const {
  return std::ranges::find(host_.state.absent, page) != host_.state.absent.end();
}

AbsentAnswer AsyncPageFault::inject(unsigned cpu, AwaitedPage& awaited) {
  awaited.token = host_.interposer.token(Source::kAsyncPfNotPresent, cpu, awaited.token);
  GuestArea area(host_, Area::kAsyncPf, cpu, WhenWritten::kInject, host_.cpu(cpu).async_pf.area,
                 apf::kSize);
  if (!area.put("flags", apf::kFlags, apf::kPageNotPresent))
    return {.action = AbsentAnswer::Action::kWait};
  awaited.notified = true;
  const Interrupt fault{.cpu = cpu, .vector = violations::kPageFault};
  const auto sent = host_.interposer.interrupt({Source::kAsyncPfNotPresent, cpu, cpu}, fault);
  if (sent.empty()) return {.action = AbsentAnswer::Action::kWait};
  // Error code 0: the fault says nothing of the access.
  return {AbsentAnswer::Action::kInject, {sent.front().vector, 0, awaited.token}};
}

bool AsyncPageFault::page_out(std::uint64_t gpa) {
  const std::uint64_t page = gpa & kPageMask;
  if (!host_.services.set_absent(page, true)) return false;
  if (!is_absent(page)) host_.state.absent.push_back(page);
  return true;
}

bool AsyncPageFault::page_in(std::uint64_t gpa) {
  const std::uint64_t page = gpa & kPageMask;
  if (!host_.is_ram(page, 1)) return false;
  if (!is_absent(page)) return true;
  const bool awaited = std::ranges::any_of(host_.state.cpu, [page](const CpuPart& part) {
    return std::ranges::any_of(part.async_pf.waiting, [page](const AwaitedPage& one) {
      return one.page == page && one.notified;
    });
  });
  if (!awaited || !host_.interposer.switched("apf-ready-before-page")) {
    std::erase(host_.state.absent, page);
    host_.services.set_absent(page, false);
  }
  for (unsigned cpu = 0; cpu < host_.services.cpus(); ++cpu) page_is_back(cpu, page);
  return true;
}

void AsyncPageFault::page_is_back(unsigned cpu, std::uint64_t page) {
  auto& waiting = host_.cpu(cpu).async_pf.waiting;
  const auto found = std::ranges::find(waiting, page, &AwaitedPage::page);
  if (found == waiting.end()) return;
  const AwaitedPage awaited = *found;
  waiting.erase(found);
  queue_done(cpu, awaited);
  before_entry(cpu);  // the host kicks the CPU
}

// Linux looks through the queue when something comes into an empty one, and at an ACK; not at every
// entry.
void AsyncPageFault::queue_done(unsigned cpu, const AwaitedPage& awaited) {
  AsyncPageFaultState& state = host_.cpu(cpu).async_pf;
  if (state.done.empty()) state.check = true;
  state.done.push_back(awaited);
}

void AsyncPageFault::before_entry(unsigned cpu) {
  if (std::exchange(host_.cpu(cpu).async_pf.check, false)) tell_ready(cpu);
}

void AsyncPageFault::tell_ready(unsigned cpu) {
  AsyncPageFaultState& state = host_.cpu(cpu).async_pf;
  GuestArea area(host_, Area::kAsyncPf, cpu, WhenWritten::kNotify, state.area, apf::kSize);
  while (!state.done.empty()) {
    const bool on = (state.enabled || state.survivors) && state.area_good;
    // The guest takes a token by writing 0 over it; until then the next one waits.
    if (on && !host_.services.apic(cpu).enabled) return;
    if (on && area.get(apf::kToken) != 0 && !host_.interposer.switched("apf-ready-overwrites"))
      return;
    const AwaitedPage awaited = state.done.front();
    state.done.pop_front();
    // Progress for a CPU that halted meanwhile, whatever the guest is told.
    if (host_.services.is_halted(cpu)) host_.services.wake(cpu);
    if (!on || !(awaited.notified || awaited.wake_all)) continue;
    const std::uint32_t token = host_.interposer.token(Source::kAsyncPfReady, cpu, awaited.token);
    if (area.put("token", apf::kToken, token))
      host_.send(Source::kAsyncPfReady, {cpu, state.vector, DeliveryMode::kFixed}, cpu, cpu);
  }
}

}  // namespace hypervet::pv
