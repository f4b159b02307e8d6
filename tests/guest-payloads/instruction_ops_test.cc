// SPDX-License-Identifier: Apache-2.0
// Instruction ops of the agent on real QEMU: registers before and after, faults, CPL 3, 32-bit
// code.
#include <gtest/gtest.h>

#include "guest-payloads/protocol/layout.h"
#include "tests/guest-payloads/program_builder.h"
#include "tests/guest-payloads/qemu_run.h"

namespace hypervet::tests {
namespace {

using protocol::ExecutedPayload;
using protocol::FrameKind;
using protocol::kArenaAddress;
using protocol::kCompat;
using protocol::kInterruptsOn;
using protocol::kNoFault;
using protocol::kUser;
using protocol::kWindowAddress;
using protocol::OpCode;
using protocol::RegisterFile;

constexpr std::uint32_t kInvalidOpcode = 6, kGeneralProtection = 13, kPageFault = 14;
constexpr std::uint64_t kNonCanonical = 0x0000'8000'0000'0000;

class InstructionOps : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = qemu_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  // Runs what was built and demands that it came to its end.
  void run(const QemuOptions& options = {}) {
    const QemuRun run = run_in_qemu(program.encode(), options);
    EXPECT_EQ(run.error, "");
    ASSERT_EQ(run.status, exit_status(protocol::Doorbell::kFinished));
    frames = run.frames;
    ASSERT_FALSE(frames.all.empty());
    EXPECT_EQ(frames.last().kind(), FrameKind::kFinished);
  }
  ExecutedPayload executed(std::uint32_t op) const { return frames.executed(op); }

