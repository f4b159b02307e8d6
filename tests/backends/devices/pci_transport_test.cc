// SPDX-License-Identifier: Apache-2.0
// The PCI function as a driver finds it: through mechanism #1 and ECAM, its capabilities, BARs and
// interrupts.
#include "backends/devices/pci_transport.h"

#include <map>

#include "tests/backends/devices/transport_fixture.h"

namespace hypervet::devices {
namespace {

class Pci : public test::TransportTest {
 protected:
  static constexpr std::uint64_t kFunction = kEcamBase + (1 << 15);
  void SetUp() override { start({}); }
  void start(const TransportOptions& options) {
    make(true, BlockKind::kMultiqueue, options);
    bus.emplace();
    host.emplace(*as_pci);
    host->attach(*bus);
    capabilities.clear();
    for (unsigned at = read(0x34, 1); at != 0; at = read(at + 1, 1)) {
      ASSERT_LT(capabilities.size(), 10u);
      const unsigned id = read(at, 1);
      capabilities[id == 0x09 ? 0x900 + read(at + 3, 1) : id] = at;
    }
  }
  std::uint32_t read(unsigned at, unsigned size) {
    return static_cast<std::uint32_t>(bus->mmio_read(kFunction + at, size));
  }
  void write(unsigned at, unsigned size, std::uint32_t value) {
    bus->mmio_write(kFunction + at, size, value);
  }
  std::uint32_t by_ports(std::uint32_t address, unsigned size, unsigned byte = 0) {
    bus->port_out(0xcf8, 4, 0x8000'0000 | address);
    return bus->port_in(static_cast<std::uint16_t>(0xcfc + byte), size);
  }
  void place_bars() {
    write(0x10, 4, 0xe000'0000);
    write(0x14, 4, 0xe000'4000);
  }
  // Entry `vector` sends `data`; MSI-X is on.
  void set_vector(unsigned vector, std::uint32_t data, std::uint32_t control = 0) {
    const std::uint64_t at = 0xe000'4000 + 16 * vector;
    bus->mmio_write(at, 4, 0xfee0'0000);
    bus->mmio_write(at + 8, 4, data);
    bus->mmio_write(at + 12, 4, control);
    write(capabilities.at(0x11) + 2, 2, 0x8000);
  }
  std::uint32_t map_vector(unsigned at, std::uint32_t vector) {
    as_pci->bar_write(0, at, 2, vector);
    return static_cast<std::uint32_t>(as_pci->bar_read(0, at, 2));
  }

  std::optional<machine::Bus> bus;
  std::optional<PciHost> host;
  std::map<unsigned, unsigned> capabilities;
};

TEST_F(Pci, BothMechanismsShowTheSameBus) {
  EXPECT_EQ(by_ports(0, 4), 0x1237'8086u);
  EXPECT_EQ(bus->mmio_read(kEcamBase, 4), 0x1237'8086u);
  EXPECT_EQ(by_ports(0x800, 4), 0x1042'1af4u);
  EXPECT_EQ(by_ports(0x800, 2, 2), 0x1042u);
  EXPECT_EQ(read(0x00, 4), 0x1042'1af4u);
  for (const std::uint32_t nobody : {0x900u, 0x1000u, 0x1'0800u}) {
    EXPECT_EQ(by_ports(nobody, 4), 0xffff'ffffu);
  }
  EXPECT_EQ(read(0x100, 4), 0u);
  bus->port_out(0xcf8, 4, 0x800);  // not enabled
  EXPECT_EQ(bus->port_in(0xcfc, 4), 0xffff'ffffu);
}

TEST_F(Pci, TheHeaderIsOfANonTransitionalDevice) {
  EXPECT_GE(read(0x08, 1), 1u);
  EXPECT_GE(read(0x2e, 2), 0x40u);
  EXPECT_EQ(read(0x3c, 2), 0x0111u);
  write(0x00, 4, 0);
  EXPECT_EQ(read(0x00, 4), 0x1042'1af4u);
}

TEST_F(Pci, BarsAreSizedAndMoved) {
  write(0x10, 4, 0xffff'ffff);
  EXPECT_EQ(read(0x10, 4), 0xffff'c000u);
  write(0x18, 4, 0xffff'ffff);
  EXPECT_EQ(read(0x18, 4), 0u);
  place_bars();
  EXPECT_EQ(bus->mmio_read(0xe000'0018, 2), 256u);
  write(0x10, 4, 0xe123'4000);
  EXPECT_EQ(bus->mmio_read(0xe000'0018, 2), 0xffffu);
  EXPECT_EQ(bus->mmio_read(0xe123'4018, 2), 256u);
  write(kPciCommand, 2, 0);
  EXPECT_EQ(bus->mmio_read(0xe123'4018, 2), 0xffffu);
}

TEST_F(Pci, EveryStructureHasItsCapability) {
  EXPECT_NE(read(kPciStatus, 2) & 0x10, 0u);
  for (const unsigned type : {1u, 2u, 3u, 4u, 5u}) ASSERT_TRUE(capabilities.contains(0x900 + type));
  for (const auto& [type, at] : capabilities) {
    if (type < 0x901 || type > 0x905) continue;
    EXPECT_GE(read(at + 2, 1), type == 0x902 || type == 0x905 ? 20u : 16u);
    EXPECT_EQ(read(at + 8, 4) % 4, 0u);
    EXPECT_LE(read(at + 8, 4) + read(at + 12, 4), 0x4000u);
  }
  EXPECT_EQ(read(capabilities.at(0x902) + 16, 4), 4u);
  EXPECT_EQ(read(capabilities.at(0x902) + 12, 4), 16u);
  EXPECT_EQ(read(capabilities.at(0x904) + 12, 4), 96u);
}

TEST_F(Pci, VendorDataIsOfNobodyElse) {
  const unsigned at = capabilities.at(0x909);
  EXPECT_EQ(read(at + 2, 1), 12u);
  EXPECT_EQ(read(at + 4, 2), 0x1234u);
  EXPECT_EQ(read(at + 8, 4), 0x0072'6570u) << "the last of \"hyper\"";
}

TEST_F(Pci, TheCommonStructureIsReadInAnyWidthAndWrittenInItsOwn) {
  EXPECT_EQ(as_pci->bar_read(0, 0x12, 2), 4u);
  EXPECT_EQ(as_pci->bar_read(0, 0x10, 4), 0x4'ffffu);
  EXPECT_EQ(as_pci->bar_read(0, 0x13, 1), 0u);
  as_pci->bar_write(0, 0x14, 2, 1);
  EXPECT_EQ(driver->status(), 0u);
  driver->select(2);
  EXPECT_EQ(as_pci->bar_read(0, 0x1e, 2), 2u);
  as_pci->bar_write(0, 0x18, 2, 100);  // no power of two
  EXPECT_EQ(as_pci->bar_read(0, 0x18, 2), 256u);
  as_pci->bar_write(0, 0x18, 2, 512);
  EXPECT_EQ(as_pci->bar_read(0, 0x18, 2), 256u);
  as_pci->bar_write(0, 0x24, 4, 7);
  EXPECT_EQ(as_pci->bar_read(0, 0x20, 8), std::uint64_t{7} << 32);
  as_pci->bar_write(0, 0x00, 4, 2);
  EXPECT_EQ(as_pci->bar_read(0, 0x04, 4), 0u);
}

TEST_F(Pci, TheConfigurationAccessCapabilityReachesABar) {
  const unsigned at = capabilities.at(0x905);
  const auto aim = [&](std::uint32_t bar, std::uint32_t offset, std::uint32_t size) {
    write(at + 4, 1, bar);
    write(at + 8, 4, offset);
    write(at + 12, 4, size);
  };
  aim(0, 0x18, 2);
  EXPECT_EQ(read(at + 16, 4) & 0xffff, 256u);
  aim(0, 0x14, 1);
  write(at + 16, 4, 3);
  EXPECT_EQ(driver->status(), 3u);
  aim(0, 0x2000, 4);
  EXPECT_EQ(read(at + 16, 4), 4096u);
  // No access that a driver may make: nothing happens.
  aim(5, 0, 4);
  (void)read(at + 16, 4);
  aim(0, 0x4000, 4);
  write(at + 16, 4, 0);
  aim(0, 0x14, 3);
  write(at + 16, 4, 0);
  EXPECT_EQ(driver->status(), 3u);
}

TEST_F(Pci, TheLineFollowsIsrAndItsMasks) {
  bring_up();
  EXPECT_TRUE(request());
  EXPECT_TRUE(board.line);
  EXPECT_NE(read(kPciStatus, 2) & kPciInterruptStatus, 0u);
  write(kPciCommand, 2, kPciMemorySpace | kPciBusMaster | kPciInterruptDisable);
  EXPECT_FALSE(board.line);
  EXPECT_NE(read(kPciStatus, 2) & kPciInterruptStatus, 0u);
  write(kPciCommand, 2, kPciMemorySpace | kPciBusMaster);
  EXPECT_TRUE(board.line);
  EXPECT_EQ(driver->interrupt_cause(), 1u);
  EXPECT_EQ(read(kPciStatus, 2) & kPciInterruptStatus, 0u);
}

TEST_F(Pci, VectorsAreMappedAndUnmapped) {
  place_bars();
  EXPECT_EQ(read(capabilities.at(0x11) + 2, 2) & 0x7ff, 4u);
  EXPECT_EQ(map_vector(0x10, 0), 0u);
  EXPECT_EQ(map_vector(0x10, 5), 0xffffu);
  driver->select(0);
  EXPECT_EQ(map_vector(0x1a, 1), 1u);
  set_vector(0, 0x60);
  set_vector(1, 0x61);
  negotiate(0);
  EXPECT_EQ(as_pci->bar_read(0, 0x10, 2), 0xffffu);
  set_up_queue();
  driver->set_status(15);
  EXPECT_TRUE(request());  // NO_VECTOR: no interrupt
  EXPECT_TRUE(board.messages.empty());
  map_vector(0x10, 0);
  map_vector(0x1a, 1);
  EXPECT_TRUE(request());
  ASSERT_EQ(board.messages.size(), 1u);
  EXPECT_EQ(board.messages[0], std::pair(std::uint64_t{0xfee0'0000}, 0x61u));
  device->act("resize-disk", std::vector<std::uint64_t>{8});
  EXPECT_EQ(board.messages.back().second, 0x60u);
  EXPECT_FALSE(board.line);
  EXPECT_EQ(driver->interrupt_cause(), 2u);  // the bit of queues is unused with MSI-X
}

TEST_F(Pci, AMaskedVectorIsPendingUntilItIsUnmasked) {
  place_bars();
  bring_up();
  map_vector(0x1a, 1);
  set_vector(1, 0x61, 1);
  EXPECT_TRUE(request());
  EXPECT_TRUE(board.messages.empty());
  EXPECT_EQ(bus->mmio_read(0xe000'4800, 4), 2u);
  bus->mmio_write(0xe000'401c, 4, 0);
  EXPECT_EQ(board.messages.size(), 1u);
  EXPECT_EQ(bus->mmio_read(0xe000'4800, 4), 0u);
  write(capabilities.at(0x11) + 2, 2, 0xc000);
  EXPECT_TRUE(request());
  EXPECT_EQ(board.messages.size(), 1u);
  write(capabilities.at(0x11) + 2, 2, 0x8000);
  EXPECT_EQ(board.messages.size(), 2u);
}

TEST_F(Pci, WithoutMsixNoVectorIsMapped) {
  start({.msix = false});
  EXPECT_FALSE(capabilities.contains(0x11));
  EXPECT_EQ(map_vector(0x10, 0), 0xffffu);
}

TEST_F(Pci, TheDevicesOwnNotificationValueIsUsedWhereNegotiated) {
  bring_up(bit(kNotifConfigData));
  const auto value = static_cast<std::uint32_t>(as_pci->bar_read(0, 0x38, 2));
  EXPECT_NE(value, 0u);
  submit();
  driver->notify(0);
  EXPECT_FALSE(done());
  driver->notify(value);
  EXPECT_TRUE(done());
  bring_up();
  EXPECT_EQ(as_pci->bar_read(0, 0x38, 2), 0u);
}

TEST_F(Pci, NoBusMasterNoAccessToMemory) {
  bring_up();
  write(kPciCommand, 2, kPciMemorySpace);
  submit();
  driver->notify(0);
  EXPECT_FALSE(done());
  write(kPciCommand, 2, kPciMemorySpace | kPciBusMaster);
  EXPECT_TRUE(done());
}

TEST_F(Pci, AViolationOfConfigurationSpaceIsSeen) {
  violations::Rule rule{.at = violations::Seam::kPciConfig,
                        .conditions = {{"offset", std::uint64_t{2}}},
                        .effects = {{"value", std::uint64_t{0x1000}}}};
  interposer.arm({&rule, 1});
  EXPECT_EQ(read(0x00, 4), 0x1000'1af4u);
  EXPECT_EQ(read(0x02, 2), 0x1000u);
}

}  // namespace
}  // namespace hypervet::devices
