// SPDX-License-Identifier: Apache-2.0
// Interrupt lines, end of interrupt, and the start of other CPUs, with PIC and IOAPIC in the kernel
// and in user space.
#include <gmock/gmock.h>

#include "tests/backends/kvm/steps.h"

namespace hypervet::kvm::test {
namespace {

using protocol::HostVerb;
using testing::ElementsAre;

constexpr auto kDone = static_cast<std::uint32_t>(protocol::HostStatus::kDone);
constexpr auto kBadArgument = static_cast<std::uint32_t>(protocol::HostStatus::kBadArgument);
constexpr std::uint32_t kVector = 0x51;
constexpr std::uint32_t kPin = 20;  // of the IOAPIC alone
constexpr std::uint32_t kApic = 0xfee0'0000;
constexpr std::uint32_t kIoApicSelect = 0xfec0'0000, kIoApicWindow = 0xfec0'0010;
constexpr std::uint32_t kLevel = 1 << 15, kRemoteIrr = 1 << 14, kMasked = 1 << 16;

// sti; until the counter is at least `count`: pause; cli; ret
std::vector<std::uint8_t> take_interrupts(std::uint8_t count) {
  return {0xfb, 0xf3, 0x90, 0x83, 0x3d, 0, 0, 0, 1, count, 0x72, 0xf5, 0xfa, 0xc3};
}

class KvmIrqchip : public KvmTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    KvmTest::SetUp();
    if (IsSkipped()) return;
    if (const auto why = backend().refuses(configuration())) GTEST_SKIP() << *why;
  }
  static backends::Configuration configuration(unsigned cpus = 1) {
    auto made = with_setting("irqchip", GetParam());
    made.cpus = cpus;
    return made;
  }
  static std::vector<std::uint32_t> values_of(Steps& steps) {
    const auto outcome = run(steps.finish(), configuration());
    EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
    return reported(outcome);
  }
  // Local APIC on, the pin's redirection entry as given, for CPU 0.
  static Steps with_pin(std::uint32_t entry) {
    return Steps()
        .install(kVector)
        .store(kApic + 0xf0, 0x1ff)
        .store(kIoApicSelect, 0x11 + 2 * kPin)
        .store(kIoApicWindow, 0)
        .store(kIoApicSelect, 0x10 + 2 * kPin)
        .store(kIoApicWindow, entry);
  }
};
INSTANTIATE_TEST_SUITE_P(Irqchip, KvmIrqchip, testing::Values("kernel", "split"),
                         [](const auto& each) { return each.param; });

TEST_P(KvmIrqchip, StartsFourCpusByInitAndSipi) {
  Steps theirs;
  theirs.code({0xf0, 0xff, 5, 0, 0, 1, 1, 0xc3}).park();  // lock incl kRoom
  const auto outcome =
      run(Steps().start_cpus(3, theirs).await(kRoom, 3).load(kRoom).finish(), configuration(4));
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_THAT(reported(outcome), ElementsAre(3u));
  EXPECT_EQ(outcome.cpus.size(), 4u);
}

TEST_P(KvmIrqchip, AMessageArrives) {
  auto steps = Steps().install(kVector).store(kApic + 0xf0, 0x1ff);
  steps.verb(HostVerb::kRaiseMsi, kVector, 0).code(take_interrupts(1)).load(kCounter);
  EXPECT_THAT(values_of(steps), ElementsAre(kDone, 1, 1));
}

TEST_P(KvmIrqchip, AnEdgeInterruptsOnce) {
  auto steps = with_pin(kVector);
  steps.verb(HostVerb::kSetLine, kPin, 1).code(take_interrupts(1));
  steps.verb(HostVerb::kSetLine, kPin, 1).verb(HostVerb::kSetLine, kPin, 0);
  steps.verb(HostVerb::kSetLine, kPin, 1).code(take_interrupts(2)).load(kCounter);
  EXPECT_THAT(values_of(steps), ElementsAre(kDone, 0, kDone, 0, kDone, 0, kDone, 0, 2));
}

