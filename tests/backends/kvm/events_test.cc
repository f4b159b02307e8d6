// SPDX-License-Identifier: Apache-2.0
// Doorbells and interrupts by eventfd, with a guest that rings and is interrupted.
#include "backends/kvm/events.h"

#include <gmock/gmock.h>

#include "tests/backends/kvm/bare_machine.h"

namespace hypervet::kvm::test {
namespace {

using testing::ElementsAre;
using Space = DoorbellPlace::Space;

constexpr std::uint32_t kPort = 0x600;
constexpr std::uint32_t kAddress = 0xd000'0000;
constexpr std::uint32_t kVector = 0x51;
constexpr std::uint32_t kGsi = 40;  // beyond the pins
constexpr std::uint32_t kPin = 20;  // of the IOAPIC alone
constexpr std::uint32_t kApicSpurious = 0xfee0'00f0;
constexpr std::uint32_t kIoApicSelect = 0xfec0'0000, kIoApicWindow = 0xfec0'0010;
constexpr std::uint32_t kLevel = 1 << 15;

// sti; until the counter is not 0: pause; cli; ret
const std::vector<std::uint8_t> kTakeInterrupt = {0xfb, 0xf3, 0x90, 0x83, 0x3d, 0,    0,
                                                  0,    1,    0,    0x74, 0xf5, 0xfa, 0xc3};
// movw $7, kAddress; movl $7, kAddress; ret
const std::vector<std::uint8_t> kStoresOfTwoSizes = {0x66, 0xc7, 5, 0, 0,    0, 0xd0, 7, 0, 0xc7,
                                                     5,    0,    0, 0, 0xd0, 7, 0,    0, 0, 0xc3};

class KvmEvents : public KvmTest {
 protected:
  // Runs the steps and keeps the writes that exit.
  std::vector<Written> run(BareMachine& machine, Steps steps) {
    std::vector<Written> exits;
    machine.run(steps.finish(), [&](const kvm_run& exit) {
      const auto written = write_of(exit);
      ASSERT_TRUE(written) << "exit reason " << exit.exit_reason;
      exits.push_back(*written);
    });
    return exits;
  }
};

TEST_F(KvmEvents, AnEventCountsAndIsTaken) {
  const auto event = must(Event::create());
  EXPECT_EQ(event.take(), 0u);
  event.signal();
  event.signal();
  EXPECT_EQ(event.take(), 2u);
  EXPECT_EQ(event.take(), 0u);
}

TEST_F(KvmEvents, ADoorbellPortCountsWithoutExits) {
  BareMachine machine;
  const auto bell = must(Doorbell::create(machine.vm, {.space = Space::kPort, .address = kPort}));
  EXPECT_THAT(run(machine, Steps().out(kPort, 1).out(kPort, 2).out(kPort + 4, 3)),
              ElementsAre(Written{kPort + 4, 3}));
  EXPECT_EQ(bell.event().take(), 2u);
}

TEST_F(KvmEvents, ADoorbellInMemoryTakesItsSizeOrAny) {
  BareMachine machine;
  {
    const auto bell =
        must(Doorbell::create(machine.vm, {.space = Space::kMemory, .address = kAddress}));
    EXPECT_THAT(run(machine, Steps().code(kStoresOfTwoSizes)), ElementsAre(Written{kAddress, 7}));
    EXPECT_EQ(bell.event().take(), 1u);
  }
  if (!machine.system.has(KVM_CAP_IOEVENTFD_ANY_LENGTH)) GTEST_SKIP() << "no length of any";
  const auto bell = must(
      Doorbell::create(machine.vm, {.space = Space::kMemory, .address = kAddress, .length = 0}));
  EXPECT_THAT(run(machine, Steps().code(kStoresOfTwoSizes)), ElementsAre());
  EXPECT_EQ(bell.event().take(), 2u);
}

TEST_F(KvmEvents, OnePlaceHasOneDoorbellForEachValue) {
  BareMachine machine;
  for (const auto space : {Space::kPort, Space::kMemory}) {
    const std::uint64_t at = space == Space::kPort ? kPort : kAddress;
    const auto one = must(Doorbell::create(machine.vm, {space, at, 4, 1}));
    const auto two = must(Doorbell::create(machine.vm, {space, at, 4, 2}));
    Steps steps;
    for (const std::uint32_t value : {1u, 2u, 3u, 2u}) {
      space == Space::kPort ? steps.out(kPort, value) : steps.store(kAddress, value);
    }
    EXPECT_THAT(run(machine, steps), ElementsAre(Written{at, 3}));
    EXPECT_EQ(one.event().take(), 1u);
    EXPECT_EQ(two.event().take(), 2u);
    EXPECT_FALSE(Doorbell::create(machine.vm, {space, at, 4, 1})) << "taken";
  }
}

TEST_F(KvmEvents, ADoorbellEndsWithItsObject) {
  BareMachine machine;
  auto bell = must(Doorbell::create(machine.vm, {.space = Space::kPort, .address = kPort}));
  Doorbell moved = std::move(bell);
  EXPECT_THAT(run(machine, Steps().out(kPort, 1)), ElementsAre());
  EXPECT_EQ(moved.event().take(), 1u);
  {
    const Doorbell last = std::move(moved);
  }
  EXPECT_THAT(run(machine, Steps().out(kPort, 2)), ElementsAre(Written{kPort, 2}));
}

class KvmEventInterrupts : public KvmEvents, public testing::WithParamInterface<Chips> {};
INSTANTIATE_TEST_SUITE_P(Chips, KvmEventInterrupts, testing::Values(Chips::kKernel, Chips::kSplit),
                         [](const auto& each) {
                           return each.param == Chips::kKernel ? "Kernel" : "Split";
                         });

// The whole way of a device: the guest rings, the device's thread hears and interrupts.
TEST_P(KvmEventInterrupts, ADeviceThreadAnswersADoorbell) {
  BareMachine machine(GetParam());
  auto routes = GetParam() == Chips::kKernel ? routes_of_kernel_chips() : std::vector<Route>{};
  routes.push_back({.gsi = kGsi, .message = fixed_message(kVector, 0)});
  must(machine.vm.set_routes(routes));
  const auto bell = must(Doorbell::create(machine.vm, {.space = Space::kPort, .address = kPort}));
  const auto interrupt = must(EventInterrupt::create(machine.vm, kGsi));
  const auto quit = must(Event::create());
  std::jthread device([&] {
    pollfd waits[] = {{bell.event().descriptor(), POLLIN, 0}, {quit.descriptor(), POLLIN, 0}};
    while (poll(waits, 2, -1) > 0 && waits[1].revents == 0) {
      if (bell.event().take() != 0) interrupt.raise();
    }
  });
  machine.run(Steps()
                  .install(kVector)
                  .store(kApicSpurious, 0x1ff)
                  .out(kPort, 1)
                  .code(kTakeInterrupt)
                  .load(kCounter)
                  .finish());
  quit.signal();
  EXPECT_THAT(machine.reported(), ElementsAre(1u));
}

TEST_P(KvmEventInterrupts, AnotherOfTheSameGsiWorksOnceTheFirstIsGone) {
  BareMachine machine(GetParam());
  const Route route[] = {{.gsi = kGsi, .message = fixed_message(kVector, 0)}};
  must(machine.vm.set_routes(route));
  auto interrupt = std::make_optional(must(EventInterrupt::create(machine.vm, kGsi)));
  EXPECT_FALSE(EventInterrupt::create_level(machine.vm, kGsi) && GetParam() == Chips::kSplit);
  interrupt.reset();
  // Another one of the same GSI works at once.
  interrupt.emplace(must(EventInterrupt::create(machine.vm, kGsi)));
  machine.run(Steps()
                  .install(kVector)
                  .store(kApicSpurious, 0x1ff)
                  .out(kPort, 1)
                  .code(kTakeInterrupt)
                  .load(kCounter)
                  .finish(),
              [&](const kvm_run& exit) {
                ASSERT_TRUE(write_of(exit));
                interrupt->raise();
              });
  EXPECT_THAT(machine.reported(), ElementsAre(1u));
}

TEST_F(KvmEvents, ALevelInterruptTellsItsEnd) {
  BareMachine machine;
  if (!machine.system.has(KVM_CAP_IRQFD_RESAMPLE)) GTEST_SKIP() << "no KVM_CAP_IRQFD_RESAMPLE";
  const auto interrupt = must(EventInterrupt::create_level(machine.vm, kPin));
  machine.run(Steps()
                  .install(kVector)
                  .store(kApicSpurious, 0x1ff)
                  .store(kIoApicSelect, 0x11 + 2 * kPin)
                  .store(kIoApicWindow, 0)
                  .store(kIoApicSelect, 0x10 + 2 * kPin)
                  .store(kIoApicWindow, kVector | kLevel)
                  .out(kPort, 1)
                  .code(kTakeInterrupt)
                  .load(kCounter)
                  .finish(),
              [&](const kvm_run& exit) {
                ASSERT_TRUE(write_of(exit));
                interrupt.raise();
              });
  EXPECT_THAT(machine.reported(), ElementsAre(1u));
  ASSERT_NE(interrupt.end_of_interrupt(), nullptr);
  EXPECT_EQ(interrupt.end_of_interrupt()->take(), 1u);
}

}  // namespace
}  // namespace hypervet::kvm::test
