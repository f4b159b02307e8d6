// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/agent/check.h"

#include <iterator>

#include "guest-payloads/agent/op_rules.h"
#include "guest-payloads/protocol/mailbox.h"
#include "guest-payloads/protocol/paths.h"
#include "guest-payloads/protocol/scenarios.h"
#include "guest-payloads/protocol/virtio.h"
#include "guest-payloads/runtime/paging.h"

namespace hypervet::guest {

using protocol::Op;
using protocol::OpCode;
using protocol::Refusal;

namespace {

constexpr Refusal kFine = Refusal{};
constexpr std::uint32_t kAnyCpu = ~0u;
constexpr std::uint64_t kMaxVirtioId = 0xffff - 0x1040;  // a PCI device ID has 16 bits

// Where an op stands.
struct Place {
  std::uint32_t end;    // of the block that it is in
  std::uint32_t depth;  // blocks around it
  std::uint32_t cpu;    // that runs it; kAnyCpu in a handler
  bool in_handler;
};

class Checker {
 public:
  explicit Checker(const protocol::ProgramHeader& header)
      : ops_(reinterpret_cast<const Op*>(&header + 1)),
        cpus_(header.cpus),
        data_size_(header.data_size) {}

  Refusal range(std::uint32_t first, const Place& place) {
    for (std::uint32_t i = first; i < place.end; i += 1 + ops_[i].block) {
      at_ = i;
      if (const Refusal r = one(i, place); r != kFine) return r;
    }
    return kFine;
  }

  std::uint32_t at() const { return at_; }

 private:
  Refusal one(std::uint32_t index, const Place& place) {
    const Op& op = ops_[index];
    const auto code = static_cast<unsigned>(op.code);
    if (code >= kOpCodes || !kOpRules.of[code].known) return Refusal::kOpCode;
    const OpRule& rule = kOpRules.of[code];
    if (const Refusal r = form(op, rule); r != kFine) return r;
    if (const Refusal r = operands(op, rule); r != kFine) return r;
    if (place.in_handler &&
        ((rule.traits & kNotInHandler) || (op.flags & protocol::kInterruptsOn))) {
      return Refusal::kContext;
    }
    if (const Refusal r = bounds(op, place); r != kFine) return r;
    return block(index, rule, place);
  }

  static Refusal form(const Op& op, const OpRule& rule) {
    if (rule.widths == 0 ? op.width != 0
                         : (op.width & rule.widths) == 0 || (op.width & (op.width - 1)) != 0) {
      return Refusal::kWidth;
    }
    // There is no 64-bit register to load or store in 32-bit code.
    if (op.width == 8 && (op.flags & protocol::kCompat)) return Refusal::kWidth;
    if ((op.flags & ~rule.flags) != 0) return Refusal::kFlags;
    if (op.variant >= rule.variants) return Refusal::kVariant;
    if (op.result_slot != protocol::kNoSlot &&
        (op.result_slot >= protocol::kMaxSlots || !(rule.traits & kHasSlot))) {
      return Refusal::kSlot;
    }
    return kFine;
  }

  static Refusal operands(const Op& op, const OpRule& rule) {
    for (unsigned i = 0; i < rule.operands; ++i) {
      const protocol::Operand& operand = op.operands[i];
      if (operand.slot == protocol::kNoSlot) continue;
      if (operand.slot >= protocol::kMaxSlots) return Refusal::kSlot;
      if (rule.constants >> i & 1) return Refusal::kOperand;
    }
    return kFine;
  }

  bool cpu_exists(std::uint64_t cpu) const { return cpu < cpus_; }

  static bool within(const protocol::Operand& operand, std::uint64_t highest) {
    return operand.slot != protocol::kNoSlot || operand.value <= highest;
  }

  static bool handler_vector(std::uint64_t vector) {
    return vector >= 32 && vector < protocol::kWakeVector;
  }

