// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/boot/boot_params.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstddef>

extern "C" const std::uint8_t hv_image_end[1] = {};  // in a guest, agent.ld's

namespace hypervet::tests {
namespace {

using namespace guest;

static_assert(offsetof(BootParams, ramdisk_image_high) == 0x0c0);
static_assert(offsetof(BootParams, command_line_high) == 0x0c8);
static_assert(offsetof(BootParams, signature) == 0x202);
static_assert(offsetof(BootParams, ramdisk_image) == 0x218);
static_assert(offsetof(BootParams, command_line) == 0x228);

// In memory that the agent could read: below 4 GiB.
class LinuxBootParams : public ::testing::Test {
 protected:
  void SetUp() override {
    void* const at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    ASSERT_NE(at, MAP_FAILED);
    low_ = static_cast<std::byte*>(at);
    params = new (at) BootParams();
    module = new (low_ + 2048) ModuleEntry();
    info = new (low_ + 3072) StartInfo();
    params->signature = 0x5372'6448;
    params->ramdisk_image = 0x50'0000;
    params->ramdisk_size = 0x123;
    params->command_line = 0x2'0000;
  }
  void TearDown() override { ::munmap(low_, 4096); }

  const StartInfo* told() {
    *info = start_info_of(params, *module);
    return info;
  }

  std::byte* low_ = nullptr;
  BootParams* params = nullptr;
  ModuleEntry* module = nullptr;
  StartInfo* info = nullptr;
};

TEST_F(LinuxBootParams, BecomeAStartInfo) {
  EXPECT_EQ(command_line(told()), reinterpret_cast<const char*>(0x2'0000));
  EXPECT_EQ(module0(info).address, 0x50'0000u);
  EXPECT_EQ(module0(info).size, 0x123u);
}

TEST_F(LinuxBootParams, WithoutSignatureTellNothing) {
  params->signature ^= 1;
  EXPECT_EQ(command_line(told()), nullptr);
  EXPECT_EQ(module0(info).size, 0u);
}

TEST_F(LinuxBootParams, ThatAreNotThereTellNothing) {
  params = nullptr;
  EXPECT_EQ(command_line(told()), nullptr);
  EXPECT_EQ(module0(info).size, 0u);
  params = reinterpret_cast<BootParams*>(0x1'0000'0000 - sizeof(BootParams) + 1);
  EXPECT_EQ(command_line(told()), nullptr) << "it would end above 4 GiB";
}

TEST_F(LinuxBootParams, WithoutACommandLineHaveNone) {
  params->command_line = 0;
  EXPECT_EQ(command_line(told()), nullptr);
  EXPECT_EQ(module0(info).size, 0x123u);
  params->command_line = 0xffff'ff00;
  EXPECT_EQ(command_line(told()), nullptr) << "it would end above 4 GiB";
}

TEST_F(LinuxBootParams, WithoutARamdiskHaveNoModule) {
  params->ramdisk_size = 0;
  EXPECT_EQ(info->module_count, 0u);
  EXPECT_EQ(module0(told()).size, 0u);
}

// The high halves count, so that what lies above 4 GiB is not taken for something below.
TEST_F(LinuxBootParams, AboveFourGigabytesAreOutOfReach) {
  params->command_line_high = 1;
  params->ramdisk_image_high = 1;
  params->ramdisk_size_high = 2;
  EXPECT_EQ(command_line(told()), nullptr);
  EXPECT_EQ(module0(info).address, 0x1'0050'0000u);
  EXPECT_EQ(module0(info).size, 0x2'0000'0123u);
}

}  // namespace
}  // namespace hypervet::tests
