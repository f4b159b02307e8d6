// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/pvh_boot.h"

#include <gtest/gtest.h>

#include <string>

namespace hypervet::machine {
namespace {

TEST(PvhBoot, LeavesWhatXensHeaderSays) {
  GuestMemory memory(64 << 20);
  const auto info = write_boot_info(memory, "channel=memory", BootModule{0x50'0000, 152});
  ASSERT_TRUE(info) << info.error();
  EXPECT_EQ(memory.load<std::uint32_t>(*info), 0x336ec578u);
  EXPECT_EQ(memory.load<std::uint32_t>(*info + 4), 1u);
  EXPECT_EQ(memory.load<std::uint32_t>(*info + 12), 1u);  // modules
  const std::uint64_t modules = *memory.load<std::uint64_t>(*info + 16);
  EXPECT_EQ(memory.load<std::uint64_t>(modules), 0x50'0000u);
  EXPECT_EQ(memory.load<std::uint64_t>(modules + 8), 152u);
  const std::uint64_t line = *memory.load<std::uint64_t>(*info + 24);
  const auto text = memory.bytes(line, 15);
  EXPECT_EQ(std::string(text.begin(), text.end()), std::string("channel=memory\0", 15));
  const std::uint64_t map = *memory.load<std::uint64_t>(*info + 40);
  const std::uint32_t entries = *memory.load<std::uint32_t>(*info + 48);
  ASSERT_EQ(entries, 3u);
  EXPECT_EQ(memory.load<std::uint64_t>(map), 0u);
  EXPECT_EQ(memory.load<std::uint64_t>(map + 2 * 24), 0x10'0000u);
  EXPECT_EQ(memory.load<std::uint64_t>(map + 2 * 24 + 8), (64u << 20) - 0x10'0000u);
}

TEST(PvhBoot, TellsOfNoModuleWhereThereIsNone) {
  GuestMemory memory(64 << 20);
  const auto info = write_boot_info(memory, "", std::nullopt);
  ASSERT_TRUE(info);
  EXPECT_EQ(memory.load<std::uint32_t>(*info + 12), 0u);
}

TEST(PvhBoot, RefusesWhatDoesNotFit) {
  GuestMemory memory(64 << 20);
  EXPECT_TRUE(write_boot_info(memory, std::string(kMaxCommandLine, 'x'), std::nullopt));
  const auto longer = write_boot_info(memory, std::string(kMaxCommandLine + 1, 'x'), std::nullopt);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error(), "the command line has 4096 bytes, at most 4095 fit");
  GuestMemory tiny(0x10'0000);
  EXPECT_FALSE(write_boot_info(tiny, "", std::nullopt));
}

}  // namespace
}  // namespace hypervet::machine
