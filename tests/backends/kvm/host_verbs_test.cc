// SPDX-License-Identifier: Apache-2.0
// Every host verb, from a guest, on the real kernel; and what hostile arguments come to.
#include <gmock/gmock.h>
#include <time.h>

#include "tests/backends/kvm/steps.h"

namespace hypervet::kvm::test {
namespace {

using namespace std::chrono_literals;
using protocol::HostVerb;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kDone = static_cast<std::uint32_t>(protocol::HostStatus::kDone);
constexpr auto kUnknownVerb = static_cast<std::uint32_t>(protocol::HostStatus::kUnknownVerb);
constexpr auto kBadArgument = static_cast<std::uint32_t>(protocol::HostStatus::kBadArgument);
constexpr auto kFailed = static_cast<std::uint32_t>(protocol::HostStatus::kFailed);

constexpr std::uint32_t kSystemTimeMsr = 0x4b56'4d01;
constexpr std::uint32_t kStealTimeMsr = 0x4b56'4d03;
constexpr std::uint32_t kMigrationControl = 0x4b56'4d08;

// sti; until the counter is not 0: pause; cli; ret
const std::vector<std::uint8_t> kTakeInterrupts = {0xfb, 0xf3, 0x90, 0x83, 0x3d, 0,    0,
                                                   0,    1,    0,    0x74, 0xf5, 0xfa, 0xc3};

class KvmHostVerbs : public KvmTest {
 protected:
  // False, with the test skipped, where this host does not have the verb.
  void need(HostVerb verb) {
    if (!backend().has(verb)) GTEST_SKIP() << "this host does not have the verb";
  }
};

std::vector<std::uint32_t> values_of(const Steps& steps,
                                     const backends::Configuration& configuration = {}) {
  const auto outcome = run(steps, configuration);
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  return reported(outcome);
}

TEST_F(KvmHostVerbs, UnknownVerbsAndArgumentsAreAnswered) {
  Steps steps;
  steps.verb(HostVerb::kNone).verb(static_cast<HostVerb>(4711));
  steps.verb(HostVerb::kPageOut, 0x40'0000);  // the mailbox: the host itself reads it
  steps.verb(HostVerb::kPageOut, protocol::kArenaAddress + 1);
  steps.verb(HostVerb::kPageIn, 0xffff'f000);
  steps.verb(HostVerb::kHypercallExit, 6).verb(HostVerb::kMsrExit, 4);
  steps.verb(HostVerb::kCompete, 2'000'000'000);
  steps.verb(HostVerb::kRaiseMsi, 15)
      .verb(HostVerb::kRaiseMsi, 256)
      .verb(HostVerb::kRaiseMsi, 64, 256);
  std::vector<std::uint32_t> wanted{kUnknownVerb, 0, kUnknownVerb, 0};
  for (int i = 0; i < 9; ++i) wanted.insert(wanted.end(), {kBadArgument, 0});
  EXPECT_EQ(values_of(steps.finish()), wanted);
}

TEST_F(KvmHostVerbs, ReadClockIsTheHostsRealTime) {
  timespec before, after;
  clock_gettime(CLOCK_REALTIME, &before);
  const auto outcome = run(Steps()
                               .verb(HostVerb::kReadClock)
                               .load(protocol::kMailboxAddress + 160)
                               .load(protocol::kMailboxAddress + 164)
                               .finish());
  clock_gettime(CLOCK_REALTIME, &after);
  const auto values = reported(outcome);
  ASSERT_EQ(values.size(), 4u) << outcome.detail;
  const auto told = (std::uint64_t{values[3]} << 32 | values[2]) / 1'000'000'000;
  EXPECT_GE(told, static_cast<std::uint64_t>(before.tv_sec));
  EXPECT_LE(told, static_cast<std::uint64_t>(after.tv_sec));
}

TEST_F(KvmHostVerbs, PauseClockSetsTheFlag) {
  need(HostVerb::kPauseClock);
  if (IsSkipped()) return;
  const auto flags = kRoom + 28;  // pvclock_vcpu_time_info: shift, flags, padding
  const auto values = values_of(Steps()
                                    .write_msr(kSystemTimeMsr, kRoom | 1)
                                    .load(flags)
                                    .verb(HostVerb::kPauseClock)
                                    .load(flags)
                                    .finish());
  ASSERT_EQ(values.size(), 4u);
  EXPECT_EQ(values[0] >> 8 & 2, 0u);
  EXPECT_EQ(values[1], kDone);
  EXPECT_EQ(values[3] >> 8 & 2, 2u);
}

TEST_F(KvmHostVerbs, PauseClockFailsWhereTheClockIsOff) {
  need(HostVerb::kPauseClock);
  if (IsSkipped()) return;
  EXPECT_THAT(values_of(Steps().verb(HostVerb::kPauseClock).finish()), ElementsAre(kFailed, 0u));
}

TEST_F(KvmHostVerbs, PauseClockReachesOtherCpus) {
  need(HostVerb::kPauseClock);
  if (IsSkipped()) return;
  const auto theirs = kRoom + 0x100;
  const auto outcome = run(Steps()
                               .start_cpus(1, Steps()
                                                  .write_msr(kSystemTimeMsr, theirs | 1)
                                                  .store(kRoom + 0x200, 1)
                                                  .await(kRoom + 0x200, 2))
                               .write_msr(kSystemTimeMsr, kRoom | 1)
                               .await(kRoom + 0x200, 1)
                               .verb(HostVerb::kPauseClock)
                               // The flag appears when that CPU next enters the guest.
                               .verb(HostVerb::kCompete, 40'000'000)
                               .load(theirs + 28)
                               .finish(),
                           with_cpus(2));
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  ASSERT_EQ(reported(outcome).size(), 5u);
  EXPECT_EQ(reported(outcome)[4] >> 8 & 2, 2u);
}

TEST_F(KvmHostVerbs, APageThatComesBackHasItsContent) {
  need(HostVerb::kPageOut);
  if (IsSkipped()) return;
  EXPECT_THAT(values_of(Steps()
                            .store(kRoom + 8, 77)
                            .verb(HostVerb::kPageOut, kRoom)
                            .verb(HostVerb::kPageOut, kRoom)
                            .verb(HostVerb::kPageIn, kRoom)
                            .verb(HostVerb::kPageIn, kRoom)
                            .load(kRoom + 8)
                            .store(kRoom + 8, 78)
                            .load(kRoom + 8)
                            .finish()),
              ElementsAre(kDone, 0, kDone, 0, kDone, 0, kDone, 0, 77, 78));
}

TEST_F(KvmHostVerbs, WhoTouchesAPageThatIsOutWaitsForIt) {
  need(HostVerb::kPageOut);
  if (IsSkipped()) return;
  const auto flag = kRoom + 0x2000;
  const auto outcome = run(Steps()
                               .start_cpus(1, Steps()
                                                  .await(flag, 1)
                                                  .code({0xa1, 8, 0, 1, 1, 0xa3, 0, 0x20, 1, 1,
                                                         0xc3})  // eax = [kRoom + 8]; [flag] = eax
                                                  .park())
                               .store(kRoom + 8, 5)
                               .verb(HostVerb::kPageOut, kRoom)
                               .store(flag, 1)
                               .verb(HostVerb::kCompete, 20'000'000)
                               .load(flag)
                               .verb(HostVerb::kPageIn, kRoom)
                               .await(flag, 5)
                               .finish(),
                           with_cpus(2));
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  const auto values = reported(outcome);
  ASSERT_EQ(values.size(), 7u);
  EXPECT_EQ(values[4], 1u) << "the other CPU went on without the page";
}

TEST_F(KvmHostVerbs, APageThatNeverComesBackEndsCleanly) {
  need(HostVerb::kPageOut);
  if (IsSkipped()) return;
  backends::Limits limits;
  limits.deadline = 500ms;
  const auto outcome =
      run(Steps().verb(HostVerb::kPageOut, kRoom).load(kRoom).finish(), {}, limits);
  EXPECT_TRUE(outcome.stop == Stop::kDeadline || outcome.stop == Stop::kDeadlock) << outcome.detail;
  EXPECT_EQ(outcome.cpus.size(), 1u);
}

TEST_F(KvmHostVerbs, CompetingStealsTime) {
  need(HostVerb::kCompete);
  if (IsSkipped()) return;
  const auto values = values_of(Steps()
                                    .write_msr(kStealTimeMsr, kRoom | 1)
                                    .out(0x80, 0)
                                    .load(kRoom)
                                    .verb(HostVerb::kCompete, 100'000'000)
                                    .load(kRoom)
                                    .finish());
  ASSERT_EQ(values.size(), 4u);
  EXPECT_EQ(values[1], kDone);
  EXPECT_GT(values[3] - values[0], 10'000'000u) << "ns stolen in half of 100 ms of competition";
}

TEST_F(KvmHostVerbs, AMessageArrives) {
  need(HostVerb::kRaiseMsi);
  if (IsSkipped()) return;
  EXPECT_THAT(values_of(Steps()
                            .install(0x51)
                            .store(0xfee0'00f0, 0x1ff)
                            .verb(HostVerb::kRaiseMsi, 0x51, 0)
                            .code(kTakeInterrupts)
                            .load(kCounter)
                            .finish()),
              ElementsAre(kDone, 1, 1));
}

TEST_F(KvmHostVerbs, MigrationControlIsTheVmms) {
  need(HostVerb::kMsrExit);
  if (IsSkipped()) return;
  const auto configuration = with_setting("migration-control", "on");
  EXPECT_THAT(values_of(Steps()
                            .read_msr(kMigrationControl)
                            .write_msr(kMigrationControl, 0)
                            .read_msr(kMigrationControl)
                            .verb(HostVerb::kMsrExit, 0)
                            .verb(HostVerb::kMsrExit, 1)
                            .verb(HostVerb::kMsrExit, 3)
                            .finish(),
                        configuration),
              ElementsAre(1, 0, kDone, 3, kDone, kMigrationControl, kDone, 0));
  // A reserved bit is refused with #GP, which ends this guest.
  EXPECT_EQ(run(Steps().write_msr(kMigrationControl, 2).finish(), configuration).stop,
            Stop::kShutdown);
}

TEST_F(KvmHostVerbs, HypercallExitsAreRecordedAndAnswered) {
  const auto configuration = with_setting("hypercall-exits", "on");
  if (const auto why = backend().refuses(configuration)) GTEST_SKIP() << *why;
  // KVM_HC_MAP_GPA_RANGE of one page, by either vendor's opcode.
  Steps steps;
  steps.verb(HostVerb::kAnswerHypercall, 55);
  steps.code({0x53, 0xb8, 12,   0,    0,    0,    0xbb, 0,    0, 0, 1, 0xb9, 1,    0,
              0,    0,    0x31, 0xd2, 0x0f, 0x01, 0xc1, 0xa3, 0, 0, 1, 1,    0x5b, 0xc3});
  steps.load(kRoom).verb(HostVerb::kHypercallExit, 0).verb(HostVerb::kHypercallExit, 1);
  steps.verb(HostVerb::kHypercallExit, 2).finish();
  const auto outcome = run(steps, configuration);
  if (outcome.stop == Stop::kStuck) GTEST_SKIP() << "hypercalls hang here: " << outcome.detail;
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_THAT(reported(outcome), ElementsAre(kDone, 0, 55, kDone, 1, kDone, 12, kDone, 0x100'0000));
}

}  // namespace
}  // namespace hypervet::kvm::test
