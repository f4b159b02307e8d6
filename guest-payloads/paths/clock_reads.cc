// SPDX-License-Identifier: Apache-2.0
// Clocks that take more than one instruction to read: kvmclock from its page (Linux,
// Documentation/virt/kvm/x86/msr.rst, MSR_KVM_SYSTEM_TIME_NEW), and the PIT.
#include "guest-payloads/paths/path.h"
#include "guest-payloads/scenarios/pvclock.h"

namespace hypervet::guest {

namespace {

constexpr std::uint32_t kSystemTimeMsr = 0x4b56'4d01;
constexpr std::uint64_t kEnable = 1;

// 8254: control word at base + 3 (counter 0, both bytes, mode 2), latch command, data at base.
constexpr std::uint16_t kPitControl = protocol::kPitPort + 3;
constexpr std::uint8_t kPitMode2 = 0x34, kPitLatch = 0x00;
constexpr std::uint32_t kNobody = 0xffff;

std::uint32_t read_pit() {
  out8(kPitControl, kPitLatch);
  const std::uint32_t low = in8(protocol::kPitPort);
  return low | std::uint32_t{in8(protocol::kPitPort)} << 8;
}

}  // namespace

void kvmclock_path(PathRun& path) {
  constexpr std::uint64_t kArea = protocol::kPathAreaAddress;
  Guard guard;
  if (!guarded_wrmsr(guard, kSystemTimeMsr, kArea | kEnable)) return path.faulted(guard);
  path.first = read_pvclock(kArea).time;
  const bool whole = path.time([&path] {
    const PvclockReading now = read_pvclock(kArea);
    path.sum += now.time;
    path.last = now.time;
    return now.whole;
  });
  if (!guarded_wrmsr(guard, kSystemTimeMsr, 0)) return path.faulted(guard);
  whole ? path.done() : path.failed(protocol::MeasureStatus::kTorn);
}

void pit_path(PathRun& path) {
  // From 65536 down, over and over.
  out8(kPitControl, kPitMode2);
  out8(protocol::kPitPort, 0);
  out8(protocol::kPitPort, 0);
  path.first = read_pit();
  if (path.first == kNobody && soon([&] { return read_pit() != kNobody; }) == false) {
    return path.failed(protocol::MeasureStatus::kNoDevice);
  }
  path.time([&path] {
    path.last = read_pit();
    path.sum += path.last;
    return true;
  });
  path.done();
}

}  // namespace hypervet::guest
