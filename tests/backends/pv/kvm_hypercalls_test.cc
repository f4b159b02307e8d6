// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/pv/fake_machine.h"

namespace hypervet::pv {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using violations::DeliveryMode;
using violations::HypercallResult;
using violations::Seam;
using violations::Source;
using namespace std::string_literals;

constexpr std::uint64_t kNoSys = 0xfffffffffffffc18, kPerm = ~0ull, kFault = 0xfffffffffffffff2,
                        kInvalid = 0xffffffffffffffea, kNotSupported = 0xffffffffffffffa1;

using KvmHypercallsTest = KvmModelTest;

Delivered ipi(unsigned cpu, unsigned vector = 0x51, DeliveryMode mode = DeliveryMode::kFixed) {
  return {cpu, vector, mode, Source::kSendIpi};
}

TEST_F(KvmHypercallsTest, ResultInRaxAndNothingElseChanges) {
  const HypercallResult result = call(1, {1, 2, 3, 4});
  EXPECT_FALSE(result.fault);
  EXPECT_EQ(result.advance, 3);
  const protocol::RegisterFile& r = result.registers;
  EXPECT_EQ(std::tie(r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.r15, r.rflags, r.rip),
            std::make_tuple(0, 1, 2, 3, 4, 0xd1, 0xf15, 0x202, 0x7000));
}

TEST_F(KvmHypercallsTest, UnknownForeignAndRetiredNumbers) {
  for (const std::uint64_t number : {0ull, 2ull, 3ull, 4ull, 6ull, 7ull, 8ull, 13ull, 999ull,
                                     0xffffffffull, ~0ull, 0x1'0000'0001ull})
    EXPECT_EQ(rax(number), kNoSys) << number;
  EXPECT_EQ(rax(12, {0x1000, 1}), kNoSys);  // no KVM_CAP_EXIT_HYPERCALL
}

TEST_F(KvmHypercallsTest, OutsideKernelModeEverythingIsRefusedFirst) {
  for (const std::uint64_t number : {1ull, 5ull, 10ull, 999ull})
    EXPECT_EQ(rax(number, {0b10, 1, 0, 0x51}, {.cpl = 3}), kPerm);
  EXPECT_EQ(call(1, {}, {.cpl = 1}).advance, 3);
  EXPECT_THAT(machine->delivered, IsEmpty());
  EXPECT_THAT(machine->woken, IsEmpty());
}

TEST_F(KvmHypercallsTest, OutsideLongModeLowHalvesCountAndTheResultIsZeroExtended) {
  const Caller compat{.long_mode = false};
  EXPECT_EQ(rax(0xdead'0000'0001, {}, compat), 0u);
  EXPECT_EQ(rax(999, {}, compat), 0xfffffc18u);
  EXPECT_EQ(rax(1, {}, {.cpl = 3, .long_mode = false}), 0xffffffffu);
  EXPECT_EQ(rax(10, {0xffff'ffff'0000'0002, 0, 0x1'0000'0000, 0x51}, compat), 1u);
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(1)));
}

TEST_F(KvmHypercallsTest, ViolationsOfTheRulesForModeAndPrivilege) {
  violate(Seam::kHypercall, {{"truncate", "no"s}});
  EXPECT_EQ(rax(0xdead'0000'0001, {}, {.long_mode = false}), 0xfffffc18u);
  violate(Seam::kHypercall, {{"high-half", 0xfffffffful}}, {{"mode", "compat"s}});
  EXPECT_EQ(rax(999, {}, {.long_mode = false}), kNoSys);
  violate(Seam::kHypercall, {{"allow", "yes"s}}, {{"cpl", 3ul}});
  EXPECT_EQ(rax(1, {}, {.cpl = 3}), 0u);
  EXPECT_EQ(interposer.total_committed(), 1u);
}

// --- The other vendor's opcode
// --------------------------------------------------------------------------------------

TEST_F(KvmHypercallsTest, ForeignOpcodeIsPatchedAndExecutesAgain) {
  const HypercallResult result = call_as(HypercallOpcode::kVmmcall, 1, {9});
  EXPECT_FALSE(result.fault);
  EXPECT_EQ(result.advance, 0);
  EXPECT_EQ(result.registers.rax, 1u);
  EXPECT_EQ(machine->get<std::uint32_t>(0x7000), 0x00c1010fu);
  machine->native = HypercallOpcode::kVmmcall;
  call_as(HypercallOpcode::kVmcall, 1);
  EXPECT_EQ(machine->get<std::uint32_t>(0x7000), 0x00d9010fu);
}

TEST_F(KvmHypercallsTest, ForeignOpcodeInReadOnlyCodeIsAPageFault) {
  machine->read_only_code = true;
  EXPECT_EQ(call_as(HypercallOpcode::kVmmcall, 1).fault, (violations::Fault{14, 3, 0x7000}));
  EXPECT_FALSE(call(1).fault);  // the native one is never written
  EXPECT_EQ(machine->writes, 0u);
}

TEST_F(KvmHypercallsTest, ForeignOpcodeFaultsWithoutPatching) {
  build({{"hypercall-patching", "off"}});
  EXPECT_EQ(call_as(HypercallOpcode::kVmmcall, 1).fault, violations::kUd);
  EXPECT_EQ(machine->writes, 0u);
}

TEST_F(KvmHypercallsTest, VmcallOutsideKernelModeIsAGeneralProtectionFaultOnAmd) {
  machine->native = HypercallOpcode::kVmmcall;
  EXPECT_EQ(call_as(HypercallOpcode::kVmcall, 1, {}, {.cpl = 3}).fault, violations::kGp0);
  machine->native = HypercallOpcode::kVmcall;
  EXPECT_FALSE(call_as(HypercallOpcode::kVmmcall, 1, {}, {.cpl = 3}).fault);
  EXPECT_EQ(machine->get<std::uint8_t>(0x7002), 0xc1);
}

// --- KICK_CPU, SCHED_YIELD
// --------------------------------------------------------------------------------------------

TEST_F(KvmHypercallsTest, KickWakesTheNamedCpuAlone) {
  machine->cpu[2].halted = true;
  EXPECT_EQ(rax(5, {0xbad, 2}), 0u);
  EXPECT_THAT(machine->woken, ElementsAre(2));
  EXPECT_THAT(machine->delivered, IsEmpty());
  EXPECT_THAT(machine->yielded, ElementsAre(2));
}

TEST_F(KvmHypercallsTest, KickOfARunningCpuIsKeptForItsNextHaltAndAStrangerIsIgnored) {
  EXPECT_EQ(rax(5, {0, 1}), 0u);
  EXPECT_THAT(machine->woken, ElementsAre(1));
  EXPECT_EQ(rax(5, {0, 77}), 0u);
  EXPECT_EQ(machine->woken.size(), 1u);
}

TEST_F(KvmHypercallsTest, KickOf255IsForEverybody) {
  EXPECT_EQ(rax(5, {0, 0x1'0000'00ff}), 0u);  // cut to 32 bits
  EXPECT_THAT(machine->woken, ElementsAre(0, 1, 2, 3));
}

TEST_F(KvmHypercallsTest, KickPassesTheSeam) {
  violate(Seam::kInterrupt, {{"drop", "yes"s}}, {{"from", "kick"s}});
  EXPECT_EQ(rax(5, {0, 2}), 0u);
  EXPECT_THAT(machine->woken, IsEmpty());
  violate(Seam::kInterrupt, {{"also-to-cpu", 3ul}}, {{"from", "kick"s}});
  rax(5, {0, 2});
  EXPECT_THAT(machine->woken, ElementsAre(2, 3));
  violate(Seam::kHypercall, {{"as-a1", 0ul}}, {{"nr", 5ul}});
  rax(5, {0, 2});
  EXPECT_EQ(machine->woken.back(), 0u);
  violate(Seam::kInterrupt, {{"to-cpu", 99ul}});  // nobody has that number
  const std::size_t before = machine->woken.size();
  rax(5, {0, 2});
  EXPECT_EQ(machine->woken.size(), before);
}

TEST_F(KvmHypercallsTest, YieldIsAHint) {
  EXPECT_EQ(rax(11, {2}), 0u);
  EXPECT_EQ(rax(11, {0}), 0u);              // oneself
  EXPECT_EQ(rax(11, {1000}), 0u);           // nobody
  EXPECT_EQ(rax(11, {0x1'0000'0001}), 0u);  // not cut to 32 bits
  EXPECT_THAT(machine->yielded, ElementsAre(2));
}

// --- SEND_IPI
// -----------------------------------------------------------------------------------------------------------

TEST_F(KvmHypercallsTest, SendIpiReachesExactlyTheMask) {
  EXPECT_EQ(rax(10, {0b1110, 0, 0, 0x51}), 3u);
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(1), ipi(2), ipi(3)));
  machine->delivered.clear();
  EXPECT_EQ(rax(10, {0b101, 0, 1, 0x51}), 2u);  // from id 1 on
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(1), ipi(3)));
  machine->delivered.clear();
  EXPECT_EQ(rax(10, {1, 0, 0, 0x51}), 1u);  // oneself
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(0)));
}

