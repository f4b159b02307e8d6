// SPDX-License-Identifier: Apache-2.0
// What holds on either transport, with either ring where the ring matters.
#include "backends/devices/transport.h"

#include "tests/backends/devices/transport_fixture.h"

namespace hypervet::devices {
namespace {

class EitherTransport : public test::TransportTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override { make(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Transports, EitherTransport, testing::Bool(),
                         [](const auto& one) { return one.param ? "pci" : "mmio"; });

TEST_P(EitherTransport, ARequestIsServedSomeTimeAfterTheNotification) {
  for (const std::uint64_t features :
       {std::uint64_t{0}, bit(kRingPacked), bit(kRingPacked) | bit(kEventIdx) | bit(kInOrder),
        bit(kEventIdx) | bit(kIndirectDesc)}) {
    bring_up(features);
    EXPECT_EQ(driver->status(), 15u);
    submit();
    driver->notify(0);
    EXPECT_FALSE(ring->take_used());
    EXPECT_TRUE(done());
    EXPECT_TRUE(board.line);
    EXPECT_EQ(driver->interrupt_cause(), 1u);
    EXPECT_FALSE(board.line);
    EXPECT_EQ(driver->interrupt_cause(), 0u);
    EXPECT_TRUE(request());
  }
}

TEST_P(EitherTransport, NothingIsServedBeforeDriverOk) {
  negotiate(0);
  set_up_queue();
  submit();
  driver->notify(0);
  EXPECT_FALSE(done());
  driver->set_status(15);
  EXPECT_TRUE(done());
}

TEST_P(EitherTransport, FeaturesThatAreNotOfferedOrNotVersionOneAreRefused) {
  EXPECT_EQ(driver->features() & bit(kAccessPlatform), 0u);
  for (const std::uint64_t features :
       {std::uint64_t{0}, bit(kVersion1) | bit(kAccessPlatform), bit(kVersion1) | bit(63)}) {
    driver->set_status(0);
    driver->set_status(3);
    driver->accept(features);
    driver->set_status(11);
    EXPECT_EQ(driver->status(), 3u);
    driver->set_status(15);
    EXPECT_EQ(driver->status(), 3u);
  }
  negotiate(driver->features());
  EXPECT_EQ(driver->status(), 11u);
}

TEST_P(EitherTransport, FeaturesOkSealsTheFeatures) {
  negotiate(bit(kEventIdx));
  driver->accept(bit(kVersion1) | bit(kRingPacked));
  EXPECT_TRUE(transport->negotiated(kEventIdx));
  EXPECT_FALSE(transport->negotiated(kRingPacked));
}

TEST_P(EitherTransport, StatusBitsStayUntilTheReset) {
  bring_up();
  driver->set_status(1);
  EXPECT_EQ(driver->status(), 15u);
  driver->set_status(0x7f);  // NEEDS_RESET and what is reserved are not the driver's
  EXPECT_EQ(driver->status(), 15u);
  driver->set_status(0x8f);
  EXPECT_EQ(driver->status(), 0x8fu);
  driver->set_status(0);
  EXPECT_EQ(driver->status(), 0u);
  EXPECT_FALSE(driver->enabled());
}

TEST_P(EitherTransport, AResetForgetsEverythingOnItsWay) {
  bring_up();
  submit();
  driver->notify(0);
  EXPECT_TRUE(request());  // both, one interrupt pending
  submit();
  driver->notify(0);
  driver->set_status(0);
  EXPECT_FALSE(board.line);
  EXPECT_FALSE(done());
  EXPECT_FALSE(board.wake);
  bring_up();
  EXPECT_TRUE(request());
}

TEST_P(EitherTransport, ABrokenRingNeedsAResetAndSaysSo) {
  bring_up();
  ring->submit_head(99);
  driver->notify(0);
  board.pass(*transport, kServed);
  EXPECT_EQ(driver->status(), 15u | 64u);
  EXPECT_EQ(driver->interrupt_cause(), 2u);
  EXPECT_FALSE(request());
  bring_up();
  EXPECT_EQ(driver->status(), 15u);
  EXPECT_TRUE(request());
}

TEST_P(EitherTransport, QueuesThatDoNotExistAreUnavailable) {
  driver->select(1);
  EXPECT_EQ(driver->size_max(), 0u);
  driver->enable();
  EXPECT_FALSE(driver->enabled());
  driver->select(0);
  EXPECT_EQ(driver->size_max(), 256u);
  bring_up();
  driver->notify(1);
  driver->notify(0xffff);
  EXPECT_TRUE(request());
}

TEST_P(EitherTransport, AQueueIsResetAloneAndBegunAgain) {
  bring_up(bit(kRingReset));
  EXPECT_TRUE(request());
  submit();
  driver->notify(0);
  driver->reset_queue();
  EXPECT_FALSE(driver->enabled());
  EXPECT_FALSE(done());
  set_up_queue(4);
  EXPECT_TRUE(request());
  EXPECT_EQ(driver->status(), 15u);
}

TEST_P(EitherTransport, WithoutTheFeatureAQueueIsNotResetAlone) {
  bring_up();
  driver->reset_queue();
  EXPECT_TRUE(driver->enabled());
  EXPECT_TRUE(request());
}

TEST_P(EitherTransport, TheGenerationChangesWithTheConfiguration) {
  bring_up();
  const auto before = driver->generation();
  EXPECT_EQ(driver->config(0, 4), 4096u);
  EXPECT_EQ(driver->generation(), before);
  ASSERT_TRUE(device->act("resize-disk", std::vector<std::uint64_t>{8}).done);
  EXPECT_NE(driver->generation(), before);
  EXPECT_EQ(driver->interrupt_cause(), 2u);
  EXPECT_EQ(driver->config(0, 4), 8u);
  const auto after = driver->generation();
  EXPECT_NE(after, before);
  // However many changes nobody looks at, an 8-bit count does not come round.
  for (unsigned i = 1; i <= 256; ++i) {
    ASSERT_TRUE(device->act("resize-disk", std::vector<std::uint64_t>{i}).done);
  }
  EXPECT_NE(driver->generation(), after);
}

TEST_P(EitherTransport, ConfigurationIsReadInAnyWidthAndEndsWhereItEnds) {
  EXPECT_EQ(driver->config(1, 1), 0x10u);
  EXPECT_EQ(driver->config(20, 2), 512u);
  EXPECT_EQ(driver->config(200, 4), 0u);
  negotiate(bit(Block::kConfigWce) | bit(Block::kFlush));
  driver->set_config(32, 1, 0);
  EXPECT_EQ(driver->config(32, 1), 0u);
  driver->set_config(0, 4, 1);
  driver->set_config(250, 4, 1);
  EXPECT_EQ(driver->config(0, 4), 4096u);
}

TEST_P(EitherTransport, ASuspendedDeviceRestsUntilItIsResumed) {
  bring_up(bit(kSuspendFeature));
  submit();
  driver->notify(0);
  driver->set_status(15 | 16);
  EXPECT_EQ(driver->status(), 11u | 16u);
  EXPECT_TRUE(ring->take_used());  // what it was told of before is done
  EXPECT_EQ(driver->interrupt_cause(), 1u);
  EXPECT_FALSE(request());
  ASSERT_TRUE(device->act("resize-disk", std::vector<std::uint64_t>{8}).done);
  EXPECT_FALSE(board.line);
  driver->set_status(15);
  EXPECT_EQ(driver->status(), 15u);
  EXPECT_TRUE(done());
  EXPECT_EQ(driver->interrupt_cause(), 3u);
}

TEST_P(EitherTransport, SuspendMeansNothingBeforeDriverOkOrWithoutTheFeature) {
  negotiate(bit(kSuspendFeature));
  driver->set_status(11 | 16);
  EXPECT_EQ(driver->status(), 11u);
  bring_up();
  driver->set_status(15 | 16);
  EXPECT_EQ(driver->status(), 15u);
}

TEST_P(EitherTransport, AViolationOfARegisterIsSeen) {
  violations::Rule rule{.at = violations::Seam::kRegister,
                        .conditions = {{"name", std::string("device_status")},
                                       {"access", std::string("read")},
                                       {"after", std::string("driver-ok")}},
                        .effects = {{"clear", std::uint64_t{4}}}};
  interposer.arm({&rule, 1});
  bring_up();
  EXPECT_EQ(driver->status(), 11u);
  EXPECT_EQ(interposer.total_committed(), 1u);
  EXPECT_TRUE(request());
}

TEST_P(EitherTransport, AViolationReordersTheUsedRing) {
  const bool packed = true;
  violations::Rule rule{.at = violations::Seam::kDmaWrite,
                        .conditions = {{"field", std::string("desc.flags")}},
                        .effects = {{"before", std::string("desc.len")}}};
  interposer.arm({&rule, 1});
  bring_up(packed ? bit(kRingPacked) : 0);
  submit();
  driver->notify(0);
  board.pass(*transport, kServed);
  const auto early = ring->take_used();
  ASSERT_TRUE(early);
  EXPECT_NE(early->length, 513u);
  board.pass(*transport, 100'000);
  EXPECT_EQ(memory.load<std::uint32_t>(ring->descriptors() + 8), 513u);
}

TEST_P(EitherTransport, AViolationOfNotificationsAndInterrupts) {
  violations::Rule rules[] = {{.at = violations::Seam::kNotify,
                               .conditions = {{"nth", std::uint64_t{1}}},
                               .effects = {{"drop", std::string("yes")}}},
                              {.at = violations::Seam::kVirtioInterrupt,
                               .conditions = {},
                               .effects = {{"drop", std::string("yes")}}}};
  interposer.arm(rules);
  bring_up();
  EXPECT_FALSE(request());
  driver->notify(0);
  EXPECT_TRUE(done());
  EXPECT_EQ(driver->interrupt_cause(), 0u);
  EXPECT_EQ(board.rises, 0u);
  violations::Rule hang{.at = violations::Seam::kNotify,
                        .conditions = {},
                        .effects = {{"never-returns", std::string("yes")}}};
  interposer.arm({&hang, 1});
  driver->notify(0);
  EXPECT_EQ(board.hangs, 1u);
}

}  // namespace
}  // namespace hypervet::devices
