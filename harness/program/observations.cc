// SPDX-License-Identifier: Apache-2.0
#include "harness/program/observations.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "guest-payloads/protocol/program.h"

namespace hypervet::program {
namespace {

using protocol::FrameHeader;
using protocol::FrameKind;

std::size_t padded(std::uint32_t length) { return (std::size_t{length} + 7) & ~std::size_t{7}; }

bool known(FrameKind kind) { return kind >= FrameKind::kHello && kind <= FrameKind::kBegin; }

// The payload size that a kind demands; nullopt: any (up to the limit).
std::optional<std::uint32_t> fixed_length(FrameKind kind) {
  switch (kind) {
    case FrameKind::kHello:
      return sizeof(protocol::HelloPayload);
    case FrameKind::kDone:
    case FrameKind::kBegin:
      return 0;
    case FrameKind::kExecuted:
    case FrameKind::kPanic:
      return sizeof(protocol::ExecutedPayload);
    case FrameKind::kRefused:
      return sizeof(protocol::RefusedPayload);
    case FrameKind::kFinished:
      return sizeof(std::uint64_t);
    case FrameKind::kHostCall:
      return 5 * sizeof(std::uint64_t);
    case FrameKind::kValues:
    case FrameKind::kBytes:
      return std::nullopt;
  }
  return std::nullopt;
}

// What is wrong with a header on its own; nullptr: nothing.
const char* problem_of(const FrameHeader& header, std::size_t index) {
  if (header.magic != protocol::kFrameMagic) return "no frame begins here";
  if (!known(header.kind)) return "kind is unknown";
  if (header.length > protocol::kMaxFramePayload) return "payload is longer than a frame may hold";
  if (header.cpu >= protocol::kMaxCpus) return "CPU does not exist";
  if (header.sequence != index) return "sequence number is not the next";
  if (const auto length = fixed_length(header.kind); length && *length != header.length)
    return "payload has the wrong size for its kind";
  if (header.kind == FrameKind::kValues && header.length % 8 != 0)
    return "payload is no whole number of values";
  return nullptr;
}

template <typename T>
T copy(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

Observation read(const FrameHeader& header, const std::byte* payload) {
  Observation result{header, {}};
  switch (header.kind) {
    case FrameKind::kHello:
      result.payload = copy<protocol::HelloPayload>(payload);
      break;
    case FrameKind::kExecuted:
    case FrameKind::kPanic:
      result.payload = copy<protocol::ExecutedPayload>(payload);
      break;
    case FrameKind::kRefused:
      result.payload = copy<protocol::RefusedPayload>(payload);
      break;
    case FrameKind::kValues:
    case FrameKind::kFinished:
    case FrameKind::kHostCall: {
      Values values(header.length / 8);
      if (!values.empty()) std::memcpy(values.data(), payload, header.length);
      result.payload = std::move(values);
      break;
    }
    case FrameKind::kBytes: {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(payload);
      result.payload = Bytes(bytes, bytes + header.length);
      break;
    }
    case FrameKind::kDone:
    case FrameKind::kBegin:
      break;
  }
  return result;
}

std::uint64_t checksum_of(FrameHeader header, const std::byte* payload) {
  header.checksum = 0;
  const std::uint64_t sum = protocol::checksum(&header, sizeof header);
  return protocol::checksum(payload, padded(header.length), sum);
}

}  // namespace

const protocol::ExecutedPayload* Observation::fault() const {
  const auto* result = executed();
  return result != nullptr && result->vector != protocol::kNoFault ? result : nullptr;
}

std::expected<std::vector<Observation>, std::string> decode(std::span<const std::byte> frames,
                                                            Ending ending) {
  std::vector<Observation> result;
  std::size_t offset = 0;
  const auto error = [&](std::string_view what) {
    return std::unexpected(fmt::format("frame {} (offset {}): {}", result.size(), offset, what));
  };
  while (offset < frames.size()) {
    if (result.size() == kMaxObservations) return error("more frames than a program can cause");
    if (!result.empty() && result.back().header.kind == FrameKind::kFinished)
      return error("something follows the end of the program");
    const auto rest = frames.subspan(offset);
    if (rest.size() < sizeof(FrameHeader)) {
      if (ending == Ending::kCutOff) break;
      return error("header is incomplete");
    }
    const auto header = copy<FrameHeader>(rest.data());
    if (const char* problem = problem_of(header, result.size())) return error(problem);
    if (rest.size() - sizeof(FrameHeader) < padded(header.length)) {
      if (ending == Ending::kCutOff) break;
      return error("payload is incomplete");
    }
    const std::byte* payload = rest.data() + sizeof(FrameHeader);
    if (checksum_of(header, payload) != header.checksum) return error("checksum does not match");
    Observation observation = read(header, payload);
    if (header.kind == FrameKind::kFinished &&
        std::get<Values>(observation.payload).front() != result.size())
      return error("the agent counted another number of frames");
    result.push_back(std::move(observation));
    offset += sizeof(FrameHeader) + padded(header.length);
  }
  return result;
}

}  // namespace hypervet::program
