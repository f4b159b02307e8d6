// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/kvm_clock.h"

#include <utility>

namespace hypervet::pv {
namespace {

using violations::Area;
using violations::WhenWritten;

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
// Linux rewrites a page when its CPU moves to another processor and every 300 s; the model has one
// processor and no patience, and the document allows any rate.
constexpr std::uint64_t kUpdatePeriodNs = 250'000;

constexpr std::uint64_t kPageSize = 4096;

}  // namespace

TimeScale time_scale(std::uint64_t tsc_khz) {
  // The multiplier is kept in [2^31, 2^32) so that it loses no precision: the rest is the shift.
  if (tsc_khz == 0) return {};
  std::uint64_t hz = tsc_khz * 1000;
  int shift = 0;
  while (hz > 2 * kNsPerSecond) {
    hz >>= 1;
    --shift;
  }
  while (hz <= kNsPerSecond) {
    hz <<= 1;
    ++shift;
  }
  return {static_cast<std::uint32_t>((kNsPerSecond << 32) / hz), static_cast<std::int8_t>(shift)};
}

void KvmClock::write_wall_clock(unsigned cpu, std::uint64_t value) {
  namespace wc = kvm::wall_clock;
  host_.state.wall_clock_msr = value;
  // No alignment, no enable bit, no fault. A structure that ends behind RAM is left unfinished, as
  // in Linux.
  if (value == 0) return;
  GuestArea area(host_, Area::kWallClock, cpu, WhenWritten::kRegister, value, wc::kSize);
  std::uint64_t version = area.get(wc::kVersion);
  version += (version & 1) + 1;  // odd: being written; old memory may hold anything
  if (!area.put("version", wc::kVersion, version)) return;
  // The time when the guest's clock began, so that wall clock + system time is now.
  const std::uint64_t booted = host_.services.wall_clock_ns() - host_.services.now_ns();
  area.put("sec", wc::kSec, static_cast<std::uint32_t>(booted / kNsPerSecond));
  area.put("nsec", wc::kNsec, booted % kNsPerSecond);
  area.put("version", wc::kVersion, version + 1);
}

void KvmClock::write_system_time(unsigned cpu, std::uint64_t value, bool old_number) {
  ClockState& clock = host_.cpu(cpu).clock;
  // The old number comes from guests that know no flags: if CPU 0 uses it, Linux gives up the
  // master clock.
  if (cpu == 0 && std::exchange(host_.state.old_clock_on_boot_cpu, old_number) != old_number) {
    host_.state.master_tsc = host_.services.tsc(cpu) - host_.services.tsc_offset(cpu);
    host_.state.master_ns = host_.services.now_ns();
    for (unsigned other = 0; other < host_.services.cpus(); ++other)
      host_.cpu(other).clock.due = true;
  }
  clock.msr = value;
  clock.enabled = (value & kvm::kMsrEnabled) != 0;
  clock.area = value & ~kvm::kMsrEnabled;
  clock.registered = clock.due = true;
}

void KvmClock::init_cpu(unsigned cpu) {
  ClockState& clock = host_.cpu(cpu).clock;
  clock = {.stopped_requested = clock.stopped_requested};
}

unsigned KvmClock::report_pause() {
  unsigned told = 0;
  for (unsigned cpu = 0; cpu < host_.services.cpus(); ++cpu) {
    ClockState& clock = host_.cpu(cpu).clock;
    if (!clock.enabled) continue;
    clock.stopped_requested = clock.due = true;
    ++told;
  }
  return told;
}

void KvmClock::before_entry(unsigned cpu) {
  ClockState& clock = host_.cpu(cpu).clock;
  if (!clock.enabled) return;
  if (!clock.due && host_.services.now_ns() < clock.next_update_ns) return;
  update(cpu);
}

// One offset for all CPUs (Linux: all TSCs matched), and no old clock on CPU 0.
bool KvmClock::has_master() const {
  if (!host_tsc_ || host_.state.old_clock_on_boot_cpu) return false;
  for (unsigned cpu = 1; cpu < host_.services.cpus(); ++cpu)
    if (host_.services.tsc_offset(cpu) != host_.services.tsc_offset(0)) return false;
  return true;
}

void KvmClock::update(unsigned cpu) {
  namespace st = kvm::system_time;
  ClockState& clock = host_.cpu(cpu).clock;
  const bool registered = std::exchange(clock.registered, false);
  clock.due = false;
  const std::uint64_t now = host_.services.now_ns();
  clock.next_update_ns = now + kUpdatePeriodNs;
  // Linux maps the page once: an area across two pages, or outside RAM, is never written and nobody
  // is told.
  if ((clock.area % kPageSize) + st::kSize > kPageSize || !host_.is_ram(clock.area, st::kSize))
    return;

  const bool master = has_master();
  const std::uint64_t tsc =
      master ? host_.state.master_tsc + host_.services.tsc_offset(cpu) : host_.services.tsc(cpu);
  const TimeScale scale = time_scale(host_.services.tsc_khz());
  GuestArea area(host_, Area::kSystemTime, cpu,
                 registered ? WhenWritten::kRegister : WhenWritten::kUpdate, clock.area, st::kSize);
  // The pause stays reported until the guest clears it.
  std::uint64_t flags = area.get(st::kFlags) & st::kGuestStopped;
  if (std::exchange(clock.stopped_requested, false)) flags |= st::kGuestStopped;
  // By the master clock alone: Linux does not look at feature bit 24 here.
  if (master) flags |= st::kTscStable;

  const std::uint64_t version = (area.get(st::kVersion) + 1) | 1;
  area.put("version", st::kVersion, version);
  area.put("pad0", st::kPad0, 0);
  area.put("tsc_timestamp", st::kTscTimestamp, tsc);
  area.put("system_time", st::kSystemTime, master ? host_.state.master_ns : now);
  area.put("tsc_to_system_mul", st::kTscToSystemMul, scale.multiplier);
  area.put("tsc_shift", st::kTscShift, static_cast<std::uint8_t>(scale.shift));
  area.put("flags", st::kFlags, flags);
  area.put("pad", st::kPad, 0);
  area.put("version", st::kVersion, version + 1);
}

}  // namespace hypervet::pv