  ProgramBuilder program;
  Frames frames;
};

// Every register is as it was, but those in `changed` (bit n: register n of the encoding) and RIP.
void expect_unchanged_but(const ExecutedPayload& e, unsigned changed) {
  const auto* before = reinterpret_cast<const std::uint64_t*>(&e.before);
  const auto* after = reinterpret_cast<const std::uint64_t*>(&e.after);
  for (unsigned i = 0; i < 16; ++i) {
    if (changed >> i & 1) continue;
    EXPECT_EQ(before[i], after[i]) << "register " << i;
  }
  EXPECT_EQ(e.before.rflags, e.after.rflags);
}
constexpr unsigned kRax = 1, kRcx = 2, kRdx = 4, kRbx = 8;

void expect_fault(const ExecutedPayload& e, std::uint32_t vector, std::uint64_t error = 0) {
  EXPECT_EQ(e.vector, vector);
  EXPECT_EQ(e.has_error, vector == kInvalidOpcode ? 0u : 1u);
  EXPECT_EQ(e.error_code, error);
  EXPECT_EQ(e.after.rip, e.before.rip) << "a fault leaves RIP on the instruction";
  expect_unchanged_but(e, 0);
}

TEST_F(InstructionOps, RegistersNotGivenHoldPatterns) {
  const auto op = program.op(OpCode::kRdtsc);
  run();
  const RegisterFile r = executed(op).before;
  const std::uint64_t all[] = {r.rax, r.rcx, r.rdx, r.rbx, r.rbp, r.rsi, r.rdi, r.r8,
                               r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15};
  for (const std::uint64_t value : all) EXPECT_EQ(value & ~0xfull, 0x5a17'c0de'0bad'f000u);
  EXPECT_EQ(r.r15 & 0xf, 15u);
  EXPECT_EQ(r.rsi & 0xf, 6u);
  EXPECT_GT(r.rsp, protocol::kAgentAddress);
  EXPECT_LT(r.rsp, protocol::kMailboxAddress);
}

TEST_F(InstructionOps, CpuidInAllFourModes) {
  std::uint32_t ops[4];
  const unsigned modes[] = {0, kUser, kCompat, kCompat | kUser};
  const std::uint64_t selectors[] = {0x08, 0x33, 0x18, 0x23};
  for (int i = 0; i < 4; ++i) ops[i] = program.op(OpCode::kCpuid, {0, 0}, {.flags = modes[i]});
  run();
  for (int i = 0; i < 4; ++i) {
    const ExecutedPayload e = executed(ops[i]);
    EXPECT_EQ(e.vector, kNoFault);
    EXPECT_EQ(e.cs, selectors[i]);
    EXPECT_EQ(e.after.rip, e.before.rip + 2);
    EXPECT_EQ(e.after.rbx, 0x6874'7541u) << "AuthenticAMD, as QEMU's default CPU says";
    EXPECT_EQ(e.after.rdx, 0x6974'6e65u);
    EXPECT_EQ(e.after.rcx, 0x444d'4163u);
    expect_unchanged_but(e, kRax | kRbx | kRcx | kRdx);
  }
}

TEST_F(InstructionOps, MsrsAndSlots) {
  constexpr std::uint64_t kKernelGsBase = 0xc000'0102, kValue = 0x0000'1234'89ab'cdef;
  const auto write = program.op(OpCode::kWrmsr, {kKernelGsBase, kValue});
  const auto read = program.op(OpCode::kRdmsr, {kKernelGsBase}, {.slot = 5});
  const auto again = program.op(OpCode::kWrmsr, {kKernelGsBase, In::slot(5, 0x10)});
  const auto last = program.op(OpCode::kRdmsr, {kKernelGsBase});
  const auto user = program.op(OpCode::kRdmsr, {kKernelGsBase}, {.flags = kUser, .slot = 5});
  const auto compat = program.op(OpCode::kRdmsr, {kKernelGsBase}, {.flags = kCompat});
  const auto kept = program.op(OpCode::kStore, {kArenaAddress, In::slot(5)}, {.width = 8});
  run();
  EXPECT_EQ(executed(write).before.rax, kValue & 0xffff'ffff);
  EXPECT_EQ(executed(write).before.rdx, kValue >> 32);
  expect_unchanged_but(executed(write), 0);
  EXPECT_EQ(executed(read).after.rax, kValue & 0xffff'ffff);
  EXPECT_EQ(executed(read).after.rdx, kValue >> 32);
  expect_unchanged_but(executed(read), kRax | kRdx);
  EXPECT_EQ(executed(again).vector, kNoFault);
  EXPECT_EQ(executed(last).after.rax, (kValue + 0x10) & 0xffff'ffff);
  expect_fault(executed(user), kGeneralProtection);
  EXPECT_EQ(executed(user).cs & 3, 3u);
  EXPECT_EQ(executed(compat).after.rax, (kValue + 0x10) & 0xffff'ffff);
  EXPECT_EQ(executed(kept).before.rax, kValue) << "a fault leaves the slot alone";
}

TEST_F(InstructionOps, Ports) {
  constexpr std::uint64_t kUartScratch = 0x3ff, kFirmwareSelect = 0x510, kFirmwareData = 0x511;
  const auto out = program.op(OpCode::kOut, {kUartScratch, 0x15a}, {.width = 1});
  const auto in = program.op(OpCode::kIn, {kUartScratch}, {.width = 1, .slot = 0});
  program.op(OpCode::kOut, {kFirmwareSelect, 0}, {.width = 2});
  const auto letter = program.op(OpCode::kIn, {kFirmwareData}, {.width = 1});
  const auto word = program.op(OpCode::kIn, {0x700}, {.width = 2});
  const auto dword = program.op(OpCode::kIn, {0x700}, {.width = 4});
  program.op(OpCode::kOut, {0x700, 1}, {.width = 4});
  const auto slot = program.op(OpCode::kCpuid, {0, In::slot(0)});
  const auto user = program.op(OpCode::kIn, {kUartScratch}, {.width = 1, .flags = kUser});
  run();
  expect_unchanged_but(executed(out), 0);
  EXPECT_EQ(executed(in).after.rax, 0x5a17'c0de'0bad'f05au) << "AL alone";
  EXPECT_EQ(executed(slot).before.rcx, 0x5au);
  EXPECT_EQ(executed(letter).after.rax & 0xff, unsigned{'Q'});
  EXPECT_EQ(executed(word).after.rax, 0x5a17'c0de'0bad'ffffu);
  EXPECT_EQ(executed(dword).after.rax, 0xffff'ffffu);
  expect_fault(executed(user), kGeneralProtection);
}

TEST_F(InstructionOps, LoadsAndStoresOfAllWidths) {
  constexpr std::uint64_t kValue = 0x8877'6655'4433'2211;
  std::uint32_t loads[4], stores[4];
  const unsigned widths[] = {1, 2, 4, 8};
  program.op(OpCode::kStore, {kArenaAddress, kValue}, {.width = 8});
  for (int i = 0; i < 4; ++i)
    loads[i] = program.op(OpCode::kLoad, {kArenaAddress}, {.width = widths[i]});
  const auto user = program.op(OpCode::kLoad, {kArenaAddress}, {.width = 8, .flags = kUser});
  const auto high = program.op(OpCode::kLoad, {protocol::kHighAlias + kArenaAddress}, {.width = 8});
  // In 32-bit code the upper half of the address does not count.
  const auto compat =
      program.op(OpCode::kLoad, {(7ull << 32) + kArenaAddress}, {.width = 4, .flags = kCompat});
  for (int i = 0; i < 4; ++i) {
    stores[i] =
        program.op(OpCode::kStore, {kArenaAddress + 16u * static_cast<unsigned>(i) + 0x100, kValue},
                   {.width = widths[i]});
  }
  const auto read = program.op(OpCode::kRead, {kArenaAddress + 0x100, 64});
  run();
  EXPECT_EQ(executed(loads[0]).after.rax, 0x5a17'c0de'0bad'f011u);
  EXPECT_EQ(executed(loads[1]).after.rax, 0x5a17'c0de'0bad'2211u);
  EXPECT_EQ(executed(loads[2]).after.rax, 0x4433'2211u);
  EXPECT_EQ(executed(loads[3]).after.rax, kValue);
  EXPECT_EQ(executed(user).after.rax, kValue);
  EXPECT_EQ(executed(high).after.rax, kValue);
  EXPECT_EQ(executed(compat).after.rax, 0x4433'2211u);
  for (const auto op : stores) expect_unchanged_but(executed(op), 0);
  const auto bytes = frames.bytes(read);
  for (unsigned i = 0; i < 4; ++i) {
    for (unsigned b = 0; b < 16; ++b) {
      EXPECT_EQ(bytes[16 * i + b], b < widths[i] ? 0x11 * (b + 1) : 0u) << i << " " << b;
    }
  }
}

TEST_F(InstructionOps, PageFaultsTellAllAboutTheAccess) {
  using namespace protocol;
  const std::uint64_t page = kWindowAddress + 0x5000;
  const auto absent = program.op(OpCode::kLoad, {page + 8}, {.width = 4});
  const auto absent_write = program.op(OpCode::kStore, {page, 1}, {.width = 1});
  const auto absent_user = program.op(OpCode::kLoad, {page}, {.width = 8, .flags = kUser});
  const auto map_ro = program.op(OpCode::kMap, {page, kArenaAddress, kMapPresent});
  const auto read = program.op(OpCode::kLoad, {page}, {.width = 8});
  const auto write = program.op(OpCode::kStore, {page, 1}, {.width = 8});
  const auto user = program.op(OpCode::kLoad, {page}, {.width = 8, .flags = kUser});
  program.op(OpCode::kMap,
             {page, kArenaAddress, kMapPresent | kMapWritable | kMapUser | kMapNoExecute});
  const auto user_write = program.op(OpCode::kStore, {page, 0x77}, {.width = 8, .flags = kUser});
  const auto seen = program.op(OpCode::kLoad, {kArenaAddress}, {.width = 8});
  const auto gp = program.op(OpCode::kLoad, {kNonCanonical}, {.width = 8});
  program.op(OpCode::kMap, {page, 0, 0});
  const auto gone = program.op(OpCode::kLoad, {page}, {.width = 8});
  run();
  expect_fault(executed(absent), kPageFault, 0);
  EXPECT_EQ(executed(absent).cr2, page + 8);
  EXPECT_EQ(executed(absent).cs, 0x08u);
  expect_fault(executed(absent_write), kPageFault, 2);
  expect_fault(executed(absent_user), kPageFault, 4);
  EXPECT_EQ(executed(absent_user).cs, 0x33u);
  EXPECT_TRUE(frames.done(map_ro));
  EXPECT_EQ(executed(read).vector, kNoFault);
  expect_fault(executed(write), kPageFault, 3);
  expect_fault(executed(user), kPageFault, 5);
  EXPECT_EQ(executed(user_write).vector, kNoFault);
  EXPECT_EQ(executed(seen).after.rax, 0x77u);
  expect_fault(executed(gp), kGeneralProtection);
  expect_fault(executed(gone), kPageFault, 0);
}

TEST_F(InstructionOps, HypercallsAreInvalidOpcodesUnderTcg) {
  std::uint32_t ops[4][4];
  const unsigned modes[] = {0, kUser, kCompat, kCompat | kUser};
  for (unsigned variant = 0; variant < 4; ++variant) {
    for (unsigned mode = 0; mode < 4; ++mode) {
      ops[variant][mode] = program.op(OpCode::kHypercall, {11, 1, 2, 3, 4},
                                      {.flags = modes[mode], .variant = variant, .slot = 1});
    }
  }
  const auto code = program.op(OpCode::kRead, {kArenaAddress, 0});
  run();
  EXPECT_EQ(frames.bytes(code).size(), 0u);
  for (auto& variant : ops) {
    for (const auto op : variant) {
      const ExecutedPayload e = executed(op);
      expect_fault(e, kInvalidOpcode);
      EXPECT_EQ(e.before.rax, 11u);
      EXPECT_EQ(e.before.rbx, 1u);
      EXPECT_EQ(e.before.rcx, 2u);
      EXPECT_EQ(e.before.rdx, 3u);
      EXPECT_EQ(e.before.rsi, 4u);
    }
  }
  // QEMU's CPU says AMD: native is VMMCALL, which is variant 3.
  EXPECT_EQ(executed(ops[0][0]).before.rip, executed(ops[3][0]).before.rip);
  EXPECT_EQ(executed(ops[1][0]).before.rip, executed(ops[2][0]).before.rip);
}

TEST_F(InstructionOps, RdtscIsTakenBetweenTheFramesTimes) {
  const auto op = program.op(OpCode::kRdtsc, {}, {.slot = 0});
  const auto slot = program.op(OpCode::kStore, {kArenaAddress, In::slot(0)}, {.width = 8});
  run();
  const RegisterFile after = executed(op).after;
  const std::uint64_t tsc = after.rdx << 32 | after.rax;
  EXPECT_LE(frames.of(op).header.tsc, tsc);
  EXPECT_GE(frames.of(op).header.tsc_end, tsc);
  EXPECT_EQ(executed(slot).before.rax, tsc);
}

// The landing sled, tried by what a wrong host would do: the bytes of the VMCALL stub are replaced
// so that execution goes on where a wrong advance of RIP would land.
class LandingSled : public InstructionOps {
 protected:
  using Code = std::vector<std::uint8_t>;

  static std::uint64_t stub_address(unsigned flags) {
    ProgramBuilder finder;
    const auto where = finder.op(OpCode::kHypercall, {}, {.flags = flags, .variant = 2});
    return run_in_qemu(finder.encode()).frames.executed(where).before.rip;
  }

  // Runs hypercalls whose three bytes are replaced by those given, one after the other in one
  // program.
  static std::vector<ExecutedPayload> with_codes(const std::vector<Code>& codes,
                                                 unsigned flags = 0) {
    const std::uint64_t stub = stub_address(flags);
    ProgramBuilder patched;
    std::vector<std::uint32_t> ops;
    for (const Code& code : codes) {
      std::uint64_t at = stub;
      for (const std::uint8_t byte : code) patched.op(OpCode::kStore, {at++, byte}, {.width = 1});
      ops.push_back(
          patched.op(OpCode::kHypercall, {1, 2, 3, 4, 5}, {.flags = flags, .variant = 2}));
    }
    const QemuRun run = run_in_qemu(patched.encode());
    EXPECT_EQ(run.status, exit_status(protocol::Doorbell::kFinished)) << "the agent goes on";
    std::vector<ExecutedPayload> results;
    for (const auto op : ops) results.push_back(run.frames.executed(op));
    return results;
  }
};

TEST_F(LandingSled, ThreeBytesOnIsTheOnlyCleanWay) {
  for (const unsigned mode : {0u, 0u + kUser, 0u + kCompat, 0u + (kCompat | kUser)}) {
    const ExecutedPayload e = with_codes({{0x90, 0x90, 0x90}}, mode)[0];
    EXPECT_EQ(e.vector, kNoFault) << mode;
    EXPECT_EQ(e.after.rip, e.before.rip + 3) << mode;
    expect_unchanged_but(e, 0);
  }
}

TEST_F(LandingSled, AnyOtherWayShows) {
  std::vector<Code> codes = {{0x90, 0x01, 0xc1}, {0xeb, 0x00, 0xc1}};
  for (const std::uint8_t on : {4, 5, 6, 7, 8}) {
    codes.push_back({0xeb, static_cast<std::uint8_t>(on - 2), 0x90});
  }
  const auto e = with_codes(codes);
  EXPECT_NE(e[0].after.rcx, e[0].before.rcx) << "one byte on: ECX is destroyed";
  EXPECT_EQ(e[1].vector, kInvalidOpcode) << "two bytes on: the jump is swallowed";
  EXPECT_NE(e[1].after.rbx, e[1].before.rbx);
  for (unsigned on = 4; on <= 8; ++on) {
    EXPECT_EQ(e[on - 2].vector, kInvalidOpcode) << on;
    EXPECT_EQ(e[on - 2].after.rip, e[on - 2].before.rip + on);
  }
}

TEST_F(LandingSled, EvenADestroyedStackPointerIsReported) {
  const auto kernel = with_codes({{0x48, 0x31, 0xe4}, {0x90, 0x90, 0x90}});  // xor %rsp, %rsp
  EXPECT_EQ(kernel[0].vector, kNoFault);
  EXPECT_EQ(kernel[0].after.rsp, 0u);
  EXPECT_EQ(kernel[0].after.r15, kernel[0].before.r15);
  EXPECT_EQ(kernel[1].after.rsp, kernel[1].before.rsp);
  const auto user = with_codes({{0x31, 0xe4, 0x90}}, kUser);
  EXPECT_EQ(user[0].vector, kNoFault);
  EXPECT_EQ(user[0].after.rsp, 0u);
}

TEST_F(InstructionOps, InterruptsOnTakesWhatIsPending) {
  constexpr std::uint64_t kSelf = 0x44041;
  program.op(OpCode::kSendIcr, {kSelf, 0});
  const auto none = program.op(OpCode::kCounts, {0x41});
  const auto op = program.op(OpCode::kRdtsc, {}, {.flags = kInterruptsOn});
  const auto one = program.op(OpCode::kCounts, {0x41});
  program.op(OpCode::kSendIcr, {kSelf, 0});
  const auto user = program.op(OpCode::kRdtsc, {}, {.flags = kInterruptsOn | kUser});
  const auto two = program.op(OpCode::kCounts, {0x41});
  run();
  EXPECT_EQ(frames.values(none)[0], 0u);
  EXPECT_EQ(frames.values(one)[0], 1u);
  EXPECT_EQ(frames.values(two)[0], 2u);
  for (const auto which : {op, user}) {
    EXPECT_EQ(executed(which).vector, kNoFault);
    EXPECT_EQ(executed(which).before.rflags & 0x200, 0x200u);
    expect_unchanged_but(executed(which), kRax | kRdx);
  }
}

}  // namespace
}  // namespace hypervet::tests
