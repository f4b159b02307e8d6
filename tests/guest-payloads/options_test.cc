// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/boot/options.h"

#include <gtest/gtest.h>

#include <string>

#include "guest-payloads/boot/start_info.h"

namespace hypervet::tests {
namespace {

using guest::Options;
using guest::parse_options;

// In a buffer of exactly the size that may be read.
Options parse(std::string text) {
  text.resize(guest::kMaxCommandLine, '\0');
  return parse_options(std::vector<char>(text.begin(), text.end()).data());
}

TEST(Options, Defaults) {
  for (const Options& o :
       {parse(""), parse_options(nullptr), parse("   "), parse("console=ttyS0 root=/dev/vda ro")}) {
    EXPECT_FALSE(o.serial);
    EXPECT_FALSE(o.x2apic);
    EXPECT_FALSE(o.debug_exit);
    EXPECT_EQ(o.cpus, 1u);
    EXPECT_EQ(o.tsc_khz, 0u);
  }
}

TEST(Options, AllWords) {
  const Options o = parse("  channel=serial cpus=4  apic=x2apic tsc-khz=2100000 exit=debug-exit");
  EXPECT_TRUE(o.serial);
  EXPECT_TRUE(o.x2apic);
  EXPECT_TRUE(o.debug_exit);
  EXPECT_EQ(o.cpus, 4u);
  EXPECT_EQ(o.tsc_khz, 2'100'000u);
}

TEST(Options, ValuesOutOfBoundsAndStrangers) {
  EXPECT_EQ(parse("cpus=0").cpus, 1u);
  EXPECT_EQ(parse("cpus=9").cpus, 8u);
  EXPECT_EQ(parse("cpus=4x").cpus, 1u);
  EXPECT_EQ(parse("cpus=99999999999999999999999").cpus, 1u);
  EXPECT_EQ(parse("xcpus=4 cpus").cpus, 1u);
  EXPECT_FALSE(parse("channel=serially").serial);
  EXPECT_FALSE(parse("channel=memory apic=xapic exit=halt").serial);
  EXPECT_EQ(parse("tsc-khz=4294967296").tsc_khz, 0u);
}

TEST(Options, WhereDevicesAre) {
  const Options none = parse("");
  EXPECT_EQ(none.devices.mmio_count, 0u);
  EXPECT_EQ(none.devices.ecam, 0u);
  EXPECT_EQ(none.devices.pci_window, 0xe000'0000u);
  EXPECT_EQ(none.devices.pci_line, guest::kLineNotKnown);
  const Options o = parse(
      "virtio_mmio.device=512@0xfeb00e00:12 ecam=0xb0000000 virtio_mmio.device=4K@0xD0000000:5:3 "
      "exit=debug-exit pci-window=3221225472 pci-line=21 virtio_mmio.device=1M@0x1000:0");
  ASSERT_EQ(o.devices.mmio_count, 3u);
  EXPECT_EQ(o.devices.mmio[0].size, 512u);
  EXPECT_EQ(o.devices.mmio[0].address, 0xfeb0'0e00u);
  EXPECT_EQ(o.devices.mmio[0].gsi, 12u);
  EXPECT_EQ(o.devices.mmio[1].size, 4096u);
  EXPECT_EQ(o.devices.mmio[1].address, 0xd000'0000u);
  EXPECT_EQ(o.devices.mmio[1].gsi, 5u);
  EXPECT_EQ(o.devices.mmio[2].size, 0x10'0000u);
  EXPECT_EQ(o.devices.ecam, 0xb000'0000u);
  EXPECT_EQ(o.devices.pci_window, 0xc000'0000u);
  EXPECT_EQ(o.devices.pci_line, 21u);
  EXPECT_TRUE(o.debug_exit);
}

TEST(Options, DevicesThatAreNone) {
  for (const char* word :
       {"virtio_mmio.device=", "virtio_mmio.device=512", "virtio_mmio.device=512@",
        "virtio_mmio.device=0@0x1000:1", "virtio_mmio.device=512@0:1",
        "virtio_mmio.device=512@0x1000", "virtio_mmio.device=512@0x1000:1x",
        "virtio_mmio.device=512x@0x1000:1", "virtio_mmio.device=512@0xffffff00:1",
        "virtio_mmio.device=512@0x100000000:1", "virtio_mmio.device=4096M@0x1000:1",
        "virtio_mmio.device=512Kb@0x1000:1", "virtio_mmio.other=512@0x1000:1"}) {
    EXPECT_EQ(parse(word).devices.mmio_count, 0u) << word;
  }
  std::string many;
  for (unsigned i = 0; i <= guest::kMaxMmioDevices; ++i) many += "virtio_mmio.device=512@0x1000:1 ";
  EXPECT_EQ(parse(many).devices.mmio_count, guest::kMaxMmioDevices);
  EXPECT_EQ(parse("ecam=0x100000000").devices.ecam, 0u);
  EXPECT_EQ(parse("ecam=0xb0000000z").devices.ecam, 0u);
  EXPECT_EQ(parse("pci-window=0 pci-line=5x pci-lines=3").devices.pci_window, 0xe000'0000u);
  EXPECT_EQ(parse("pci-line=5x pci-lines=3").devices.pci_line, guest::kLineNotKnown);
}

TEST(Options, NeverReadsPastItsBound) {
  const std::string full(guest::kMaxCommandLine, 'c');
  EXPECT_EQ(parse(full).cpus, 1u);
  std::string end(guest::kMaxCommandLine - 5, 'x');
  end[end.size() - 1] = ' ';
  EXPECT_EQ(parse(end + "cpus=").cpus, 1u);
  end.resize(end.size() - 1);
  end[end.size() - 1] = ' ';
  EXPECT_EQ(parse(end + "cpus=3").cpus, 3u);
}

}  // namespace
}  // namespace hypervet::tests
