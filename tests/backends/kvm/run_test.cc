// SPDX-License-Identifier: Apache-2.0
// What a machine of the engine does when all goes well.
#include <thread>

#include "tests/backends/kvm/steps.h"

namespace hypervet::kvm::test {
namespace {

using KvmRun = KvmTest;

TEST_F(KvmRun, EndsWhenTheGuestSaysSo) {
  const auto outcome = run(Steps().ready().finish());
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  ASSERT_EQ(outcome.cpus.size(), 1u);
  EXPECT_EQ(outcome.cpus[0].cs, 8);
  EXPECT_GT(outcome.ticks, 0u);
  EXPECT_GT(outcome.tsc_khz, 100'000u);
}

TEST_F(KvmRun, ReportsWhatTheGuestWrote) {
  const auto outcome = run(Steps().store(kRoom, 0x1234'5678).load(kRoom).load(kRoom + 4).finish());
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(reported(outcome), (std::vector<std::uint32_t>{0x1234'5678, 0}));
  EXPECT_FALSE(outcome.overflowed);
}

TEST_F(KvmRun, BoundsWhatTheGuestClaims) {
  // Mailbox::committed far beyond the buffer.
  const auto outcome = run(Steps().store(protocol::kMailboxAddress + 8, 0xffff'fff0).finish());
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(outcome.observations.size(), protocol::kObservationsSize);
  EXPECT_TRUE(outcome.overflowed);
}

TEST_F(KvmRun, DoorbellTellsRefusalAndPanic) {
  EXPECT_EQ(run(Steps().ring(protocol::Doorbell::kRefused)).stop, Stop::kRefused);
  EXPECT_EQ(run(Steps().ring(protocol::Doorbell::kPanic)).stop, Stop::kPanic);
}

TEST_F(KvmRun, NobodyListensAtAPortOrOutsideRam) {
  const auto outcome = run(Steps()
                               .out(0x1230, 7)
                               .out(protocol::kDoorbellPort, 77)
                               .store(0xd000'0000, 1)
                               .load(0xd000'0000)
                               .finish());
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(reported(outcome), std::vector<std::uint32_t>{0xffff'ffff});
}

TEST_F(KvmRun, StartsApplicationCpus) {
  for (const unsigned cpus : {2u, 4u}) {
    if (cpus > backend().max_cpus()) GTEST_SKIP() << "this host gives no machine of " << cpus;
    const auto outcome = run(
        Steps().start_cpus(cpus - 1, Steps().park()).load(protocol::kMailboxAddress + 20).finish(),
        with_cpus(cpus));
    EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
    EXPECT_EQ(reported(outcome), std::vector<std::uint32_t>{cpus - 1});
    EXPECT_EQ(outcome.cpus.size(), cpus);
  }
}

TEST_F(KvmRun, ServesSeveralThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::vector<int> failures(2);
  for (int& failed : failures) {
    threads.emplace_back([&failed] {
      for (std::uint32_t i = 0; i < 20; ++i) {
        const auto outcome = run(Steps().store(kRoom, i).load(kRoom).finish());
        if (outcome.stop != Stop::kFinished || reported(outcome) != std::vector{i}) ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, (std::vector<int>{0, 0}));
}

TEST_F(KvmRun, ExecutesAnyPayload) {
  const auto outcome = backend().exec(HYPERVET_KVM_TEST_GUEST, "hello from COM1");
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_EQ(outcome.log, "hello from COM1");
  EXPECT_EQ(outcome.detail, "debug exit with 0x2a");
  EXPECT_TRUE(outcome.observations.empty());
}

TEST_F(KvmRun, RefusesAPayloadThatIsNone) {
  const auto outcome = backend().exec("/etc/passwd", "");
  EXPECT_EQ(outcome.stop, Stop::kBackendError);
  EXPECT_NE(outcome.detail.find("/etc/passwd"), std::string::npos) << outcome.detail;
}

}  // namespace
}  // namespace hypervet::kvm::test
