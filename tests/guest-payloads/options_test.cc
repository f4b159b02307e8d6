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