// A line that stays up interrupts again at each EOI: so the EOI came to the IOAPIC.
TEST_P(KvmIrqchip, ALevelInterruptsUntilItIsLowered) {
  auto steps = with_pin(kVector | kLevel);
  steps.verb(HostVerb::kSetLine, kPin, 1).code(take_interrupts(3));
  steps.verb(HostVerb::kSetLine, kPin, 0);
  const auto values = values_of(steps);
  EXPECT_THAT(values, ElementsAre(kDone, 0, kDone, 0));
}

TEST_P(KvmIrqchip, ARaisedLevelWaitsForItsUnmasking) {
  auto steps = with_pin(kVector | kLevel | kMasked);
  steps.verb(HostVerb::kSetLine, kPin, 1).load(kCounter);
  steps.store(kIoApicWindow, kVector | kLevel).load(kIoApicWindow);
  steps.code(take_interrupts(2)).verb(HostVerb::kSetLine, kPin, 0);
  EXPECT_THAT(values_of(steps), ElementsAre(kDone, 0, 0, kVector | kLevel | kRemoteIrr, kDone, 0));
}

TEST_P(KvmIrqchip, ThePicInterruptsThroughTheLocalApic) {
  constexpr std::uint32_t kIrq = 5;
  const auto byte_out = [](std::uint8_t port, std::uint8_t value) {
    return std::vector<std::uint8_t>{0xb0, value, 0xe6, port, 0xc3};  // mov al; out; ret
  };
  Steps steps;
  steps.install(0x20 + kIrq).store(kApic + 0xf0, 0x1ff);
  steps.store(kApic + 0x350, 0x700);  // LVT0: ExtINT
  // ICW1: edge, ICW4 follows; ICW2: vectors from 0x20; ICW3; ICW4: 8086, automatic EOI; mask.
  for (const auto& [port, value] : std::vector<std::pair<std::uint8_t, std::uint8_t>>{
           {0x20, 0x11},
           {0x21, 0x20},
           {0x21, 4},
           {0x21, 3},
           {0x21, static_cast<std::uint8_t>(~(1u << kIrq))}}) {
    steps.code(byte_out(port, value));
  }
  steps.verb(HostVerb::kSetLine, kIrq, 1).code(take_interrupts(1));
  steps.verb(HostVerb::kSetLine, kIrq, 0);
  steps.verb(HostVerb::kSetLine, kIrq, 1).code(take_interrupts(2)).load(kCounter);
  EXPECT_THAT(values_of(steps), ElementsAre(kDone, 0, kDone, 0, kDone, 0, 2));
}

TEST_P(KvmIrqchip, ThePicEndsAHaltWhenAnotherCpuRaisesTheLine) {
  constexpr std::uint32_t kIrq = 5;
  // kRoom: CPU 0 is about to halt. The other one then raises the line by a host verb.
  Steps theirs;
  theirs.await(kRoom, 1).verb(HostVerb::kSetLine, kIrq, 1).park();
  Steps steps;
  steps.install(0x20 + kIrq).store(kApic + 0xf0, 0x1ff).store(kApic + 0x350, 0x700);
  for (const auto& [port, value] : std::vector<std::pair<std::uint8_t, std::uint8_t>>{
           {0x20, 0x11},
           {0x21, 0x20},
           {0x21, 4},
           {0x21, 3},
           {0x21, static_cast<std::uint8_t>(~(1u << kIrq))}}) {
    steps.code({0xb0, value, 0xe6, port, 0xc3});
  }
  steps.start_cpus(1, theirs).store(kRoom, 1);
  steps.code({0xfb, 0xf4, 0xfa, 0xc3}).load(kCounter).finish();  // sti; hlt; cli; ret
  const auto outcome = run(steps, configuration(2));
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  ASSERT_FALSE(reported(outcome).empty());
  EXPECT_EQ(reported(outcome).front(), 1u);
}

TEST_P(KvmIrqchip, LinesThatAreNotThereAreRefused) {
  auto steps = Steps().verb(HostVerb::kSetLine, 24, 1);
  steps.verb(HostVerb::kSetLine, kPin, 2);
  EXPECT_THAT(values_of(steps), ElementsAre(kBadArgument, 0, kBadArgument, 0));
}

}  // namespace
}  // namespace hypervet::kvm::test
