// SPDX-License-Identifier: Apache-2.0
// IOAPIC, 8259 pair, serial port, bus and event queue.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "backends/machine/bus.h"
#include "backends/machine/clock.h"
#include "backends/machine/io_apic.h"
#include "backends/machine/pic.h"
#include "backends/machine/serial.h"

namespace hypervet::machine {
namespace {

struct Recorder : InterruptSink {
  void deliver(const InterruptMessage& message) override { got.push_back(message); }
  std::vector<InterruptMessage> got;
};

void write_entry(IoApic& io, unsigned pin, std::uint64_t value) {
  io.mmio_write(0x00, 4, 0x11 + 2 * pin);
  io.mmio_write(0x10, 4, value >> 32);
  io.mmio_write(0x00, 4, 0x10 + 2 * pin);
  io.mmio_write(0x10, 4, value & 0xffff'ffff);
}

std::uint64_t read_entry(IoApic& io, unsigned pin) {
  io.mmio_write(0x00, 4, 0x11 + 2 * pin);
  const std::uint64_t high = io.mmio_read(0x10, 4);
  io.mmio_write(0x00, 4, 0x10 + 2 * pin);
  return high << 32 | io.mmio_read(0x10, 4);
}

TEST(IoApic, SaysWhatItIs) {
  Recorder sink;
  IoApic io(sink);
  io.mmio_write(0, 4, 1);
  EXPECT_EQ(io.mmio_read(0x10, 4), 0x0017'0020u);
  EXPECT_EQ(read_entry(io, 5), 0x1'0000u) << "masked after reset";
  io.mmio_write(0, 4, 0);
  io.mmio_write(0x10, 4, 0x0300'0000);
  EXPECT_EQ(io.mmio_read(0x10, 4), 0x0300'0000u);
}

TEST(IoApic, EdgesAreDeliveredOncePerRise) {
  Recorder sink;
  IoApic io(sink);
  write_entry(io, 4, std::uint64_t{2} << 56 | 0x44);
  io.set_line(4, true);
  io.set_line(4, true);
  ASSERT_EQ(sink.got.size(), 1u);
  EXPECT_EQ(sink.got[0].vector, 0x44);
  EXPECT_EQ(sink.got[0].destination, 2u);
  EXPECT_FALSE(sink.got[0].level);
  io.set_line(4, false);
  io.set_line(4, true);
  EXPECT_EQ(sink.got.size(), 2u);
}

TEST(IoApic, LevelHoldsRemoteIrrUntilTheEoi) {
  Recorder sink;
  IoApic io(sink);
  write_entry(io, 9, 1 << 15 | 0x49);
  io.set_line(9, true);
  EXPECT_EQ(sink.got.size(), 1u);
  EXPECT_TRUE(read_entry(io, 9) & 1 << 14);
  io.set_line(9, true);
  EXPECT_EQ(sink.got.size(), 1u) << "not again before the EOI";
  io.end_of_interrupt(0x49);
  EXPECT_EQ(sink.got.size(), 2u) << "the line is still up";
  io.set_line(9, false);
  io.end_of_interrupt(0x49);
  EXPECT_EQ(sink.got.size(), 2u);
  EXPECT_FALSE(read_entry(io, 9) & 1 << 14);
}

TEST(IoApic, MaskedPinsAreSilentAndALevelWaits) {
  Recorder sink;
  IoApic io(sink);
  write_entry(io, 3, 1 << 16 | 1 << 15 | 0x43);
  io.set_line(3, true);
  EXPECT_TRUE(sink.got.empty());
  write_entry(io, 3, 1 << 15 | 0x43);
  EXPECT_EQ(sink.got.size(), 1u);
  io.set_line(200, true);  // no such pin
  EXPECT_EQ(sink.got.size(), 1u);
}

class PicTest : public testing::Test {
 protected:
  PicTest() {
    pic.attach(bus);
    for (const auto& [port, base, cascade] :
         {std::tuple{0x20, 0x20, 4}, std::tuple{0xa0, 0x28, 2}}) {
      out(port, 0x11);
      out(port + 1, base);
      out(port + 1, cascade);
      out(port + 1, 1);
      out(port + 1, 0);
    }
  }
  void out(int port, int value) {
    bus.port_out(static_cast<std::uint16_t>(port), 1, static_cast<std::uint32_t>(value));
  }
  std::uint32_t in(int port) { return bus.port_in(static_cast<std::uint16_t>(port), 1); }

  Bus bus;
  Pic pic;
};

TEST(Pic, IsSilentBeforeItsInitialisation) {
  Pic pic;
  pic.set_line(1, true);
  EXPECT_FALSE(pic.output());
}

TEST_F(PicTest, LowerNumbersComeFirst) {
  pic.set_line(5, true);
  pic.set_line(3, true);
  ASSERT_TRUE(pic.output());
  EXPECT_EQ(pic.acknowledge(), 0x23);
  EXPECT_FALSE(pic.output()) << "5 waits for 3";
  pic.set_line(1, true);
  EXPECT_EQ(pic.acknowledge(), 0x21) << "1 interrupts 3";
  out(0x20, 0x20);
  EXPECT_FALSE(pic.output());
  out(0x20, 0x20);
  EXPECT_EQ(pic.acknowledge(), 0x25);
}

TEST_F(PicTest, TheSlaveSpeaksThroughTheCascade) {
  pic.set_line(12, true);
  ASSERT_TRUE(pic.output());
  EXPECT_EQ(pic.acknowledge(), 0x2c);
  out(0x20, 0x0b);
  EXPECT_EQ(in(0x20), 4u) << "the cascade is in service at the master";
  out(0xa0, 0x0b);
  EXPECT_EQ(in(0xa0), 0x10u);
  out(0xa0, 0x64);  // specific EOI of 4
  EXPECT_EQ(in(0xa0), 0u);
}

TEST_F(PicTest, MasksHold) {
  out(0x21, 0x08);
  EXPECT_EQ(in(0x21), 8u);
  pic.set_line(3, true);
  EXPECT_FALSE(pic.output());
  out(0x21, 0);
  EXPECT_TRUE(pic.output());
}

TEST_F(PicTest, AWithdrawnRequestIsSpurious) {
  pic.set_line(3, true);
  pic.set_line(3, false);
  EXPECT_EQ(pic.acknowledge(), 0x27);
  out(0x20, 0x0b);
  EXPECT_EQ(in(0x20), 0u) << "nothing in service";
}

TEST_F(PicTest, LevelTriggeredPinsAskAgain) {
  out(0x4d0, 0xff);
  EXPECT_EQ(in(0x4d0), 0xf8u);
  pic.set_line(5, true);
  EXPECT_EQ(pic.acknowledge(), 0x25);
  out(0x20, 0x20);
  EXPECT_TRUE(pic.output());
  pic.set_line(5, false);
  EXPECT_FALSE(pic.output());
}

TEST_F(PicTest, AutomaticEoiLeavesNothingInService) {
  out(0x20, 0x11);
  out(0x21, 0x40);
  out(0x21, 4);
  out(0x21, 3);
  pic.set_line(1, true);
  EXPECT_EQ(pic.acknowledge(), 0x41);
  pic.set_line(6, true);
  EXPECT_EQ(pic.acknowledge(), 0x46);
}

TEST(Serial, SendsAndReceives) {
  Serial serial;
  for (const char c : std::string("hello")) serial.port_out(0, 1, static_cast<std::uint8_t>(c));
  const auto output = serial.output();
  EXPECT_EQ(std::string(output.begin(), output.end()), "hello");
  EXPECT_EQ(serial.port_in(5, 1), 0x60u);
  const std::uint8_t bytes[] = {7, 8};
  serial.receive(bytes);
  EXPECT_EQ(serial.port_in(5, 1), 0x61u);
  EXPECT_EQ(serial.port_in(0, 1), 7u);
  EXPECT_EQ(serial.port_in(0, 1), 8u);
  EXPECT_EQ(serial.port_in(5, 1), 0x60u);
  serial.port_out(7, 1, 0x5a);
  EXPECT_EQ(serial.port_in(7, 1), 0x5au);
}

TEST(Serial, TheDivisorLatchHidesTheData) {
  Serial serial;
  serial.port_out(3, 1, 0x80);
  serial.port_out(0, 1, 0x0c);
  serial.port_out(1, 1, 0x01);
  EXPECT_EQ(serial.port_in(0, 1), 0x0cu);
  EXPECT_EQ(serial.port_in(1, 1), 0x01u);
  serial.port_out(3, 1, 3);
  EXPECT_TRUE(serial.output().empty());
  EXPECT_EQ(serial.port_in(1, 1), 0u);
}

TEST(Serial, InterruptsFollowTheEnableRegister) {
  Serial serial;
  serial.port_out(4, 1, 8);
  EXPECT_FALSE(serial.interrupt());
  serial.port_out(1, 1, 2);
  EXPECT_TRUE(serial.interrupt());
  EXPECT_EQ(serial.port_in(2, 1) & 0xf, 2u);
  EXPECT_FALSE(serial.interrupt()) << "reading IIR acknowledges";
  serial.port_out(1, 1, 1);
  const std::uint8_t byte[] = {1};
  serial.receive(byte);
  EXPECT_TRUE(serial.interrupt());
  EXPECT_EQ(serial.port_in(2, 1) & 0xf, 4u);
  serial.port_in(0, 1);
  EXPECT_FALSE(serial.interrupt());
}

TEST(Bus, FindsTheDeviceOrNobody) {
  Bus bus;
  Serial serial;
  bus.map_ports(0x3f8, 8, serial);
  bus.port_out(0x3ff, 1, 0x77);
  EXPECT_EQ(serial.port_in(7, 1), 0x77u);
  EXPECT_EQ(bus.port_in(0x400, 1), 0xffu);
  EXPECT_EQ(bus.port_in(0x3ff, 2), 0xffffu) << "reaches across the end";
  EXPECT_EQ(bus.mmio_read(0xfec0'0000, 8), ~0ull);
  EXPECT_THROW(bus.map_ports(0x3ff, 1, serial), std::invalid_argument);
  EXPECT_THROW(bus.map_ports(0xffff, 2, serial), std::invalid_argument);
  EXPECT_THROW(bus.map_ports(0x10, 0, serial), std::invalid_argument);
}

TEST(EventQueue, KeepsOrderAndOneEventOfAKind) {
  EventQueue queue;
  queue.set(30, 0, 0);
  queue.set(10, 0, 1);
  queue.set(10, 0, 2);
  queue.set(20, 0, 0);
  EXPECT_EQ(queue.next(), 10u);
  EXPECT_FALSE(queue.take_due(9));
  EXPECT_EQ(queue.take_due(10)->argument, 1u);
  EXPECT_EQ(queue.take_due(10)->argument, 2u);
  EXPECT_FALSE(queue.take_due(19));
  queue.cancel(0, 0);
  EXPECT_FALSE(queue.next());
}

}  // namespace
}  // namespace hypervet::machine
