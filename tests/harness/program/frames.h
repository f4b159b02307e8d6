// SPDX-License-Identifier: Apache-2.0
// Frames as an agent writes them, for tests: well-formed unless a test spoils them.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include "guest-payloads/protocol/mailbox.h"
#include "guest-payloads/protocol/observation.h"
#include "guest-payloads/protocol/program.h"

namespace hypervet::test {

class Frames {
 public:
  // The bytes of one more frame; op, cpu and context as said.
  Frames& add(protocol::FrameKind kind, std::uint32_t op, const void* payload, std::size_t length,
              std::uint16_t cpu = 0, std::uint32_t context = 0) {
    protocol::FrameHeader header{};
    header.magic = protocol::kFrameMagic;
    header.kind = kind;
    header.cpu = cpu;
    header.op = op;
    header.length = static_cast<std::uint32_t>(length);
    header.sequence = sequence_++;
    header.context = context;
    std::vector<std::byte> body((length + 7) / 8 * 8);
    if (length != 0) std::memcpy(body.data(), payload, length);
    header.checksum =
        protocol::checksum(body.data(), body.size(), protocol::checksum(&header, sizeof header));
    const auto* begin = reinterpret_cast<const std::byte*>(&header);
    bytes_.insert(bytes_.end(), begin, begin + sizeof header);
    bytes_.insert(bytes_.end(), body.begin(), body.end());
    return *this;
  }

  Frames& hello(unsigned cpus = 1) {
    protocol::HelloPayload payload{protocol::kProgramVersion, cpus, {}};
    for (unsigned i = 0; i < protocol::kMaxCpus; ++i) payload.apic_ids[i] = i;
    return hello(payload);
  }
  Frames& hello(const protocol::HelloPayload& payload) {
    return add(protocol::FrameKind::kHello, protocol::kNoOp, &payload, sizeof payload);
  }
  Frames& done(std::uint32_t op, std::uint16_t cpu = 0) {
    return add(protocol::FrameKind::kDone, op, nullptr, 0, cpu);
  }
  Frames& executed(std::uint32_t op, const protocol::ExecutedPayload& payload,
                   std::uint16_t cpu = 0, std::uint32_t context = 0) {
    return add(protocol::FrameKind::kExecuted, op, &payload, sizeof payload, cpu, context);
  }
  Frames& values(std::uint32_t op, const std::vector<std::uint64_t>& values,
                 std::uint16_t cpu = 0) {
    return add(protocol::FrameKind::kValues, op, values.data(), values.size() * 8, cpu);
  }
  Frames& bytes(std::uint32_t op, const std::vector<std::uint8_t>& bytes) {
    return add(protocol::FrameKind::kBytes, op, bytes.data(), bytes.size());
  }
  Frames& finished() {
    const std::uint64_t before = sequence_;
    return add(protocol::FrameKind::kFinished, protocol::kNoOp, &before, sizeof before);
  }

  const std::vector<std::byte>& out() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  std::uint32_t sequence_ = 0;
};

// An instruction of three bytes that changed nothing.
inline protocol::ExecutedPayload quiet() {
  protocol::ExecutedPayload result{};
  result.before = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x1000, 0x2};
  result.after = result.before;
  result.after.rip += 3;
  result.vector = protocol::kNoFault;
  return result;
}

// With this in RAX (and EDX:EAX).
inline protocol::ExecutedPayload giving(std::uint64_t value) {
  protocol::ExecutedPayload result = quiet();
  result.after.rax = value;
  result.after.rdx = value >> 32;
  return result;
}

inline protocol::ExecutedPayload faulting(std::uint32_t vector, bool has_error = false,
                                          std::uint64_t error = 0, std::uint64_t cr2 = 0) {
  protocol::ExecutedPayload result = quiet();
  result.after.rip = result.before.rip;
  result.after.rflags |= 1 << 16;  // RF, as a fault's image has it
  result.vector = vector;
  result.has_error = has_error ? 1 : 0;
  result.error_code = error;
  result.cr2 = cr2;
  return result;
}

}  // namespace hypervet::test