  // Bounds of the operands that the op itself relies on. What the instruction under test makes of a
  // strange value is the test's affair.
  Refusal bounds(const Op& op, const Place& place) const {
    const protocol::Operand* o = op.operands;
    bool good = true;
    switch (op.code) {
      case OpCode::kRead:
        good = o[1].value <= protocol::kMaxReadBytes;
        break;
      case OpCode::kFill:
        good = o[1].value <= protocol::kArenaSize && o[2].value <= 0xff;
        break;
      case OpCode::kMap:
        good = in_window(o[0].value) && o[0].value % 4096 == 0 && o[2].value <= 0xf &&
               within(o[1], 0x000f'ffff'ffff'f000) &&
               (o[1].slot != protocol::kNoSlot || o[1].value % 4096 == 0);
        break;
      case OpCode::kPut:
        good = o[1].value <= data_size_ && o[2].value <= data_size_ - o[1].value;
        break;
      case OpCode::kAwaitInterrupts:
        good = o[0].value <= 0xff && cpu_exists(o[2].value);
        break;
      case OpCode::kHandler:
        good = handler_vector(o[0].value);
        break;
      case OpCode::kCounts:
        good = o[0].value <= 0xff;
        break;
      case OpCode::kInterruptLog:
        good = cpu_exists(o[0].value);
        break;
      case OpCode::kApicRead:
      case OpCode::kApicWrite:
        good = o[0].value < 0x400 && o[0].value % 0x10 == 0;
        break;
      case OpCode::kApicMode:
        good = o[0].value <= 1;
        break;
      case OpCode::kOnCpu:
      case OpCode::kJoin:
        good = cpu_exists(o[0].value) && o[0].value != place.cpu;
        break;
      case OpCode::kHost:
        good = o[0].value != 0 && o[0].value <= 0xffff'ffff;
        break;
      case OpCode::kScenario:
        good = scenario(op);
        break;
      case OpCode::kRepeat:
        good = o[0].value <= protocol::kMaxRepeat;
        break;
      case OpCode::kMeasure:
        good = place.cpu == 0 && measure(op);
        break;
      case OpCode::kVirtioFind:
        good = o[0].value <= kMaxVirtioId && o[1].value <= 1;
        break;
      case OpCode::kVirtioRead:
      case OpCode::kVirtioWrite:
      case OpCode::kVirtioAwait:
        good = o[0].value < std::size(protocol::kVirtioRegisters) && o[1].value <= 0xffff;
        break;
      case OpCode::kRegionRead:
      case OpCode::kRegionWrite:
        good = o[0].value < std::size(protocol::kVirtioRegions);
        break;
      case OpCode::kVirtioNotify:
        good = o[0].value <= 0xffff;
        break;
      case OpCode::kVirtioInterrupts:
        good = o[0].value <= 3 && o[1].value <= protocol::kVirtioQueueVectors;
        break;
      case OpCode::kVirtioCapability:
        good = o[0].value <= 0xff && o[1].value <= 0xff;
        break;
      default:
        break;
    }
    return good ? kFine : Refusal::kOperand;
  }

  bool measure(const Op& op) const {
    using protocol::PathLoop;
    const protocol::Operand* o = op.operands;
    const protocol::PathLoopEntry* entry = protocol::find_path_loop(o[0].value);
    if (entry == nullptr || entry->proof == protocol::PathProof::kHostClock) return false;
    if ((op.flags & protocol::kUser) != 0 && !entry->user) return false;
    const std::uint64_t samples = o[1].value, warmup = o[2].value & 0xffff'ffff;
    const std::uint64_t batch = o[2].value >> 32;
    if (samples == 0 || samples > protocol::kMaxPathSamples || warmup > protocol::kMaxPathSamples ||
        batch == 0 || batch > protocol::kMaxPathBatch || entry->cpus > cpus_) {
      return false;
    }
    switch (entry->loop) {
      case PathLoop::kIn:
        return port_width(o[4].value) && o[3].value <= 0xffff;
      case PathLoop::kOut:
        return port_width(o[5].value) && o[3].value <= 0xffff;
      case PathLoop::kPageFirstTouch:
      case PathLoop::kPageTouchAgain:
        return (samples + warmup) * batch <= protocol::kPathPages;
      default:
        return true;
    }
  }

  static bool port_width(std::uint64_t width) { return width == 1 || width == 2 || width == 4; }

  static bool scenario(const Op& op) {
    using protocol::ScenarioId;
    const std::uint64_t id = op.operands[0].value;
    if (id == 0 || id > sizeof protocol::kScenarios / sizeof protocol::kScenarios[0]) return false;
    if (id == static_cast<std::uint64_t>(ScenarioId::kPvEoiCount)) {
      return op.operands[2].slot == protocol::kNoSlot && handler_vector(op.operands[2].value);
    }
    return true;
  }

  Refusal block(std::uint32_t index, const OpRule& rule, const Place& place) {
    const Op& op = ops_[index];
    if (op.block == 0) return kFine;
    if (!(rule.traits & kHasBlock) || op.block > place.end - index - 1) return Refusal::kBlock;
    if (place.depth == protocol::kMaxNesting) return Refusal::kNesting;
    Place inner = place;
    inner.end = index + 1 + op.block;
    ++inner.depth;
    if (op.code == OpCode::kOnCpu) inner.cpu = static_cast<std::uint32_t>(op.operands[0].value);
    if (op.code == OpCode::kHandler) {
      inner.cpu = kAnyCpu;
      inner.in_handler = true;
    }
    return range(index + 1, inner);
  }

  const Op* ops_;
  std::uint32_t cpus_;
  std::uint32_t data_size_;
  std::uint32_t at_ = 0;
};

Refusal check_header(const protocol::ProgramHeader& header, std::uint64_t size,
                     std::uint32_t cpus) {
  if (size < sizeof header) return Refusal::kSize;
  if (header.magic != protocol::kProgramMagic) return Refusal::kMagic;
  if (header.version != protocol::kProgramVersion) return Refusal::kVersion;
  const std::uint64_t body = std::uint64_t{header.op_count} * sizeof(Op) + header.data_size;
  if (header.op_count > protocol::kMaxOps || header.data_size > protocol::kMaxProgramData ||
      header.data_size % 8 != 0 || header.arena_size > protocol::kArenaSize ||
      header.size != sizeof header + body || header.size > size) {
    return Refusal::kSize;
  }
  if (protocol::checksum(&header + 1, body) != header.checksum) return Refusal::kChecksum;
  if (header.cpus == 0 || header.cpus > cpus) return Refusal::kCpus;
  return kFine;
}

}  // namespace

Verdict check_program(const void* data, std::uint64_t size, std::uint32_t cpus) {
  const auto& header = *static_cast<const protocol::ProgramHeader*>(data);
  if (const Refusal r = check_header(header, size, cpus); r != kFine) {
    return {.accepted = false, .refused = {.op = protocol::kNoOp, .reason = r}};
  }
  Checker checker(header);
  const Refusal r =
      checker.range(0, {.end = header.op_count, .depth = 0, .cpu = 0, .in_handler = false});
  if (r != kFine) return {.accepted = false, .refused = {.op = checker.at(), .reason = r}};
  return {.accepted = true, .refused = {}};
}

}  // namespace hypervet::guest
