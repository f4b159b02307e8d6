// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/ending.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "guest-payloads/protocol/layout.h"

namespace hypervet::vmm {
namespace {

using backends::Stop;
using State = ProgressWatch::State;

constexpr std::uint64_t kInterruptFlag = 0x200;

std::int64_t in_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

// The bytes at RIP where they lie in memory that hypervet sees: the guest's low addresses are
// physical ones, and appear again at the high alias.
void read_code(backends::CpuState& cpu, std::span<const std::uint8_t> ram) {
  std::uint64_t at = cpu.registers.rip;
  if (at >= protocol::kHighAlias) at -= protocol::kHighAlias;
  if (at >= ram.size()) return;
  const auto length = std::min<std::uint64_t>(15, ram.size() - at);
  cpu.code.resize(length);
  std::memcpy(cpu.code.data(), ram.data() + at, length);
}

std::vector<backends::CpuState> cpus_of(VmmProcess& vmm, State state) {
  if (vmm.monitor() == nullptr) return {};
  auto cpus = vmm.monitor()->cpus(state == State::kStands);
  for (auto& cpu : cpus) read_code(cpu, vmm.ram());
  return cpus;
}

bool nothing_wakes(const std::vector<backends::CpuState>& cpus) {
  return !cpus.empty() && std::ranges::all_of(cpus, [](const auto& cpu) {
    return cpu.halted && (cpu.registers.rflags & kInterruptFlag) == 0;
  });
}

std::string where(const std::vector<backends::CpuState>& cpus, const VmmProcess& vmm,
                  bool has_monitor) {
  if (cpus.empty())
    return has_monitor ? fmt::format("; the monitor of {} does not answer", vmm.title()) : "";
  std::string text;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    text += fmt::format("; CPU {} {} {:#x}", i, cpus[i].halted ? "is halted at" : "executes near",
                        cpus[i].registers.rip);
  }
  return text;
}

}  // namespace

Ending died(VmmProcess& vmm, const process::Ended& ended) {
  const bool left = vmm.monitor() != nullptr ? vmm.monitor()->guest_left() : ended.ok();
  vmm.listen();
  if (ended.ok() && left) {
    return {Stop::kShutdown,
            fmt::format("{} ended by itself, as it does when the guest is reset", vmm.title())};
  }
  return {Stop::kDied,
          fmt::format("{} ended in the midst of the program: {}", vmm.title(), ended.words())};
}

std::optional<Ending> standing(VmmProcess& vmm, const ProgressWatch& watch, State state) {
  if (state == State::kRuns) return std::nullopt;
  const bool has_monitor = vmm.monitor() != nullptr;
  // A guest that sleeps may wait for its timer; only the monitor can tell.
  if (state == State::kSleeps && !has_monitor) return std::nullopt;
  if (state == State::kSleeps && vmm.monitor()->gave_up())
    return Ending{Stop::kInternalError, fmt::format("{} gave up on the guest", vmm.title()),
                  cpus_of(vmm, state)};
  auto cpus = cpus_of(vmm, state);
  if (nothing_wakes(cpus)) {
    return Ending{Stop::kDeadlock,
                  "every CPU is halted with interrupts off" + where(cpus, vmm, has_monitor),
                  std::move(cpus)};
  }
  if (state == State::kSleeps) return std::nullopt;
  const auto at = where(cpus, vmm, has_monitor);
  if (state == State::kExpired) {
    return Ending{
        Stop::kDeadline,
        fmt::format("not done in time: {} used {} ms of processor time in the {} ms since "
                    "the program last got on{}",
                    vmm.title(), in_ms(watch.used()), in_ms(watch.waited()), at),
        std::move(cpus)};
  }
  return Ending{Stop::kStuck,
                fmt::format("{} used {} ms of processor time without the program getting on{}",
                            vmm.title(), in_ms(watch.used()), at),
                std::move(cpus)};
}

}  // namespace hypervet::vmm
