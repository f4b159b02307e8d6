// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/devices/little_endian.h"
#include "tests/backends/devices/device_driver.h"

namespace hypervet::devices {
namespace {

using test::Bytes;
using test::bytes_of;
using test::DeviceDriver;

using ::testing::ElementsAre;

constexpr std::uint64_t kPlain = bit(Console::kSize) | bit(Console::kEmergencyWrite);
constexpr std::uint64_t kPorts = kPlain | bit(Console::kMultiport);

Bytes control(std::uint32_t port, ConsoleEvent event, std::uint16_t value) {
  Bytes message(8);
  store_le(std::span(message), 0, port);
  store_le(std::span(message), 4, static_cast<std::uint16_t>(event));
  store_le(std::span(message), 6, value);
  return message;
}

struct Message {
  std::uint32_t port;
  ConsoleEvent event;
  std::uint16_t value;
  Bytes more;
  friend bool operator==(const Message&, const Message&) = default;
};

// The control messages that came, in order.
std::vector<Message> messages(DeviceDriver& host) {
  std::vector<Message> all;
  while (!host.idle(2)) {
    const Bytes got = host.used(2).bytes;
    all.push_back({load_le<std::uint32_t>(got), ConsoleEvent{load_le<std::uint16_t>(got, 4)},
                   load_le<std::uint16_t>(got, 6), Bytes(got.begin() + 8, got.end())});
  }
  return all;
}

TEST(Console, PrintsWhatIsSentAndTypesWhatTheHostGives) {
  Console console;
  DeviceDriver host(console, kPlain);
  host.submit(1, {bytes_of("hello, "), bytes_of("world")});
  EXPECT_EQ(host.used(1).written, 0u);
  EXPECT_EQ(host.take("console-output", 5), bytes_of("hello"));
  EXPECT_EQ(host.take("console-output"), bytes_of(", world"));
  EXPECT_EQ(host.act("console-output", {0x1000, 10}).result, 0u);

  EXPECT_TRUE(host.give("console-input", bytes_of("typed")).done);
  host.submit(0, {}, {2, 1});
  host.submit(0, {}, {64});
  EXPECT_EQ(host.used(0).bytes, bytes_of("typ"));
  EXPECT_EQ(host.used(0).bytes, bytes_of("ed"));
  host.submit(0, {}, {64});
  EXPECT_TRUE(host.idle(0)) << "nothing typed, nothing used";
}

TEST(Console, KeepsTheLastOfItsOutputAndRefusesTooMuchInput) {
  Console console;
  DeviceDriver host(console, kPlain);
  Bytes much(Console::kKept + 100, 'a');
  much.back() = 'z';
  host.submit(1, {much});
  const Bytes kept = host.take("console-output", 70'000);
  EXPECT_EQ(kept.size(), Console::kKept);
  EXPECT_EQ(kept.back(), 'z');
  EXPECT_FALSE(host.give("console-input", much).done);
}

TEST(Console, EmergencyWriteNeedsNoDriver) {
  Console console;
  DeviceDriver host(console, 0);
  host.machine.stop();
  console.write_config(8, Bytes{'!', 'x', 'y', 'z'});
  console.write_config(0, Bytes{1, 2, 3, 4, 5, 6, 7, 8, '?', 0, 0, 0});
  console.write_config(9, Bytes{'n'});
  console.write_config(~std::uint64_t{0}, Bytes{'n', 'n'});
  EXPECT_EQ(host.take("console-output"), bytes_of("!?"));
  EXPECT_EQ(load_le<std::uint16_t>(console.config(), 0), 80) << "read-only";
}

TEST(Console, SizeIsTold) {
  Console console;
  DeviceDriver host(console, kPlain);
  EXPECT_TRUE(host.act("console-resize", {132, 43}).done);
  EXPECT_EQ(load_le<std::uint16_t>(console.config(), 0), 132);
  EXPECT_EQ(load_le<std::uint16_t>(console.config(), 2), 43);
  EXPECT_EQ(host.machine.config_changes, 1u);
  EXPECT_FALSE(host.act("console-resize", {0x10000, 1}).done);
}

TEST(Console, PortsAreAnnouncedSetUpAndTaken) {
  Console console;
  DeviceDriver host(console, kPorts);
  EXPECT_EQ(load_le<std::uint32_t>(console.config(), 4), Console::kMaxPorts);
  for (int i = 0; i < 16; ++i) host.submit(2, {}, {64});
  EXPECT_TRUE(host.idle(2)) << "nothing before DEVICE_READY";
  host.submit(3, {control(0, ConsoleEvent::kDeviceReady, 1)});
  EXPECT_EQ(host.used(3).written, 0u);
  EXPECT_THAT(messages(host), ElementsAre(Message{0, ConsoleEvent::kDeviceAdd, 0, {}},
                                          Message{1, ConsoleEvent::kDeviceAdd, 0, {}}));
  host.submit(3, {control(0, ConsoleEvent::kDeviceReady, 1)});
  EXPECT_TRUE(messages(host).empty()) << "a port that exists is not added again";

  host.submit(3, {control(0, ConsoleEvent::kPortReady, 1)});
  EXPECT_THAT(messages(host),
              ElementsAre(Message{0, ConsoleEvent::kConsolePort, 1, {}},
                          Message{0, ConsoleEvent::kResize, 0, {80, 0, 25, 0}},
                          Message{0, ConsoleEvent::kPortName, 1, bytes_of("hypervet.console")},
                          Message{0, ConsoleEvent::kPortOpen, 1, {}}));

  EXPECT_TRUE(host.act("console-plug-port", {3, 1}).done);
  EXPECT_TRUE(host.act("console-plug-port", {1, 0}).done);
  EXPECT_FALSE(host.act("console-plug-port", {2, 0}).done) << "it is not there";
  EXPECT_FALSE(host.act("console-plug-port", {4, 1}).done);
  EXPECT_THAT(messages(host), ElementsAre(Message{3, ConsoleEvent::kDeviceAdd, 0, {}},
                                          Message{1, ConsoleEvent::kDeviceRemove, 0, {}}));
  host.act("console-resize", {1, 2});
  EXPECT_THAT(messages(host), ElementsAre(Message{0, ConsoleEvent::kResize, 0, {1, 0, 2, 0}}));
}

TEST(Console, APortGetsInputOnceTheDriverOpenedIt) {
  Console console;
  DeviceDriver host(console, kPorts);
  for (int i = 0; i < 8; ++i) host.submit(2, {}, {64});
  host.submit(3, {control(0, ConsoleEvent::kDeviceReady, 1)});
  host.submit(3, {control(1, ConsoleEvent::kPortReady, 1)});
  messages(host);
  host.submit(4, {}, {16});
  host.act("console-select-port", {1});
  host.give("console-input", bytes_of("x"));
  EXPECT_TRUE(host.idle(4));
  host.submit(3, {control(1, ConsoleEvent::kPortOpen, 1)});
  EXPECT_EQ(host.used(4).bytes, bytes_of("x"));
  host.act("console-open-port", {0});
  EXPECT_THAT(messages(host), ElementsAre(Message{1, ConsoleEvent::kPortOpen, 0, {}}));
  host.submit(5, {bytes_of("lost")});
  EXPECT_EQ(host.used(5).written, 0u);
  EXPECT_TRUE(host.take("console-output").empty());
}

TEST(Console, ControlMessagesAreBoundedAndLoseNothing) {
  Console console;
  DeviceDriver host(console, kPorts, 128);
  host.submit(3, {control(0, ConsoleEvent::kDeviceReady, 1)});
  for (int i = 0; i < 100; ++i) host.submit(3, {control(0, ConsoleEvent::kPortReady, 1)});
  EXPECT_NE(host.waiting(3), 0u) << "the driver must take its messages first";
  std::size_t count = 0;
  for (host.submit(2, {}, {64}); !host.idle(2); host.submit(2, {}, {64}))
    count += messages(host).size();
  EXPECT_EQ(count, 402u);
  EXPECT_EQ(host.waiting(3), 0u);
}

TEST(Console, NonsenseIsUsedAndForgotten) {
  Console console;
  DeviceDriver host(console, kPorts);
  host.submit(3, {Bytes(7)});
  host.submit(3, {control(77, ConsoleEvent::kPortReady, 1)});
  host.submit(3, {control(0, ConsoleEvent{99}, 1)});
  host.submit(3, {}, {64});
  EXPECT_EQ(host.done(3), 4u);
  host.give("console-input", bytes_of("x"));
  host.submit(0, {bytes_of("wrong way")});
  EXPECT_FALSE(host.broken());
}

TEST(Console, ABufferOutsideMemoryNeedsAReset) {
  Console console;
  DeviceDriver host(console, kPlain);
  host.submit_segments(1, {{std::uint64_t{1} << 40, 8}}, {});
  EXPECT_TRUE(host.broken());
  EXPECT_TRUE(host.idle(1));
}

TEST(Console, ResetForgetsTheDriverAndKeepsThePorts) {
  Console console;
  DeviceDriver host(console, kPorts);
  host.act("console-plug-port", {2, 1});
  host.submit(3, {control(0, ConsoleEvent::kDeviceReady, 1)});
  host.restart(kPorts);
  for (int i = 0; i < 8; ++i) host.submit(2, {}, {64});
  EXPECT_TRUE(host.idle(2));
  host.submit(3, {control(0, ConsoleEvent::kDeviceReady, 1)});
  EXPECT_EQ(messages(host).size(), 3u);
  console.power_on();
  EXPECT_EQ(load_le<std::uint16_t>(console.config(), 0), 80);
}

}  // namespace
}  // namespace hypervet::devices