TEST_F(KvmHypercallsTest, SendIpiCountsOnlyThoseWhoAreThere) {
  EXPECT_EQ(rax(10, {~0ull, ~0ull, 0, 0x51}), 4u);
  EXPECT_EQ(rax(10, {0, 0, 0, 0x51}), 0u);
  EXPECT_EQ(rax(10, {~0ull, 0, 1000, 0x51}), 0u);
  EXPECT_EQ(rax(10, {~0ull, 0, 0x7fffffff, 0x51}), 0u);
  EXPECT_EQ(rax(10, {~0ull, 0, 0xfffffff0, 0x51}), 0u);  // no wrap within a half
  machine->cpu[3].apic_enabled = false;
  EXPECT_EQ(rax(10, {0b1100, 0, 0, 0x51}), 1u);
  EXPECT_EQ(rax(10, {0b1100, 0, 0, 0x400}), 2u);  // an NMI does not mind
}

TEST_F(KvmHypercallsTest, SecondMaskIs64IdsOnOr32OutsideLongMode) {
  machine->cpu[3].apic_id = 65;
  machine->cpu[2].apic_id = 33;
  EXPECT_EQ(rax(10, {0, 0b10, 0, 0x51}), 1u);
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(3)));
  machine->delivered.clear();
  EXPECT_EQ(rax(10, {0, 0b10, 0, 0x51}, {.long_mode = false}), 1u);
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(2)));
  // The second half's first id wraps at 32 bits.
  machine->delivered.clear();
  EXPECT_EQ(rax(10, {0, 1, 0xffffffc0, 0x51}), 1u);
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(0)));
}

