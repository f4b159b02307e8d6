// SPDX-License-Identifier: Apache-2.0
// An entropy or block device behind either transport, driven by the registers' names as the agent
// drives it: the tests of what both transports share run on both.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "backends/devices/block.h"
#include "backends/devices/mmio_transport.h"
#include "backends/devices/pci_host.h"
#include "backends/devices/pci_transport.h"
#include "tests/backends/devices/driver_ring.h"
#include "tests/backends/devices/fake_board.h"

namespace hypervet::devices::test {

// Registers by their place on either transport.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual void select(std::uint32_t queue) = 0;
  virtual std::uint64_t features() = 0;
  virtual void accept(std::uint64_t features) = 0;
  virtual std::uint32_t status() = 0;
  virtual void set_status(std::uint32_t value) = 0;
  virtual std::uint32_t generation() = 0;
  virtual std::uint32_t size_max() = 0;
  virtual void set_size(std::uint32_t size) = 0;
  virtual void set_areas(const QueueSetup& setup) = 0;
  virtual bool enabled() = 0;
  virtual void enable() = 0;
  virtual void reset_queue() = 0;
  virtual void notify(std::uint32_t value) = 0;
  virtual std::uint64_t config(unsigned offset, unsigned width) = 0;
  virtual void set_config(unsigned offset, unsigned width, std::uint64_t value) = 0;
  virtual std::uint32_t interrupt_cause() = 0;  // and acknowledges it
};

class MmioDriver final : public Driver {
 public:
  explicit MmioDriver(MmioTransport& transport) : transport_(transport) {}
  std::uint32_t get(std::uint64_t at) {
    return static_cast<std::uint32_t>(transport_.mmio_read(at, 4));
  }
  void put(std::uint64_t at, std::uint32_t value) { transport_.mmio_write(at, 4, value); }
  void put_wide(std::uint64_t at, std::uint64_t value) {
    put(at, static_cast<std::uint32_t>(value));
    put(at + 4, static_cast<std::uint32_t>(value >> 32));
  }

  void select(std::uint32_t queue) override { put(0x30, queue); }
  std::uint64_t features() override {
    put(0x14, 1);
    const std::uint64_t high = get(0x10);
    put(0x14, 0);
    return high << 32 | get(0x10);
  }
  void accept(std::uint64_t features) override {
    for (unsigned half = 0; half < 2; ++half) {
      put(0x24, half);
      put(0x20, static_cast<std::uint32_t>(features >> (32 * half)));
    }
  }
  std::uint32_t status() override { return get(0x70); }
  void set_status(std::uint32_t value) override { put(0x70, value); }
  std::uint32_t generation() override { return get(0xfc); }
  std::uint32_t size_max() override { return get(0x34); }
  void set_size(std::uint32_t size) override { put(0x38, size); }
  void set_areas(const QueueSetup& setup) override {
    put_wide(0x80, setup.descriptors);
    put_wide(0x90, setup.driver);
    put_wide(0xa0, setup.device);
  }
  bool enabled() override { return get(0x44) != 0; }
  void enable() override { put(0x44, 1); }
  void reset_queue() override { put(0xc0, 1); }
  void notify(std::uint32_t value) override { put(0x50, value); }
  std::uint64_t config(unsigned offset, unsigned width) override {
    return transport_.mmio_read(0x100 + offset, width);
  }
  void set_config(unsigned offset, unsigned width, std::uint64_t value) override {
    transport_.mmio_write(0x100 + offset, width, value);
  }
  std::uint32_t interrupt_cause() override {
    const std::uint32_t cause = get(0x60);
    put(0x64, cause);
    return cause;
  }

 private:
  MmioTransport& transport_;
};

