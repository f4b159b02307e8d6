// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/kvm_hypercalls.h"

#include <algorithm>
#include <vector>

namespace hypervet::pv {

using violations::Area;
using violations::DeliveryMode;
using violations::HypercallCall;
using violations::Source;
using violations::WhenWritten;

namespace {

constexpr std::uint64_t kLow32 = 0xffff'ffff;
constexpr std::uint64_t kPageSize = 4096;
constexpr unsigned kPageShift = 12;
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
// The destination of xAPIC that means everybody; Linux reads a kick's target so (APIC_BROADCAST).
constexpr std::uint32_t kEverybody = 0xff;
// Delivery mode 3, "remote read", which Linux has taken for its wake-ups.
constexpr unsigned kModeRemoteRead = 3, kModeExternal = 7;

}  // namespace

KvmHypercalls::KvmHypercalls(KvmHost& host, const backends::Configuration& configuration)
    : host_(host),
      exits_(has_setting(configuration, "hypercall-exits", "on")),
      host_tsc_(has_setting(configuration, "host-clock", "tsc")) {}

bool KvmHypercalls::knows(std::uint64_t number) {
  switch (number) {
    case kvm::kVapicPollIrq:
    case kvm::kKickCpu:
    case kvm::kClockPairing:
    case kvm::kSendIpi:
    case kvm::kSchedYield:
    case kvm::kMapGpaRangeCall:
      return true;
    default:
      return false;  // 2, 3, 4, 6, 7, 8 are gone or another architecture's
  }
}

std::uint64_t KvmHypercalls::perform(const Caller& caller, const HypercallCall& call) {
  std::uint64_t number = call.number;
  Arguments a = call.arguments;
  if (!caller.long_mode && call.truncate) {
    number &= kLow32;
    for (std::uint64_t& argument : a) argument &= kLow32;
  }
  // Before the number is looked at.
  if (caller.cpl != 0 && !call.allow) return kvm::kEperm;
  const auto offered = [&](kvm::Feature feature) {
    return call.allow || host_.cpuid.usable(feature);
  };
  switch (number) {
    case kvm::kVapicPollIrq:
      return 0;  // its purpose is the exit
    case kvm::kKickCpu:
      return offered(kvm::kPvUnhalt) ? kick_cpu(caller, call, a[1]) : kvm::kEnosys;
    case kvm::kClockPairing:
      return clock_pairing(caller, call, a);  // no feature bit
    case kvm::kSendIpi:
      return offered(kvm::kPvSendIpi) ? send_ipi(caller, call, a) : kvm::kEnosys;
    case kvm::kSchedYield:
      if (!offered(kvm::kPvSchedYield)) return kvm::kEnosys;
      if (!call.ignore) yield(caller, a[0]);
      return 0;
    case kvm::kMapGpaRangeCall:
      return map_gpa_range(caller, call, a);
    default:
      return kvm::kEnosys;
  }
}

// Always 0, also for an id that nobody has.
std::uint64_t KvmHypercalls::kick_cpu(const Caller& caller, const HypercallCall& call,
                                      std::uint64_t apic_id) {
  if (call.ignore) return 0;
  const auto id = static_cast<std::uint32_t>(apic_id);
  if (id == kEverybody) {
    for (unsigned cpu = 0; cpu < host_.services.cpus(); ++cpu)
      host_.kick(cpu, 0, host_.services.cpus() - 1);
  } else if (const auto cpu = host_.services.cpu_of(id)) {
    host_.kick(*cpu, *cpu, *cpu);
  }
  yield(caller, apic_id);
  return 0;
}

// A hint: nothing is wrong with an id that nobody has, or one's own.
void KvmHypercalls::yield(const Caller& caller, std::uint64_t apic_id) {
  if (apic_id > kLow32) return;
  const auto cpu = host_.services.cpu_of(static_cast<std::uint32_t>(apic_id));
  if (cpu && *cpu != caller.cpu) host_.services.yield_to(*cpu);
}

std::uint64_t KvmHypercalls::clock_pairing(const Caller& caller, const HypercallCall& call,
                                           const Arguments& a) {
  namespace cp = kvm::clock_pairing;
  // In this order: type, host clock, address.
  if (a[1] != cp::kWallClock && !call.allow) return kvm::kEopnotsupp;
  if (!host_tsc_ && !call.allow) return kvm::kEopnotsupp;
  if (call.ignore) return 0;
  const std::uint64_t now = host_.services.wall_clock_ns();
  GuestArea area(host_, Area::kClockPairing, caller.cpu, WhenWritten::kRegister, a[0], cp::kSize);
  bool written = area.put("sec", cp::kSec, now / kNsPerSecond) &&
                 area.put("nsec", cp::kNsec, now % kNsPerSecond) &&
                 area.put("tsc", cp::kTsc, host_.services.tsc(caller.cpu)) &&
                 area.put("flags", cp::kFlags, 0);
  for (unsigned offset = cp::kPad.offset; written && offset < cp::kSize; offset += 4)
    written = area.put("pad", {offset, 4}, 0);
  return written ? 0 : kvm::kEfault;
}

std::uint64_t KvmHypercalls::send_ipi(const Caller& caller, const HypercallCall& call,
                                      const Arguments& a) {
  const std::uint64_t icr = a[3];
  if ((icr & (kvm::kIcrLogical | kvm::kIcrShorthand)) && !call.allow) return kvm::kEinval;
  const auto vector = static_cast<std::uint8_t>(icr & kvm::kIcrVector);
  const auto mode = static_cast<unsigned>((icr & kvm::kIcrMode) >> kvm::kIcrModeShift);
  const bool deasserted = (icr & kvm::kIcrLevel) && !(icr & kvm::kIcrAssert);

  // Both masks, from the lowest id on. The id of the second half's bit 0 wraps at 32 bits, as Linux
  // computes it; within a half nothing wraps.
  std::uint32_t high_at = caller.long_mode ? 64 : 32;
  if (a[1] != 0 && host_.interposer.switched("send-ipi-high-half-at"))
    high_at =
        static_cast<std::uint32_t>(host_.interposer.switch_amount("send-ipi-high-half-at", 32));
  const auto lowest_id = static_cast<std::uint32_t>(a[2]);
  const std::uint32_t first_id[] = {lowest_id, lowest_id + high_at};
  std::vector<unsigned> addressed;
  for (unsigned half = 0; half < 2; ++half) {
    for (unsigned bit = 0; bit < 64; ++bit) {
      const std::uint64_t id = std::uint64_t{first_id[half]} + bit;
      if (((a[half] >> bit) & 1) == 0 || id > kLow32) continue;
      if (const auto cpu = host_.services.cpu_of(static_cast<std::uint32_t>(id)))
        addressed.push_back(*cpu);
    }
  }

  std::uint64_t reached = 0;
  for (const unsigned cpu : addressed) {
    const auto [lowest, highest] = std::ranges::minmax(addressed);
    const bool fixed = mode <= static_cast<unsigned>(DeliveryMode::kLowestPriority);
    // What the local APIC would not take is not counted.
    if (mode == kModeExternal) continue;
    if (fixed && (!host_.services.apic(cpu).enabled || deasserted)) continue;
    if (mode == static_cast<unsigned>(DeliveryMode::kInit) && deasserted) continue;
    ++reached;
    if (call.ignore) continue;
    if (mode == kModeRemoteRead)
      host_.kick(cpu, lowest, highest);
    else
      host_.send(Source::kSendIpi,
                 {cpu, vector, fixed ? DeliveryMode::kFixed : static_cast<DeliveryMode>(mode)},
                 lowest, highest);
  }
  return reached;
}

std::uint64_t KvmHypercalls::map_gpa_range(const Caller& caller, const HypercallCall& call,
                                           const Arguments& a) {
  if (!exits_ && !call.allow) return kvm::kEnosys;
  const auto [gpa, pages, attributes, unused] = a;
  const std::uint64_t frame = gpa >> kPageShift;
  const bool bad = gpa % kPageSize != 0 || pages == 0 || frame + pages <= frame;
  if (bad && !call.allow) return kvm::kEinval;
  if (call.ignore) return host_.state.hypercall_answer;
  const violations::Exit exit =
      host_.interposer.exit({.kind = violations::ExitKind::kHypercall,
                             .number = kvm::kMapGpaRangeCall,
                             .arguments = {gpa, pages, attributes},
                             .flags = caller.long_mode ? kvm::kExitLongMode : 0});
  if (exit.drop) return 0;
  ++host_.state.hypercall_exits;
  host_.state.last_hypercall_exit = exit;
  return exit.result.value_or(host_.state.hypercall_answer);
}

}  // namespace hypervet::pv