TEST_F(KvmHypercallsTest, SendIpiRefusesDestinationAndShorthand) {
  for (const std::uint64_t bad : {0x851ull, 0x40051ull, 0x80051ull})
    EXPECT_EQ(rax(10, {0b10, 0, 0, bad}), kInvalid);
  EXPECT_THAT(machine->delivered, IsEmpty());
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0xabcd'0000'0300'1051}), 1u);  // others are not looked at
}

TEST_F(KvmHypercallsTest, SendIpiDeliveryModes) {
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0x400}), 1u);
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0x151}), 1u);  // lowest priority, at the CPU named
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0x500}), 1u);
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0x608}), 1u);
  EXPECT_THAT(machine->delivered,
              ElementsAre(ipi(1, 0, DeliveryMode::kNmi), ipi(1, 0x51),
                          ipi(1, 0, DeliveryMode::kInit), ipi(1, 8, DeliveryMode::kSipi)));
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0x700}), 0u);   // external
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0x8051}), 0u);  // level without assert
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0xc051}), 1u);
  EXPECT_EQ(machine->delivered.size(), 5u);
}

TEST_F(KvmHypercallsTest, SendIpiPassesTheSeams) {
  violate(Seam::kInterrupt, {{"drop", "yes"s}}, {{"from", "send-ipi"s}, {"to", "highest"s}});
  EXPECT_EQ(rax(10, {0b1110, 0, 0, 0x51}), 3u);
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(1), ipi(2)));
  machine->delivered.clear();
  violate(Seam::kInterrupt, {{"repeat", 2ul}}, {{"to", "lowest"s}});
  rax(10, {0b110, 0, 0, 0x51});
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(1), ipi(2)));
  // The repetition comes once the first can have been taken.
  ASSERT_TRUE(model->next_event_ns());
  machine->now = *model->next_event_ns();
  model->host_work();
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(1), ipi(2), ipi(1)));
  EXPECT_EQ(model->next_event_ns(), std::nullopt);
  machine->delivered.clear();
  violate(Seam::kInterrupt, {{"as-mode", "fixed"s}, {"as-vector", 0x60ul}});
  rax(10, {0b10, 0, 0, 0x400});
  EXPECT_THAT(machine->delivered, ElementsAre(ipi(1, 0x60)));
  machine->delivered.clear();
  violate(Seam::kHypercall, {{"allow", "yes"s}}, {{"nr", 10ul}});
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0x851}), 1u);
  violate(Seam::kHypercall, {{"ignore", "yes"s}}, {{"nr", 10ul}});
  machine->delivered.clear();
  EXPECT_EQ(rax(10, {0b10, 0, 0, 0x51}), 1u);
  EXPECT_THAT(machine->delivered, IsEmpty());
}

