// SPDX-License-Identifier: Apache-2.0
// kMeasure: which loop, and its answer.
#include "guest-payloads/paths/path.h"
#include "guest-payloads/runtime/words.h"

namespace hypervet::guest {

using protocol::MeasureStatus;
using protocol::PathLoop;

PathRun::PathRun(OpRun& op_run)
    : run_(op_run),
      loop_(static_cast<PathLoop>(op_run.operand(0))),
      samples_(op_run.operand(1)),
      warmup_(op_run.operand(2) & 0xffff'ffff),
      batch_(op_run.operand(2) >> 32),
      empty_(op_run.op().variant == static_cast<std::uint16_t>(protocol::MeasureVariant::kEmpty)) {
  // The pages are there before the first sample is, so that no batch pays for them.
  clear_words(samples(), samples_ > warmup_ ? samples_ : warmup_);
}

void PathRun::done() {
  const protocol::MeasureAnswer answer{.status = static_cast<std::uint64_t>(MeasureStatus::kDone),
                                       .operations = operations(),
                                       .first = first,
                                       .sum = sum,
                                       .last = last};
  const std::uint64_t values[] = {answer.status, answer.operations, answer.first, answer.sum,
                                  answer.last};
  run_.values(values, 5);
  for (std::uint64_t sent = 0; sent < samples_;) {
    const std::uint64_t left = samples_ - sent;
    const auto some = static_cast<std::uint32_t>(
        left < protocol::kSamplesPerFrame ? left : protocol::kSamplesPerFrame);
    run_.values(samples() + sent, some);
    sent += some;
  }
}

void PathRun::failed(MeasureStatus status) {
  const std::uint64_t values[] = {static_cast<std::uint64_t>(status), 0, first, sum, last};
  run_.values(values, 5);
}

void PathRun::faulted(const Guard& guard) { run_.executed(guard); }

void measure_op(OpRun& run) {
  PathRun path(run);
  switch (path.loop()) {
    case PathLoop::kKvmclockRead:
      return kvmclock_path(path);
    case PathLoop::kPitRead:
      return pit_path(path);
    case PathLoop::kSelfIpi:
    case PathLoop::kSelfIpiPvEoi:
      return self_ipi_path(path);
    case PathLoop::kIpiHypercall:
    case PathLoop::kIpiIcr:
    case PathLoop::kIpiShorthand:
      return ipi_path(path);
    case PathLoop::kWakeKick:
    case PathLoop::kWakeIpi:
    case PathLoop::kWakeSpin:
      return wake_path(path);
    case PathLoop::kArmLapic:
    case PathLoop::kArmDeadline:
      return arm_path(path);
    case PathLoop::kFireLapic:
    case PathLoop::kFireDeadline:
      return fire_path(path);
    case PathLoop::kPageFirstTouch:
    case PathLoop::kPageTouchAgain:
      return page_path(path);
    case PathLoop::kRingInterrupt:
    case PathLoop::kHostInterrupt:
      return device_interrupt_path(path);
    default:
      return instruction_path(path);
  }
}

}  // namespace hypervet::guest
