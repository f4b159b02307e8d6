// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/entropy.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/backends/devices/fake_host.h"

namespace hypervet::devices {
namespace {

using test::FakeHost;

class EntropyDevice : public testing::TestWithParam<bool> {
 protected:
  Entropy device;
  FakeHost host{device, GetParam() ? bit(kRingPacked) : 0};
  std::set<std::uint8_t> drawn(const Segment& buffer) {
    const auto bytes = host.bytes(buffer);
    return {bytes.begin(), bytes.end()};
  }
};
INSTANTIATE_TEST_SUITE_P(Rings, EntropyDevice, testing::Bool());

TEST_P(EntropyDevice, FillsABufferWithBytesThatDiffer) {
  const Segment first = host.piece(64), second = host.piece(64);
  host.ring(0).submit({}, {first});
  host.ring(0).submit({}, {second});
  host.notify(0);
  EXPECT_EQ(host.ring(0).take_used()->length, 64u);
  EXPECT_EQ(host.ring(0).take_used()->length, 64u);
  EXPECT_GT(drawn(first).size(), 20u);
  EXPECT_NE(host.bytes(first), host.bytes(second));
  EXPECT_EQ(host.interrupts[0], 2u);
}

TEST_P(EntropyDevice, GivesPartOfAHugeBuffer) {
  const Segment buffer = host.piece(8192);
  host.ring(0).submit({}, {buffer});
  host.notify(0);
  const auto used = host.ring(0).take_used();
  ASSERT_TRUE(used);
  EXPECT_EQ(used->length, 4096u);
  EXPECT_EQ(host.bytes({buffer.address + 4096, 4096}), std::vector<std::uint8_t>(4096));
}

TEST_P(EntropyDevice, ABufferOutsideRamOrWithNothingToWriteIsGivenBackEmpty) {
  host.ring(0).submit({}, {{~std::uint64_t{0} - 100, 64}});
  host.ring(0).submit({host.piece(16)}, {});
  host.notify(0);
  EXPECT_EQ(host.ring(0).take_used()->length, 0u);
  EXPECT_EQ(host.ring(0).take_used()->length, 0u);
  EXPECT_EQ(host.resets_needed, 0u);
}

TEST_P(EntropyDevice, ABrokenRingNeedsAResetAndThenWorks) {
  host.ring(0).submit({host.piece(1)}, {});
  host.ring(0).describe(host.ring(0).descriptors(), 0, {0x1000, 16},
                        GetParam() ? kIndirect | kAvailable : kIndirect, 0);
  host.notify(0);
  EXPECT_EQ(host.resets_needed, 1u);
  host.restart(GetParam() ? bit(kRingPacked) : 0);
  host.ring(0).submit({}, {host.piece(64)});
  host.notify(0);
  EXPECT_EQ(host.ring(0).take_used()->length, 64u);
}

}  // namespace
}  // namespace hypervet::devices
