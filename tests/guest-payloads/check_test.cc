// SPDX-License-Identifier: Apache-2.0
// check_program with every malformation, on the host.
#include "guest-payloads/agent/check.h"

#include <gtest/gtest.h>

#include <functional>

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/mailbox.h"
#include "guest-payloads/protocol/paths.h"
#include "guest-payloads/protocol/scenarios.h"
#include "guest-payloads/protocol/virtio.h"
#include "tests/guest-payloads/program_builder.h"

namespace hypervet::tests {
namespace {

using namespace protocol;
using guest::check_program;
using guest::Verdict;

// Never a Refusal: accepted.
constexpr Refusal kAccepted = Refusal{};

Refusal verdict(const ProgramBuilder& program, std::uint32_t cpus = 4) {
  const auto bytes = program.encode();
  const Verdict v = check_program(bytes.data(), bytes.size(), cpus);
  return v.accepted ? kAccepted : v.refused.reason;
}

Refusal one(OpCode code, std::initializer_list<In> inputs = {}, Form form = {}) {
  ProgramBuilder program;
  program.header().cpus = 4;
  program.op(code, inputs, form);
  return verdict(program);
}

TEST(Check, AcceptsEveryOpInItsPlainForm) {
  const std::uint64_t a = kArenaAddress;
  EXPECT_EQ(one(OpCode::kCpuid, {0, 0}), kAccepted);
  EXPECT_EQ(one(OpCode::kRdmsr, {1}, {.slot = 63}), kAccepted);
  EXPECT_EQ(one(OpCode::kWrmsr, {1, 2}, {.flags = 7}), kAccepted);
  EXPECT_EQ(one(OpCode::kIn, {1}, {.width = 4, .slot = 0}), kAccepted);
  EXPECT_EQ(one(OpCode::kOut, {1, 2}, {.width = 2}), kAccepted);
  EXPECT_EQ(one(OpCode::kLoad, {a}, {.width = 8, .slot = 0}), kAccepted);
  EXPECT_EQ(one(OpCode::kStore, {a, 1}, {.width = 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kHypercall, {1, 2, 3, 4, 5}, {.variant = 3, .slot = 0}), kAccepted);
  EXPECT_EQ(one(OpCode::kRdtsc, {}, {.slot = 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kRead, {In::slot(3), 4096}), kAccepted);
  EXPECT_EQ(one(OpCode::kFill, {a, kArenaSize, 255}), kAccepted);
  EXPECT_EQ(one(OpCode::kMap, {kWindowAddress + 4096, In::slot(1), 15}), kAccepted);
  EXPECT_EQ(one(OpCode::kHalt, {}, {.flags = kInterruptsOn}), kAccepted);
  EXPECT_EQ(one(OpCode::kSettle, {1}), kAccepted);
  EXPECT_EQ(one(OpCode::kAwaitMemory, {a, 1, 1, 1}, {.width = 4, .variant = 2}), kAccepted);
  EXPECT_EQ(one(OpCode::kAwaitInterrupts, {0x41, 1, 3, 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kHandler, {32, In::slot(1)}, {.variant = 2}), kAccepted);
  EXPECT_EQ(one(OpCode::kCounts, {2}), kAccepted);
  EXPECT_EQ(one(OpCode::kInterruptLog, {3}), kAccepted);
  EXPECT_EQ(one(OpCode::kSendIcr, {In::slot(1), In::slot(2)}), kAccepted);
  EXPECT_EQ(one(OpCode::kApicRead, {0x3f0}, {.slot = 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kApicWrite, {0xb0, In::slot(1)}), kAccepted);
  EXPECT_EQ(one(OpCode::kApicMode, {1}), kAccepted);
  EXPECT_EQ(one(OpCode::kOnCpu, {3}), kAccepted);
  EXPECT_EQ(one(OpCode::kJoin, {3, 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kHost, {99, 1, 2, 3}, {.slot = 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kScenario, {4, 1, 2, 3, 4, 5}), kAccepted);
  EXPECT_EQ(one(OpCode::kRepeat, {kMaxRepeat}), kAccepted);
  EXPECT_EQ(one(OpCode::kPut, {In::slot(1), 0, 0}), kAccepted);
  const In s = In::slot(1);
  EXPECT_EQ(one(OpCode::kVirtioFind, {0xffff - 0x1040, 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kVirtioRead, {21, 0xffff}, {.slot = 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kVirtioWrite, {0, 0, s}), kAccepted);
  EXPECT_EQ(one(OpCode::kVirtioAwait, {2, 0, s, s, s}), kAccepted);
  EXPECT_EQ(one(OpCode::kRegionRead, {7, s}, {.width = 8, .slot = 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kRegionWrite, {0, s, s}, {.width = 1}), kAccepted);
  EXPECT_EQ(one(OpCode::kVirtioNotify, {0xffff, s}, {.width = 2}), kAccepted);
  EXPECT_EQ(one(OpCode::kVirtioInterrupts, {3, kVirtioQueueVectors}), kAccepted);
  EXPECT_EQ(one(OpCode::kVirtioCapability, {0xff, 0xff}), kAccepted);
}

TEST(Check, OpCodes) {
  for (const unsigned code :
       {0u, 10u, 15u, 19u, 23u, 28u, 31u, 39u, 47u, 54u, 55u, 57u, 63u, 73u, 0xffffu}) {
    EXPECT_EQ(one(static_cast<OpCode>(code)), Refusal::kOpCode) << code;
  }
}

TEST(Check, Widths) {
  for (const unsigned width : {0u, 3u, 5u, 16u, 0x81u, 0xffu}) {
    EXPECT_EQ(one(OpCode::kLoad, {0}, {.width = width}), Refusal::kWidth) << width;
  }
  EXPECT_EQ(one(OpCode::kIn, {0}, {.width = 8}), Refusal::kWidth);
  EXPECT_EQ(one(OpCode::kRdtsc, {}, {.width = 8}), Refusal::kWidth);
  EXPECT_EQ(one(OpCode::kStore, {0, 0}, {.width = 8, .flags = kCompat}), Refusal::kWidth);
  EXPECT_EQ(one(OpCode::kAwaitMemory, {0, 0, 0, 0}), Refusal::kWidth);
}

TEST(Check, FlagsAndVariants) {
  EXPECT_EQ(one(OpCode::kCpuid, {0, 0}, {.flags = 8}), Refusal::kFlags);
  EXPECT_EQ(one(OpCode::kRead, {0, 1}, {.flags = kUser}), Refusal::kFlags);
  EXPECT_EQ(one(OpCode::kHalt, {}, {.flags = kUser}), Refusal::kFlags);
  EXPECT_EQ(one(OpCode::kHypercall, {0, 0, 0, 0, 0}, {.variant = 4}), Refusal::kVariant);
  EXPECT_EQ(one(OpCode::kHandler, {0x41}, {.variant = 3}), Refusal::kVariant);
  EXPECT_EQ(one(OpCode::kAwaitMemory, {0, 0, 0, 0}, {.width = 1, .variant = 3}), Refusal::kVariant);
  EXPECT_EQ(one(OpCode::kCpuid, {0, 0}, {.variant = 1}), Refusal::kVariant);
}

TEST(Check, Slots) {
  EXPECT_EQ(one(OpCode::kRdmsr, {0}, {.slot = 64}), Refusal::kSlot);
  EXPECT_EQ(one(OpCode::kWrmsr, {0, 0}, {.slot = 1}), Refusal::kSlot) << "yields nothing";
  EXPECT_EQ(one(OpCode::kRdmsr, {In::slot(64)}), Refusal::kSlot);
  EXPECT_EQ(one(OpCode::kSendIcr, {0, In::slot(kNoSlot - 1)}), Refusal::kSlot);
}

TEST(Check, OperandsThatMustBeConstants) {
  const In s = In::slot(1);
  EXPECT_EQ(one(OpCode::kRead, {0, s}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kFill, {0, s, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kMap, {s, 0, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kPut, {0, s, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kPut, {0, 0, s}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kAwaitInterrupts, {s, 0, 0, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kAwaitInterrupts, {0x41, 0, s, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kHandler, {s}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kOnCpu, {s}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kRepeat, {s}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kScenario, {s}), Refusal::kOperand);
}

TEST(Check, BoundsOfOperands) {
  EXPECT_EQ(one(OpCode::kRead, {0, kMaxReadBytes + 1}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kFill, {0, kArenaSize + 1, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kFill, {0, 1, 256}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kMap, {kWindowAddress + 1, 0, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kMap, {kWindowAddress - 4096, 0, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kMap, {kWindowAddress + kWindowPages * 4096, 0, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kMap, {kWindowAddress, 1, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kMap, {kWindowAddress, 1ull << 52, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kMap, {kWindowAddress, 0, 16}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kAwaitInterrupts, {256, 0, 0, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kAwaitInterrupts, {0x41, 0, 4, 0}), Refusal::kOperand);
  for (const std::uint64_t vector : {0ull, 31ull, 0xfeull, 0xffull, 256ull}) {
    EXPECT_EQ(one(OpCode::kHandler, {vector}), Refusal::kOperand) << vector;
  }
  EXPECT_EQ(one(OpCode::kCounts, {256}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kInterruptLog, {4}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kApicRead, {0x400}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kApicWrite, {0xb4, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kApicMode, {2}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kOnCpu, {4}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kOnCpu, {0}), Refusal::kOperand) << "to itself";
  EXPECT_EQ(one(OpCode::kJoin, {0, 0}), Refusal::kOperand) << "with itself";
  EXPECT_EQ(one(OpCode::kHost, {0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kScenario, {0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kScenario, {std::size(kScenarios) + 1}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kScenario, {3, kArenaAddress, 31, 1}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kRepeat, {kMaxRepeat + 1}), Refusal::kOperand);
}

// {loop, samples, warm-up | batch << 32, arguments...}
Refusal measure(PathLoop loop, std::uint64_t samples, std::uint64_t warmup, std::uint64_t batch,
                std::uint64_t a0 = 0, std::uint64_t a1 = 0, std::uint64_t a2 = 0, Form form = {}) {
  return one(OpCode::kMeasure,
             {static_cast<std::uint64_t>(loop), samples, warmup | batch << 32, a0, a1, a2}, form);
}

TEST(Check, MeasuresWithinBounds) {
  for (const PathLoopEntry& loop : kPathLoops) {
    const bool sized = loop.loop == PathLoop::kIn || loop.loop == PathLoop::kOut;
    const Refusal expected = loop.proof == PathProof::kHostClock ? Refusal::kOperand : kAccepted;
    EXPECT_EQ(measure(loop.loop, 10, 1, loop.batch, 1, sized ? 4 : 0, sized ? 4 : 0), expected)
        << loop.name;
    if (expected != kAccepted) continue;
    EXPECT_EQ(measure(loop.loop, 10, 1, 1, 1, 4, 4, {.flags = kUser}),
              loop.user ? kAccepted : Refusal::kOperand)
        << loop.name;
    EXPECT_EQ(measure(loop.loop, 10, 1, 1, 1, 4, 4, {.variant = 1}), kAccepted) << loop.name;
  }
  EXPECT_EQ(measure(PathLoop::kCpuid, kMaxPathSamples, kMaxPathSamples, kMaxPathBatch), kAccepted);
  EXPECT_EQ(measure(PathLoop::kCpuid, 0, 0, 1), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kCpuid, kMaxPathSamples + 1, 0, 1), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kCpuid, 1, kMaxPathSamples + 1, 1), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kCpuid, 1, 0, 0), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kCpuid, 1, 0, kMaxPathBatch + 1), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kNone, 1, 0, 1), Refusal::kOperand);
  EXPECT_EQ(measure(static_cast<PathLoop>(std::size(kPathLoops) + 1), 1, 0, 1), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kIn, 1, 0, 1, 0x10000, 4), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kIn, 1, 0, 1, 1, 3), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kOut, 1, 0, 1, 1, 1, 8), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kPageFirstTouch, kPathPages, 0, 1), kAccepted);
  EXPECT_EQ(measure(PathLoop::kPageFirstTouch, kPathPages, 1, 1), Refusal::kOperand);
  EXPECT_EQ(measure(PathLoop::kCpuid, 1, 0, 1, 0, 0, 0, {.flags = kCompat}), Refusal::kFlags);
  EXPECT_EQ(measure(PathLoop::kCpuid, 1, 0, 1, 0, 0, 0, {.variant = 2}), Refusal::kVariant);
  EXPECT_EQ(one(OpCode::kMeasure, {2, 1, 1ull << 32, In::slot(0)}), Refusal::kOperand);
}

// The loops count progress and hold their samples for CPU 0 alone, and those with several CPUs need
// them.
TEST(Check, MeasuresOnTheBootCpuAndWithTheCpusItNeeds) {
  ProgramBuilder elsewhere;
  elsewhere.header().cpus = 2;
  elsewhere.block(OpCode::kOnCpu, {1}, [&] { elsewhere.op(OpCode::kMeasure, {2, 1, 1ull << 32}); });
  EXPECT_EQ(verdict(elsewhere), Refusal::kOperand);
  ProgramBuilder alone;
  alone.header().cpus = 1;
  alone.op(OpCode::kMeasure, {static_cast<std::uint64_t>(PathLoop::kIpiIcr), 1, 1ull << 32});
  EXPECT_EQ(verdict(alone), Refusal::kOperand);
}

TEST(Check, BlocksStayInsideTheirParent) {
  ProgramBuilder program;
  const auto outer = program.block(OpCode::kRepeat, {1}, [&] {
    program.block(OpCode::kRepeat, {1}, [&] { program.op(OpCode::kRdtsc); });
  });
  program.op(OpCode::kRdtsc);
  EXPECT_EQ(verdict(program), kAccepted);
  program.at(outer + 1).block = 2;
  EXPECT_EQ(verdict(program), Refusal::kBlock);
  program.at(outer + 1).block = 1;
  program.at(outer).block = 0xffff;
  EXPECT_EQ(verdict(program), Refusal::kBlock);
}

TEST(Check, ABlockOnAnotherCpuMayNotNameThatCpu) {
  ProgramBuilder program;
  program.header().cpus = 2;
  program.block(OpCode::kOnCpu, {1}, [&] { program.op(OpCode::kJoin, {1, 0}); });
  EXPECT_EQ(verdict(program), Refusal::kOperand);
  program.at(1).operands[0].value = 0;
  EXPECT_EQ(verdict(program), kAccepted);
}

TEST(Check, HandlersHoldNothingThatWaits) {
  const auto inside = [](OpCode code, std::initializer_list<In> inputs, Form form = {}) {
    ProgramBuilder program;
    program.header().cpus = 2;
    program.block(OpCode::kHandler, {0x41}, [&] { program.op(code, inputs, form); });
    return verdict(program);
  };
  EXPECT_EQ(inside(OpCode::kLoad, {0}, {.width = 4}), kAccepted);
  EXPECT_EQ(inside(OpCode::kApicWrite, {0xb0, 0}), kAccepted);
  EXPECT_EQ(inside(OpCode::kSendIcr, {0, 0}), kAccepted);
  EXPECT_EQ(inside(OpCode::kHalt, {}), Refusal::kContext);
  EXPECT_EQ(inside(OpCode::kSettle, {1}), Refusal::kContext);
  EXPECT_EQ(inside(OpCode::kHandler, {0x42}), Refusal::kContext);
  EXPECT_EQ(inside(OpCode::kOnCpu, {1}), Refusal::kContext);
  EXPECT_EQ(inside(OpCode::kRepeat, {1}), Refusal::kContext);
  EXPECT_EQ(inside(OpCode::kHost, {1}), Refusal::kContext);
  EXPECT_EQ(inside(OpCode::kScenario, {1}), Refusal::kContext);
  EXPECT_EQ(inside(OpCode::kVirtioRead, {0, 0}), Refusal::kContext);
  EXPECT_EQ(inside(OpCode::kVirtioNotify, {0, 0}, {.width = 4}), Refusal::kContext);
  EXPECT_EQ(inside(OpCode::kPut, {0, 0, 0}), kAccepted);
  EXPECT_EQ(inside(OpCode::kRdtsc, {}, {.flags = kInterruptsOn}), Refusal::kContext);
}

TEST(Check, Header) {
  ProgramBuilder program;
  program.op(OpCode::kRdtsc);
  EXPECT_EQ(verdict(program, 1), kAccepted);
  program.header().cpus = 2;
  EXPECT_EQ(verdict(program, 1), Refusal::kCpus);
  program.header().cpus = 0;
  EXPECT_EQ(verdict(program, 1), Refusal::kCpus);
  const auto bytes = [&] {
    program.header().cpus = 1;
    return program.encode();
  }();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(check_program(bytes.data(), size, 1).refused.reason, Refusal::kSize) << size;
  }
  auto longer = bytes;  // a module may be padded
  longer.resize(4096);
  EXPECT_TRUE(check_program(longer.data(), longer.size(), 1).accepted);
}

TEST(Check, VirtioOps) {
  const In s = In::slot(1);
  EXPECT_EQ(one(OpCode::kVirtioFind, {0xffff - 0x1040 + 1, 1}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioFind, {2, 2}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioFind, {s, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioFind, {2, s}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioFind, {2, 0}, {.slot = 1}), Refusal::kSlot);
  const std::uint64_t no_register = std::size(kVirtioRegisters);
  EXPECT_EQ(one(OpCode::kVirtioRead, {no_register, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioRead, {0, 0x10000}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioRead, {s, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioRead, {0, s}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioRead, {0, 0}, {.width = 4}), Refusal::kWidth);
  EXPECT_EQ(one(OpCode::kVirtioWrite, {no_register, 0, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioWrite, {0, s, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioAwait, {no_register, 0, 0, 0, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioAwait, {0, 0x10000, 0, 0, 0}), Refusal::kOperand);
  const std::uint64_t no_region = std::size(kVirtioRegions);
  EXPECT_EQ(one(OpCode::kRegionRead, {no_region, 0}, {.width = 4}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kRegionRead, {s, 0}, {.width = 4}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kRegionRead, {0, 0}), Refusal::kWidth);
  EXPECT_EQ(one(OpCode::kRegionWrite, {no_region, 0, 0}, {.width = 4}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioNotify, {0x10000, 0}, {.width = 4}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioNotify, {0, 0}, {.width = 1}), Refusal::kWidth);
  EXPECT_EQ(one(OpCode::kVirtioNotify, {0, 0}, {.width = 8}), Refusal::kWidth);
  EXPECT_EQ(one(OpCode::kVirtioInterrupts, {4, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioInterrupts, {2, kVirtioQueueVectors + 1}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioCapability, {256, 0}), Refusal::kOperand);
  EXPECT_EQ(one(OpCode::kVirtioCapability, {1, 256}), Refusal::kOperand);
}

TEST(Check, DataOfTheProgram) {
  const auto put = [](std::uint64_t offset, std::uint64_t size) {
    ProgramBuilder program;
    const std::uint64_t word = 1;
    program.data(&word, 8);
    program.data(&word, 3);
    program.op(OpCode::kPut, {kArenaAddress, offset, size});
    return verdict(program);
  };
  EXPECT_EQ(put(0, 16), kAccepted);
  EXPECT_EQ(put(16, 0), kAccepted);
  EXPECT_EQ(put(11, 5), kAccepted);
  EXPECT_EQ(put(0, 17), Refusal::kOperand);
  EXPECT_EQ(put(9, 8), Refusal::kOperand);
  EXPECT_EQ(put(17, 0), Refusal::kOperand);
  EXPECT_EQ(put(8, ~0ull), Refusal::kOperand);
}

// A program of one op, its header spoilt behind the checksum's back.
Refusal with_header(const std::function<void(ProgramHeader&)>& spoil, std::size_t data_size = 16) {
  ProgramBuilder program;
  program.op(OpCode::kRdtsc);
  program.data(std::vector<std::byte>(data_size).data(), data_size);
  auto bytes = program.encode();
  spoil(*reinterpret_cast<ProgramHeader*>(bytes.data()));
  const Verdict v = check_program(bytes.data(), bytes.size(), 1);
  return v.accepted ? kAccepted : v.refused.reason;
}

TEST(Check, SizesInTheHeader) {
  EXPECT_EQ(with_header([](ProgramHeader&) {}), kAccepted);
  EXPECT_EQ(with_header([](ProgramHeader&) {}, kMaxProgramData), kAccepted);
  EXPECT_EQ(with_header([](ProgramHeader&) {}, kMaxProgramData + 8), Refusal::kSize);
  EXPECT_EQ(with_header([](ProgramHeader& h) { h.data_size = 8; }), Refusal::kSize);
  EXPECT_EQ(with_header([](ProgramHeader& h) { h.data_size = 24; }), Refusal::kSize);
  EXPECT_EQ(with_header([](ProgramHeader& h) { h.data_size -= 1, h.size -= 1; }), Refusal::kSize);
  EXPECT_EQ(with_header([](ProgramHeader& h) { h.data_size -= 8, h.size -= 8; }),
            Refusal::kChecksum);
  EXPECT_EQ(with_header([](ProgramHeader& h) { h.op_count = 0; }), Refusal::kSize);
  EXPECT_EQ(with_header([](ProgramHeader& h) { h.arena_size = kArenaSize + 1; }), Refusal::kSize);
  EXPECT_EQ(with_header([](ProgramHeader& h) { h.arena_size = 0; }), kAccepted);
}

TEST(Check, TellsTheOpAtFault) {
  ProgramBuilder program;
  program.op(OpCode::kRdtsc);
  program.block(OpCode::kRepeat, {2}, [&] {
    program.op(OpCode::kRdtsc);
    program.op(OpCode::kLoad, {0});
  });
  const auto bytes = program.encode();
  const Verdict v = check_program(bytes.data(), bytes.size(), 1);
  EXPECT_FALSE(v.accepted);
  EXPECT_EQ(v.refused.op, 3u);
  EXPECT_EQ(v.refused.reason, Refusal::kWidth);
}

}  // namespace
}  // namespace hypervet::tests