// BAR 0 is where the transport puts its structures; pci_transport_test finds them by capability.
class PciDriver final : public Driver {
 public:
  explicit PciDriver(PciTransport& transport) : transport_(transport) {
    command(kPciMemorySpace | kPciBusMaster);
  }
  void command(std::uint16_t value) {
    const std::uint8_t bytes[] = {static_cast<std::uint8_t>(value),
                                  static_cast<std::uint8_t>(value >> 8)};
    transport_.config_write(kPciCommand, bytes);
  }
  std::uint64_t get(std::uint64_t at, unsigned size) { return transport_.bar_read(0, at, size); }
  void put(std::uint64_t at, unsigned size, std::uint64_t value) {
    transport_.bar_write(0, at, size, value);
  }
  void put_wide(std::uint64_t at, std::uint64_t value) {
    put(at, 4, value & 0xffff'ffff);
    put(at + 4, 4, value >> 32);
  }

  void select(std::uint32_t queue) override { put(0x16, 2, queue); }
  std::uint64_t features() override {
    put(0x00, 4, 1);
    const std::uint64_t high = get(0x04, 4);
    put(0x00, 4, 0);
    return high << 32 | get(0x04, 4);
  }
  void accept(std::uint64_t features) override {
    for (unsigned half = 0; half < 2; ++half) {
      put(0x08, 4, half);
      put(0x0c, 4, features >> (32 * half) & 0xffff'ffff);
    }
  }
  std::uint32_t status() override { return static_cast<std::uint32_t>(get(0x14, 1)); }
  void set_status(std::uint32_t value) override { put(0x14, 1, value); }
  std::uint32_t generation() override { return static_cast<std::uint32_t>(get(0x15, 1)); }
  std::uint32_t size_max() override { return static_cast<std::uint32_t>(get(0x18, 2)); }
  void set_size(std::uint32_t size) override { put(0x18, 2, size); }
  void set_areas(const QueueSetup& setup) override {
    put_wide(0x20, setup.descriptors);
    put_wide(0x28, setup.driver);
    put_wide(0x30, setup.device);
  }
  bool enabled() override { return get(0x1c, 2) != 0; }
  void enable() override { put(0x1c, 2, 1); }
  void reset_queue() override { put(0x3a, 2, 1); }
  void notify(std::uint32_t value) override { put(0x3000, value > 0xffff ? 4 : 2, value); }
  std::uint64_t config(unsigned offset, unsigned width) override {
    return get(0x2000 + offset, width);
  }
  void set_config(unsigned offset, unsigned width, std::uint64_t value) override {
    put(0x2000 + offset, width, value);
  }
  std::uint32_t interrupt_cause() override { return static_cast<std::uint32_t>(get(0x1000, 1)); }

 private:
  PciTransport& transport_;
};

class TransportTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kServed = 10'000;  // by then a notification has been

  void make(bool pci, BlockKind kind = BlockKind::kPlain, const TransportOptions& options = {}) {
    device.emplace(kind);
    if (pci) {
      as_pci = std::make_unique<PciTransport>(*device, board, memory, interposer, options);
      transport = as_pci.get();
      transport->power_on();
      driver = std::make_unique<PciDriver>(*as_pci);
    } else {
      as_mmio = std::make_unique<MmioTransport>(*device, board, memory, interposer, options);
      transport = as_mmio.get();
      transport->power_on();
      driver = std::make_unique<MmioDriver>(*as_mmio);
    }
  }
  void negotiate(std::uint64_t features) {
    driver->set_status(0);
    driver->set_status(1);
    driver->set_status(3);
    driver->accept(features | bit(kVersion1));
    driver->set_status(11);
  }
  void set_up_queue(std::uint16_t size = 16) {
    const bool packed = transport->negotiated(kRingPacked);
    ring.emplace(memory, 0x1'0000, size, packed);
    driver->select(0);
    driver->set_size(size);
    driver->set_areas(ring->setup(0, 0));
    driver->enable();
  }
  void bring_up(std::uint64_t features = 0) {
    negotiate(features);
    set_up_queue();
    driver->set_status(15);
  }
  // A read of one sector made available; its status byte is at 0x9000.
  void submit() {
    memory.fill(0x8000, 16, 0);
    memory.store<std::uint8_t>(0x9000, 0xaa);
    ring->submit({{0x8000, 16}}, {{0xa000, 512}, {0x9000, 1}});
  }
  bool done() {
    board.pass(*transport, kServed);
    return ring->take_used().has_value() && memory.load<std::uint8_t>(0x9000) == 0;
  }
  bool request() {
    submit();
    driver->notify(0);
    return done();
  }

  machine::GuestMemory memory{1 << 20};
  violations::Interposer interposer;
  FakeBoard board;
  std::optional<Block> device;
  std::unique_ptr<MmioTransport> as_mmio;
  std::unique_ptr<PciTransport> as_pci;
  Transport* transport = nullptr;
  std::unique_ptr<Driver> driver;
  std::optional<DriverRing> ring;
};

}  // namespace hypervet::devices::test