// --- CLOCK_PAIRING
// ------------------------------------------------------------------------------------------------------

TEST_F(KvmHypercallsTest, ClockPairingFillsExactlyItsStructure) {
  machine->now = 5'250'000'123;
  machine->fill(kArea - 8, 80, 0xff);
  EXPECT_EQ(rax(9, {kArea, 0}), 0u);
  EXPECT_EQ(machine->get<std::int64_t>(kArea), 1'767'225'605);
  EXPECT_EQ(machine->get<std::int64_t>(kArea + 8), 250'000'123);
  EXPECT_EQ(machine->get<std::uint64_t>(kArea + 16), machine->tsc(0));
  EXPECT_TRUE(machine->all(kArea + 24, 40, 0));
  EXPECT_TRUE(machine->all(kArea - 8, 8, 0xff));
  EXPECT_TRUE(machine->all(kArea + 64, 8, 0xff));
}

TEST_F(KvmHypercallsTest, ClockPairingErrorsInTheirOrder) {
  const std::uint64_t outside = FakeMachine::kMemory + 0x1000;
  EXPECT_EQ(rax(9, {kArea, 1}), kNotSupported);
  EXPECT_EQ(rax(9, {kArea, 0x1'0000'0000}), kNotSupported);
  EXPECT_EQ(rax(9, {outside, 1}), kNotSupported);
  EXPECT_EQ(rax(9, {outside, 0}), kFault);
  EXPECT_EQ(rax(9, {~0ull - 3, 0}), kFault);
  EXPECT_EQ(machine->writes, 0u);
  EXPECT_EQ(rax(9, {FakeMachine::kMemory - 32, 0}), kFault);  // begun, not finished
  EXPECT_NE(machine->get<std::uint64_t>(FakeMachine::kMemory - 32), 0u);
  build({{"host-clock", "other"}});
  EXPECT_EQ(rax(9, {kArea, 0}), kNotSupported);
  EXPECT_EQ(rax(9, {outside, 0}), kNotSupported);
  EXPECT_EQ(machine->writes, 0u);
}

TEST_F(KvmHypercallsTest, ClockPairingPassesTheMemorySeam) {
  violate(Seam::kMemory, {{"value", 1ul}}, {{"area", "clock-pairing"s}, {"field", "flags"s}});
  rax(9, {kArea, 0});
  EXPECT_EQ(machine->get<std::uint32_t>(kArea + 24), 1u);
  machine->fill(kArea, 72, 0xff);
  violate(Seam::kMemory, {{"write", "drop"s}}, {{"area", "clock-pairing"s}, {"field", "pad"s}});
  rax(9, {kArea, 0});
  EXPECT_TRUE(machine->all(kArea + 28, 36, 0xff));
  violate(Seam::kMemory, {{"also-after-end", 8ul}}, {{"area", "clock-pairing"s}});
  rax(9, {kArea, 0});
  EXPECT_TRUE(machine->all(kArea + 64, 8, 0xee));
}

// --- MAP_GPA_RANGE
// --------------------------------------------------------------------------------------------------------

TEST_F(KvmHypercallsTest, MapGpaRangeExitsToUserSpace) {
  using enum protocol::HostVerb;
  build({{"hypercall-exits", "on"}});
  EXPECT_EQ(verb(kHypercallExit, 0).result, 0u);
  EXPECT_EQ(verb(kHypercallExit, 1).status, protocol::HostStatus::kFailed);
  verb(kAnswerHypercall, 0x1234'5678'90ab'cdef);
  EXPECT_EQ(rax(12, {0x5000, 7, 0x11}), 0x1234'5678'90ab'cdefu);
  const std::uint64_t expected[] = {1, 12, 0x5000, 7, 0x11, 1};
  for (unsigned field = 0; field < 6; ++field)
    EXPECT_EQ(verb(kHypercallExit, field).result, expected[field]);
  EXPECT_EQ(verb(kHypercallExit, 6).status, protocol::HostStatus::kBadArgument);
  EXPECT_EQ(rax(12, {0x5000, 7, 0x11}, {.long_mode = false}), 0x90ab'cdefu);
  EXPECT_EQ(verb(kHypercallExit, 0).result, 2u);
  EXPECT_EQ(verb(kHypercallExit, 5).result, 0u);
}

TEST_F(KvmHypercallsTest, MapGpaRangeRefusesBadRangesWithoutAnExit) {
  build({{"hypercall-exits", "on"}});
  EXPECT_EQ(rax(12, {0x5001, 1}), kInvalid);
  EXPECT_EQ(rax(12, {0x5000, 0}), kInvalid);
  EXPECT_EQ(rax(12, {0x5000, ~0ull}), kInvalid);
  EXPECT_EQ(rax(12, {0x5000, 1}, {.cpl = 3}), kPerm);
  EXPECT_EQ(verb(protocol::HostVerb::kHypercallExit, 0).result, 0u);
  EXPECT_EQ(rax(12, {0x5000, 1ull << 60}), 0u);  // more than there can be is not refused
}

TEST_F(KvmHypercallsTest, ExitsPassTheSeam) {
  build({{"hypercall-exits", "on"}});
  verb(protocol::HostVerb::kAnswerHypercall, 5);
  violate(Seam::kExit, {{"flags", 0ul}, {"arg0", 7ul}, {"number", 0ul}}, {{"kind", "hypercall"s}});
  EXPECT_EQ(rax(12, {0x5000, 1}), 5u);
  EXPECT_EQ(verb(protocol::HostVerb::kHypercallExit, 1).result, 0u);
  EXPECT_EQ(verb(protocol::HostVerb::kHypercallExit, 2).result, 7u);
  EXPECT_EQ(verb(protocol::HostVerb::kHypercallExit, 5).result, 0u);
  violate(Seam::kExit, {{"result", 0ul}});
  EXPECT_EQ(rax(12, {0x5000, 1}), 0u);
  violate(Seam::kExit, {{"drop", "yes"s}});
  EXPECT_EQ(rax(12, {0x5000, 1}), 0u);
  EXPECT_EQ(verb(protocol::HostVerb::kHypercallExit, 0).result, 2u);
}

// --- Enforcement
// ----------------------------------------------------------------------------------------------------------

TEST_F(KvmHypercallsTest, WithheldFeaturesWorkUnlessEnforced) {
  build({}, 4, {feature(7), feature(11), feature(13)});
  EXPECT_EQ(rax(5, {0, 1}), 0u);
  EXPECT_EQ(rax(10, {2, 0, 0, 0x51}), 1u);
  EXPECT_EQ(rax(11, {1}), 0u);
  build({{"enforce-features", "on"}}, 4, {feature(7), feature(11), feature(13)});
  EXPECT_EQ(rax(5, {0, 1}), kNoSys);
  EXPECT_EQ(rax(10, {2, 0, 0, 0x851}), kNoSys);  // before the ICR is looked at
  EXPECT_EQ(rax(11, {1}), kNoSys);
  EXPECT_EQ(rax(1), 0u);  // 1 and 9 have no bit
  EXPECT_EQ(rax(9, {kArea, 0}), 0u);
  EXPECT_THAT(machine->woken, IsEmpty());
  EXPECT_THAT(machine->delivered, IsEmpty());
  violate(Seam::kHypercall, {{"allow", "yes"s}}, {{"nr", 10ul}});
  EXPECT_EQ(rax(10, {2, 0, 0, 0x51}), 1u);
}

}  // namespace
}  // namespace hypervet::pv
