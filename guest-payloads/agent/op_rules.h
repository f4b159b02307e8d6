// SPDX-License-Identifier: Apache-2.0
// What the form of each op may be, as a table. check.cc adds the bounds of single operands.
#pragma once

#include <cstdint>

#include "guest-payloads/protocol/program.h"

namespace hypervet::guest {

// A trait of an op.
enum Trait : std::uint8_t {
  kHasSlot = 1,       // yields a value that a slot may keep
  kHasBlock = 2,      // may own the ops after it
  kNotInHandler = 4,  // waits, or starts what outlives the handler
};

struct OpRule {
  bool known = false;
  std::uint8_t operands = 0;
  std::uint8_t widths = 0;     // sum of the widths it takes, 0: it has none
  std::uint8_t flags = 0;      // OpFlags that it may bear
  std::uint8_t variants = 1;   // variant is below it
  std::uint8_t constants = 0;  // bit i: operand i must not come from a slot
  std::uint8_t traits = 0;
};

inline constexpr unsigned kOpCodes = 73;

struct OpRules {
  OpRule of[kOpCodes];
};

consteval OpRules make_rules() {
  using protocol::OpCode;
  using namespace protocol;
  constexpr std::uint8_t kPort = 1 | 2 | 4, kMemory = 1 | 2 | 4 | 8;
  constexpr std::uint8_t kModes = kUser | kCompat | kInterruptsOn;
  OpRules r;
  auto rule = [&r](OpCode code) -> OpRule& {
    OpRule& it = r.of[static_cast<unsigned>(code)];
    it.known = true;
    return it;
  };
  rule(OpCode::kCpuid) = {true, 2, 0, kModes, 1, 0, 0};
  rule(OpCode::kRdmsr) = {true, 1, 0, kModes, 1, 0, kHasSlot};
  rule(OpCode::kWrmsr) = {true, 2, 0, kModes, 1, 0, 0};
  rule(OpCode::kIn) = {true, 1, kPort, kModes, 1, 0, kHasSlot};
  rule(OpCode::kOut) = {true, 2, kPort, kModes, 1, 0, 0};
  rule(OpCode::kLoad) = {true, 1, kMemory, kModes, 1, 0, kHasSlot};
  rule(OpCode::kStore) = {true, 2, kMemory, kModes, 1, 0, 0};
  rule(OpCode::kHypercall) = {true, 5, 0, kModes, 4, 0, kHasSlot};
  rule(OpCode::kRdtsc) = {true, 0, 0, kModes, 1, 0, kHasSlot};
  rule(OpCode::kRead) = {true, 2, 0, 0, 1, 0b10, 0};
  rule(OpCode::kFill) = {true, 3, 0, 0, 1, 0b110, 0};
  rule(OpCode::kMap) = {true, 3, 0, 0, 1, 0b101, 0};
  rule(OpCode::kHalt) = {true, 0, 0, kInterruptsOn, 1, 0, kNotInHandler};
  rule(OpCode::kSettle) = {true, 1, 0, 0, 1, 0, kNotInHandler};
  rule(OpCode::kAwaitMemory) = {true, 4, kMemory, kOrEnd, 3, 0, kNotInHandler};
  rule(OpCode::kAwaitInterrupts) = {true, 4, 0, kOrEnd, 1, 0b101, kNotInHandler};
  rule(OpCode::kHandler) = {true, 2, 0, 0, 3, 0b01, kHasBlock | kNotInHandler};
  rule(OpCode::kCounts) = {true, 1, 0, 0, 1, 0b1, 0};
  rule(OpCode::kInterruptLog) = {true, 1, 0, 0, 1, 0b1, 0};
  rule(OpCode::kSendIcr) = {true, 2, 0, 0, 1, 0, 0};
  rule(OpCode::kApicRead) = {true, 1, 0, 0, 1, 0b1, kHasSlot};
  rule(OpCode::kApicWrite) = {true, 2, 0, 0, 1, 0b01, 0};
  rule(OpCode::kApicMode) = {true, 1, 0, 0, 1, 0b1, kNotInHandler};
  rule(OpCode::kOnCpu) = {true, 1, 0, 0, 1, 0b1, kHasBlock | kNotInHandler};
  rule(OpCode::kJoin) = {true, 2, 0, kOrEnd, 1, 0b01, kNotInHandler};
  rule(OpCode::kHost) = {true, 4, 0, 0, 1, 0b1, kHasSlot | kNotInHandler};
  rule(OpCode::kScenario) = {true, 6, 0, 0, 1, 0b1, kNotInHandler};
  rule(OpCode::kRepeat) = {true, 1, 0, 0, 1, 0b1, kHasBlock | kNotInHandler};
  rule(OpCode::kMeasure) = {true, 6, 0, kUser, 2, 0b111111, kNotInHandler};
  rule(OpCode::kPut) = {true, 3, 0, 0, 1, 0b110, 0};
  rule(OpCode::kVirtioFind) = {true, 2, 0, 0, 1, 0b11, kNotInHandler};
  rule(OpCode::kVirtioRead) = {true, 2, 0, 0, 1, 0b11, kHasSlot | kNotInHandler};
  rule(OpCode::kVirtioWrite) = {true, 3, 0, 0, 1, 0b011, kNotInHandler};
  rule(OpCode::kVirtioAwait) = {true, 5, 0, kOrEnd, 1, 0b00011, kNotInHandler};
  rule(OpCode::kRegionRead) = {true, 2, kMemory, 0, 2, 0b01, kHasSlot | kNotInHandler};
  rule(OpCode::kRegionWrite) = {true, 3, kMemory, 0, 2, 0b001, kNotInHandler};
  rule(OpCode::kVirtioNotify) = {true, 2, 2 | 4, 0, 1, 0b01, kNotInHandler};
  rule(OpCode::kVirtioInterrupts) = {true, 2, 0, kOrEnd, 1, 0b11, kNotInHandler};
  rule(OpCode::kVirtioCapability) = {true, 2, 0, 0, 1, 0b11, kHasSlot | kNotInHandler};
  return r;
}

inline constexpr OpRules kOpRules = make_rules();

}  // namespace hypervet::guest
