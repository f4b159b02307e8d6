// SPDX-License-Identifier: Apache-2.0
// The virtio ops against QEMU's own devices: real hardware as far as the agent can tell.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tests/guest-payloads/virtio_fixture.h"

namespace hypervet::tests {
namespace {

using namespace protocol;

TEST_P(VirtioOps, EntropyByHand) {
  const auto found = driver.find(kEntropy);
  const auto offered = driver.read(VirtioRegister::kDeviceFeatures);
  const auto largest = driver.read(VirtioRegister::kQueueSizeMax);
  const auto status = driver.bring_up();
  driver.submit({{kBuffers, 64, true}});
  const auto wait = driver.await_used();
  const auto used = driver.used();
  const auto bytes = program.op(OpCode::kRead, {kBuffers, 64});
  run(machine_of(GetParam(), "rng"));
  EXPECT_EQ(frames.values(found)[0], 1u);
  EXPECT_EQ(frames.values(found)[1], kEntropy);
  EXPECT_EQ(frames.values(found)[3], GetParam().pci() ? 1u : 2u) << "revision, version";
  EXPECT_EQ(frames.values(offered)[0] & kVersion1, kVersion1);
  EXPECT_EQ((frames.values(offered)[0] & kRingPacked) != 0, GetParam().packed);
  EXPECT_EQ(frames.values(largest)[0], GetParam().pci() ? 8u : 1024u);
  expect_value(status, 11);
  EXPECT_EQ(frames.values(wait)[0], 1u);
  EXPECT_EQ(number(frames.bytes(used.id)), GetParam().packed ? kChainId : 0);
  EXPECT_EQ(number(frames.bytes(used.length)), 64u);
  const auto random = frames.bytes(bytes);
  EXPECT_GT(std::ranges::count_if(random, [](auto byte) { return byte != 0; }), 32);
}

// A read of sector 1 of a disk whose sectors each hold their number.
TEST_P(VirtioOps, BlockByHand) {
  const std::string disk = ::testing::TempDir() + "/hypervet_disk_" + std::to_string(::getpid());
  {
    std::ofstream file(disk, std::ios::binary);
    for (char sector = 0; sector < 8; ++sector)
      file << std::string(512, static_cast<char>('0' + sector));
  }
  const auto found = driver.find(kBlock);
  driver.bring_up();
  const auto capacity = region(VirtioRegion::kConfig, 0, 4);
  const struct {
    std::uint32_t type, reserved;
    std::uint64_t sector;
  } request = {0, 0, 1};  // VIRTIO_BLK_T_IN
  const std::uint64_t data = kBuffers + 0x200, status = kBuffers + 0x100;
  program.op(OpCode::kPut, {kBuffers, program.data(&request, sizeof request), sizeof request});
  program.op(OpCode::kFill, {status, 1, 0xff});
  driver.submit({{kBuffers, 16, false}, {data, 512, true}, {status, 1, true}});
  const auto wait = driver.await_used();
  const auto used = driver.used();
  const auto read = program.op(OpCode::kRead, {data, 512});
  const auto result = program.op(OpCode::kRead, {status, 1});
  QemuOptions options = machine_of(GetParam(), "blk", ",drive=disk");
  options.arguments.insert(options.arguments.end(),
                           {"-drive", "if=none,id=disk,format=raw,read-only=on,file=" + disk});
  run(options);
  std::remove(disk.c_str());
  EXPECT_EQ(frames.values(found)[0], 1u);
  if (GetParam().pci()) {
    EXPECT_GE(frames.values(found)[7], 60u) << "bytes of configuration";
  }
  expect_value(capacity, 8);
  EXPECT_EQ(frames.values(wait)[0], 1u);
  EXPECT_EQ(number(frames.bytes(used.length)), 513u);
  EXPECT_EQ(frames.bytes(read), std::vector<std::uint8_t>(512, '1'));
  EXPECT_EQ(frames.bytes(result), std::vector<std::uint8_t>{0});
}

TEST_P(VirtioOps, RegistersByNameAndByOffset) {
  const bool pci = GetParam().pci();
  driver.find(kEntropy);
  driver.write(VirtioRegister::kStatus, 0);
  driver.write(VirtioRegister::kStatus, 1);
  const auto named = driver.read(VirtioRegister::kStatus);
  const auto raw = region(VirtioRegion::kRegisters, pci ? 20 : 0x70, pci ? 1 : 4);
  const auto missed =
      program.op(OpCode::kVirtioAwait,
                 {static_cast<std::uint64_t>(VirtioRegister::kStatus), 0, 4, 4, 2'000'000});
  program.op(OpCode::kRegionWrite,
             {static_cast<std::uint64_t>(VirtioRegion::kRegisters), pci ? 20u : 0x70u, 3},
             {.width = pci ? 1u : 4u});
  const auto after = program.op(
      OpCode::kVirtioRead, {static_cast<std::uint64_t>(VirtioRegister::kStatus), 0}, {.slot = 4});
  program.op(OpCode::kStore, {kArenaAddress, In::slot(4)}, {.width = 8});
  const auto kept = program.op(OpCode::kLoad, {kArenaAddress}, {.width = 8});
  const auto device = driver.read(VirtioRegister::kDeviceId);
  const auto vendor = driver.read(VirtioRegister::kVendorId);
  const auto magic = driver.read(VirtioRegister::kMagic);
  const auto queues = driver.read(VirtioRegister::kQueueCount);
  const auto absent = driver.read(VirtioRegister::kQueueSizeMax, 9);
  driver.write(VirtioRegister::kQueueDesc, 0x12'3456'7000);
  const auto desc = driver.read(VirtioRegister::kQueueDesc);
  const auto beyond = region(VirtioRegion::kRegisters, 0x10'0000, 4);
  const auto across = region(VirtioRegion::kNotify, pci ? 0xfff : 2, 4);
  const auto isr = region(VirtioRegion::kIsr, 0, 1);
  run(machine_of(GetParam(), "rng"));
  expect_value(named, 1);
  expect_value(raw, 1);
  EXPECT_EQ(frames.values(missed)[0], 0u);
  EXPECT_GE(frames.values(missed)[1], 2'000'000u);
  EXPECT_EQ(frames.values(missed)[2], 1u);
  expect_value(after, 3);
  EXPECT_EQ(frames.executed(kept).after.rax, 3u);
  expect_value(device, kEntropy);
  EXPECT_EQ(frames.values(vendor)[1], 1u);
  expect_value(absent, 0);
  expect_not_there(beyond);
  expect_not_there(across);
  if (pci) {
    expect_value(queues, 1);
    expect_not_there(magic);
    expect_value(isr, 0);
    expect_value(desc, 0x12'3456'7000);
  } else {
    expect_value(magic, 0x7472'6976);
    expect_not_there(queues);
    expect_not_there(isr);
    EXPECT_EQ(frames.values(desc)[1], 1u) << "write-only there";
  }
}

TEST_P(VirtioOps, EachOfSeveralDevices) {
  const auto block = driver.find(kBlock);
  const auto is_block = driver.read(VirtioRegister::kDeviceId);
  const auto sectors = region(VirtioRegion::kConfig, 0, 4);
  const auto entropy = driver.find(kEntropy);
  const auto is_entropy = driver.read(VirtioRegister::kDeviceId);
  QemuOptions options = machine_of(GetParam(), "rng");
  const char* const second = GetParam().pci() ? "virtio-blk-pci,disable-legacy=on,addr=2,drive=disk"
                                              : "virtio-blk-device,drive=disk";
  options.arguments.insert(options.arguments.end(),
                           {"-drive", "if=none,id=disk,driver=null-co,size=1M", "-device", second});
  run(options);
  EXPECT_EQ(frames.values(block)[0], 1u);
  expect_value(is_block, kBlock);
  expect_value(sectors, 2048);
  EXPECT_EQ(frames.values(entropy)[0], 1u);
  expect_value(is_entropy, kEntropy);
}

TEST_P(VirtioOps, NothingFoundNothingThere) {
  const auto early = driver.read(VirtioRegister::kStatus);
  const auto early_region = region(VirtioRegion::kConfig, 0, 1);
  const auto early_notify = program.op(OpCode::kVirtioNotify, {0, 0}, {.width = 4});
  const auto early_interrupts = interrupts(VirtioInterrupts::kLine);
  const auto early_wait =
      program.op(OpCode::kVirtioAwait,
                 {static_cast<std::uint64_t>(VirtioRegister::kStatus), 0, 1, 1, kSecond});
  const auto other = driver.find(kBlock);
  const auto after = driver.read(VirtioRegister::kStatus);
  driver.find(kEntropy);
  const auto there = driver.read(VirtioRegister::kStatus);
  driver.find(kBlock);
  const auto gone = driver.read(VirtioRegister::kStatus);
  run(machine_of(GetParam(), "rng"));
  for (const auto op : {early, early_region, early_notify, early_wait, after, gone}) {
    expect_not_there(op);
  }
  EXPECT_EQ(frames.values(early_interrupts)[0], 0u);
  const auto nothing = frames.values(other);
  EXPECT_EQ(nothing, std::vector<std::uint64_t>(8, 0));
  expect_value(there, 0);
}

INSTANTIATE_TEST_SUITE_P(All, VirtioOps, ::testing::ValuesIn(kVirtioSetups),
                         [](const auto& setup) { return name_of(setup.param); });

class VirtioPci : public VirtioOps {
 protected:
  std::uint32_t capability(std::uint64_t cfg_type, std::uint64_t nth = 0) {
    return program.op(OpCode::kVirtioCapability, {cfg_type, nth});
  }
};

TEST_P(VirtioPci, CapabilitiesNameTheStructures) {
  driver.find(kEntropy);
  const auto common = capability(1), notify = capability(2), isr = capability(3);
  const auto second = capability(1, 1), unknown = capability(99);
  const auto header = region(VirtioRegion::kPciHeader, 0, 4);
  const auto bar4 = region(VirtioRegion::kPciHeader, 0x20, 4);
  const auto command = region(VirtioRegion::kPciHeader, 4, 2);
  const auto queues = region(VirtioRegion::kPciBar, 18, 2);
  driver.find(kEntropy);
  const auto again = region(VirtioRegion::kPciHeader, 0x20, 4);
  run(machine_of(GetParam(), "rng"));
  const auto where = frames.values(common);
  EXPECT_EQ(where[0], 1u);
  EXPECT_GE(where[1], 0x40u);
  EXPECT_EQ(where[2], 16u);
  EXPECT_EQ(where[3], 4u) << "QEMU has them all in BAR 4";
  EXPECT_EQ(where[5], 0u);
  EXPECT_GE(where[6], 56u);
  EXPECT_EQ(frames.values(notify)[2], 20u);
  EXPECT_EQ(frames.values(isr)[0], 1u);
  EXPECT_EQ(frames.values(second), std::vector<std::uint64_t>(8, 0));
  EXPECT_EQ(frames.values(unknown), std::vector<std::uint64_t>(8, 0));
  expect_value(header, 0x1044'1af4);
  EXPECT_EQ(where[7], frames.values(bar4)[0] & ~0xfull);
  EXPECT_GE(where[7], 0xe000'0000u) << "assigned, as qboot has not";
  EXPECT_EQ(frames.values(command)[0] & 6, 6u) << "memory and bus mastering";
  expect_value(queues, 1);
  EXPECT_EQ(frames.values(again), frames.values(bar4)) << "assigned once";
}

TEST_P(VirtioPci, ThroughEcamAsThroughPorts) {
  const auto found = driver.find(kEntropy);
  const auto extended = region(VirtioRegion::kPciHeader, 0x100, 4);
  const auto wide = region(VirtioRegion::kPciHeader, 0, 8);
  QemuOptions options = machine_of(GetParam(), "rng");
  options.words = "ecam=0xb0000000 pci-window=0xc0000000";
  const auto common = capability(1);
  run(options);
  EXPECT_EQ(frames.values(found)[0], 1u);
  EXPECT_EQ(frames.values(extended)[1], 1u);
  EXPECT_EQ(frames.values(wide)[1], 1u);
  EXPECT_EQ(frames.values(common)[7] >> 28, 0xcu);
}

// Function 0 of slot 1 lies where nothing is mapped.
TEST_P(VirtioPci, AFaultAnswersWithItsRegisters) {
  const auto find = driver.find(kEntropy);
  const auto after = driver.read(VirtioRegister::kStatus);
  QemuOptions options = machine_of(GetParam(), "rng");
  options.words = "ecam=0xffff8000";
  run(options);
  EXPECT_EQ(frames.executed(find).vector, 14u);
  EXPECT_EQ(frames.executed(find).cr2, 0x1'0000'0000u);
  expect_not_there(after);
}

INSTANTIATE_TEST_SUITE_P(Pci, VirtioPci,
                         ::testing::Values(VirtioSetup{VirtioTransport::kPci, false}),
                         [](const auto& setup) { return name_of(setup.param); });

}  // namespace
}  // namespace hypervet::tests
