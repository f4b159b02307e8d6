// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/path_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "harness/program/expectation.h"

namespace hypervet::measure {
namespace {

using program::Observation;
using protocol::MeasureAnswer;
using protocol::MeasureStatus;
using protocol::PathProof;

using Failure = std::optional<NoAnswer>;

NoAnswer failed(std::string why) { return {false, std::move(why)}; }

// What one op answered.
struct OpAnswer {
  MeasureAnswer answer{};
  std::vector<std::uint64_t> samples;
};

std::string name_of(std::uint32_t op) {
  return op == program::kEmptyOp ? "the empty loop" : "the loop";
}

// All Values of the op, in order; a fault ends it.
std::expected<std::vector<const program::Values*>, NoAnswer> values_of(
    std::uint32_t op, std::span<const Observation> observations) {
  std::vector<const program::Values*> found;
  for (const Observation& each : observations) {
    if (each.header.op != op) continue;
    if (const auto* fault = each.fault()) {
      return std::unexpected(
          failed(fmt::format("{} raised {} at {:#x}", name_of(op),
                             program::fault_name(fault->vector), fault->after.rip)));
    }
    if (each.header.kind != protocol::FrameKind::kValues) continue;
    found.push_back(std::get_if<program::Values>(&each.payload));
  }
  if (found.empty()) {
    return std::unexpected(failed(fmt::format("the agent did not answer for {}", name_of(op))));
  }
  return found;
}

Failure status_of(std::uint64_t status, const spec::Operation& operation) {
  switch (static_cast<MeasureStatus>(status)) {
    case MeasureStatus::kDone:
      return std::nullopt;
    case MeasureStatus::kNoDevice:
      return NoAnswer{true,
                      fmt::format("{}: the machine has no such device", operation.loop->name)};
    case MeasureStatus::kLost:
      return failed("an interrupt or a CPU's answer did not come within 200 ms");
    case MeasureStatus::kTorn:
      return failed("the clock's page was never consistent");
  }
  return failed(fmt::format("the agent answered with a status of no meaning, {}", status));
}

std::expected<OpAnswer, NoAnswer> read_op(std::uint32_t op, const spec::Operation& operation,
                                          std::uint64_t samples,
                                          std::span<const Observation> observations) {
  const auto frames = values_of(op, observations);
  if (!frames) return std::unexpected(frames.error());
  const program::Values& head = *frames->front();
  if (head.size() != sizeof(MeasureAnswer) / 8) {
    return std::unexpected(failed("the agent's answer has the wrong size"));
  }
  OpAnswer read{{head[0], head[1], head[2], head[3], head[4]}, {}};
  if (auto why = status_of(read.answer.status, operation)) return std::unexpected(*why);
  for (std::size_t i = 1; i < frames->size(); ++i) {
    const program::Values& some = *(*frames)[i];
    if (some.size() > samples - read.samples.size()) {
      return std::unexpected(failed("the agent sent more samples than were asked for"));
    }
    read.samples.insert(read.samples.end(), some.begin(), some.end());
  }
  if (read.samples.size() != samples) {
    return std::unexpected(failed(fmt::format(
        "the agent sent {} samples of {}: its channel is full", read.samples.size(), samples)));
  }
  return read;
}

bool all_ones(std::uint64_t value) {
  return value == 0xff || value == 0xffff || value == 0xffff'ffff || value == ~std::uint64_t{0};
}

// Was the work done? Arithmetic modulo 2^64, as the guest's.
Failure proof_of(const spec::Operation& operation, const MeasureAnswer& answer,
                 std::uint64_t operations, std::optional<std::uint64_t> rings) {
  const bool same = answer.sum == operations * answer.first;
  switch (operation.loop->proof) {
    case PathProof::kSameResult:
      if (operation.result && answer.first != *operation.result) {
        return failed(
            fmt::format("an operation gave {:#x}, not {:#x}", answer.first, *operation.result));
      }
      if (same) return std::nullopt;
      return failed(fmt::format(
          "checksum mismatch: {} operations that give {:#x} each do not add up to {:#x}",
          operations, answer.first, answer.sum));
    case PathProof::kMoves:
      if (!same) return std::nullopt;
      if (all_ones(answer.first)) {
        return NoAnswer{true,
                        fmt::format("{}: the machine has no such device", operation.loop->name)};
      }
      return failed(fmt::format("the clock stood still at {:#x}", answer.first));
    case PathProof::kCounts:
      if (answer.sum == operations) return std::nullopt;
      return failed(fmt::format("{} operations, of which {} were noticed", operations, answer.sum));
    case PathProof::kReadsBack:
      if (answer.first == answer.last) return std::nullopt;
      return failed(fmt::format("{:#x} was written, {:#x} reads back", answer.first, answer.last));
    case PathProof::kDoorbell:
      if (!rings) return failed("the host did not say how often the doorbell rang");
      if (*rings == operations + 1) return std::nullopt;  // one of them was not timed
      return failed(fmt::format("{} writes to the doorbell, {} rings", operations + 1, *rings));
    case PathProof::kPvEoi:
      if (answer.sum != operations) {
        return failed(
            fmt::format("{} operations, of which {} were noticed", operations, answer.sum));
      }
      if (answer.last != 0) return std::nullopt;
      return failed("the host never set the PV EOI bit: every interrupt was ended at the APIC");
    case PathProof::kHostClock:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> rings_of(std::span<const Observation> observations) {
  const auto values = values_of(program::kRingsOp, observations);
  if (!values || values->front()->size() != 2) return std::nullopt;
  if (values->front()->at(0) != static_cast<std::uint64_t>(protocol::HostStatus::kDone)) {
    return std::nullopt;
  }
  return values->front()->at(1);
}

}  // namespace

std::expected<PathAnswer, NoAnswer> read_answer(const spec::Operation& operation,
                                                const program::PathSizes& sizes,
                                                std::span<const Observation> observations) {
  auto empty = read_op(program::kEmptyOp, operation, sizes.samples, observations);
  if (!empty) return std::unexpected(empty.error());
  auto loop = read_op(program::kLoopOp, operation, sizes.samples, observations);
  if (!loop) return std::unexpected(loop.error());
  const std::uint64_t operations = (sizes.samples + sizes.warmup) * sizes.batch;
  if (auto why = proof_of(operation, loop->answer, operations, rings_of(observations))) {
    return std::unexpected(*why);
  }
  return PathAnswer{std::move(loop->samples), std::move(empty->samples)};
}

}  // namespace hypervet::measure
