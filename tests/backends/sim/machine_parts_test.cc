// SPDX-License-Identifier: Apache-2.0
// The parts of the simulated machine that can be held alone: CPUID leaves, page walk, mailbox,
// serial frames.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "backends/machine/serial_channel.h"
#include "backends/sim/base_cpuid.h"
#include "backends/sim/mailbox_view.h"
#include "backends/sim/page_walk.h"
#include "backends/sim/prng.h"
#include "guest-payloads/protocol/mailbox.h"
#include "guest-payloads/protocol/observation.h"
#include "guest-payloads/protocol/program.h"

namespace hypervet::sim {
namespace {

TEST(BaseCpuid, NamesTheVendor) {
  const auto name = [](CpuVendor vendor) {
    const CpuidResult r = base_cpuid(vendor, {.leaf = 0});
    std::string text(12, ' ');
    std::memcpy(text.data(), &r.ebx, 4);
    std::memcpy(text.data() + 4, &r.edx, 4);
    std::memcpy(text.data() + 8, &r.ecx, 4);
    return text;
  };
  EXPECT_EQ(name(CpuVendor::intel), "GenuineIntel");
  EXPECT_EQ(name(CpuVendor::amd), "AuthenticAMD");
}

TEST(BaseCpuid, KnowsTheTopology) {
  const CpuidResult leaf1 = base_cpuid(CpuVendor::intel, {.leaf = 1, .apic_id = 5, .cpus = 8});
  EXPECT_EQ(leaf1.ebx >> 24, 5u);
  EXPECT_EQ(leaf1.ebx >> 16 & 0xff, 8u);
  EXPECT_TRUE(leaf1.ecx >> 31 & 1) << "a hypervisor is present";
  const CpuidResult cores =
      base_cpuid(CpuVendor::intel, {.leaf = 0xb, .subleaf = 1, .apic_id = 5, .cpus = 8});
  EXPECT_EQ(cores.eax, 3u);
  EXPECT_EQ(cores.ebx, 8u);
  EXPECT_EQ(cores.edx, 5u);
}

TEST(BaseCpuid, LeavesTheHypervisorRangeAlone) {
  for (const std::uint32_t leaf : {0x4000'0000u, 0x4000'0001u, 0x4fff'ffffu}) {
    const CpuidResult r = base_cpuid(CpuVendor::intel, {.leaf = leaf});
    EXPECT_EQ(r.eax | r.ebx | r.ecx | r.edx, 0u);
  }
}

TEST(BaseCpuid, BeyondTheEndVendorsDiffer) {
  EXPECT_EQ(base_cpuid(CpuVendor::intel, {.leaf = 0x99}).eax,
            base_cpuid(CpuVendor::intel, {.leaf = 0x16}).eax);
  EXPECT_EQ(base_cpuid(CpuVendor::amd, {.leaf = 0x99}).eax, 0u);
}

TEST(BaseCpuid, WithholdsBits) {
  CpuidResult r{.eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u};
  const backends::CpuidBit bits[] = {{1, 2, 24}, {1, 3, 0}, {2, 0, 1}, {1, 9, 1}, {1, 0, 99}};
  withhold(r, 1, bits);
  EXPECT_EQ(r.eax, ~0u);
  EXPECT_EQ(r.ecx, ~(1u << 24));
  EXPECT_EQ(r.edx, ~1u);
}

class PageWalk : public testing::Test {
 protected:
  PageWalk() {
    state.cr0 = cr0::kPe | cr0::kPg | cr0::kWp;
    state.efer = efer::kLme | efer::kLma;
    state.cr3 = 0x1000;
    memory.store<std::uint64_t>(0x1000, 0x2007);
    memory.store<std::uint64_t>(0x2000, 0x3007);
    memory.store<std::uint64_t>(0x3000, 0x4007);
    memory.store<std::uint64_t>(0x3008, 0x20'0087);  // 2 MiB
  }
  void page(unsigned index, std::uint64_t entry) {
    memory.store<std::uint64_t>(0x4000 + 8 * index, entry);
  }
  machine::GuestMemory memory{1 << 20};
  CpuState state;
};

TEST_F(PageWalk, FollowsTheTables) {
  page(5, 0x9007);
  EXPECT_EQ(walk_for_write(memory, state, 3, 0x5123), 0x9123u);
  EXPECT_EQ(walk_for_write(memory, state, 0, 0x20'0000 + 0x12345), 0x21'2345u);
}

TEST_F(PageWalk, SaysWhyNot) {
  page(6, 0x9005);  // read-only
  page(7, 0x9003);  // supervisor
  EXPECT_EQ(walk_for_write(memory, state, 0, 0x5000).error().error_code, page_fault::kWrite);
  EXPECT_EQ(walk_for_write(memory, state, 0, 0x6000).error().error_code,
            page_fault::kWrite | page_fault::kPresent);
  EXPECT_EQ(walk_for_write(memory, state, 3, 0x7000).error().error_code,
            page_fault::kWrite | page_fault::kPresent | page_fault::kUser);
  state.cr0 &= ~cr0::kWp;
  EXPECT_EQ(walk_for_write(memory, state, 0, 0x6000), 0x9000u);
  EXPECT_FALSE(walk_for_write(memory, state, 3, 0x6000));
}

TEST_F(PageWalk, TablesOutsideRamAreNoPageFault) {
  state.cr3 = 0x7fff'f000;
  EXPECT_TRUE(walk_for_write(memory, state, 0, 0).error().outside_ram);
  state.cr0 &= ~cr0::kPg;
  EXPECT_EQ(walk_for_write(memory, state, 0, 0x1234), 0x1234u);
}

TEST(MailboxView, BoundsWhatTheGuestSays) {
  machine::GuestMemory memory(protocol::kDefaultMemory);
  MailboxView view(memory);
  EXPECT_FALSE(view.valid());
  EXPECT_FALSE(view.observations());
  EXPECT_FALSE(view.current_op(0));
  protocol::Mailbox box{};
  box.magic = protocol::kMailboxMagic;
  box.committed = 16;
  box.overflowed = 1;
  box.current_op[1] = 7;
  box.current_op[2] = protocol::kNoOp;
  box.progress[0] = 3;
  box.progress[7] = 4;
  memory.store(protocol::kMailboxAddress, box);
  EXPECT_EQ(view.observations()->frames.size(), 16u);
  EXPECT_TRUE(view.observations()->overflowed);
  EXPECT_EQ(view.current_op(1), 7u);
  EXPECT_FALSE(view.current_op(2));
  EXPECT_FALSE(view.current_op(99));
  EXPECT_EQ(view.progress(), 7u);
  box.committed = protocol::kObservationsSize;
  memory.store(protocol::kMailboxAddress, box);
  EXPECT_EQ(view.observations()->frames.size(), protocol::kObservationsSize);
  box.committed += 1;
  memory.store(protocol::kMailboxAddress, box);
  EXPECT_FALSE(view.observations());
}

std::vector<std::uint8_t> frame(protocol::FrameKind kind, const std::vector<std::uint64_t>& words) {
  protocol::FrameHeader header{};
  header.magic = protocol::kFrameMagic;
  header.kind = kind;
  header.length = static_cast<std::uint32_t>(words.size() * 8);
  header.checksum = protocol::checksum(words.data(), words.size() * 8,
                                       protocol::checksum(&header, sizeof header));
  std::vector<std::uint8_t> bytes(sizeof header + words.size() * 8);
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, words.data(), words.size() * 8);
  return bytes;
}

TEST(SerialChannel, FindsCallsAmongOtherBytes) {
  const auto call = frame(protocol::FrameKind::kHostCall, {4, 1, 2, 3, 5});
  auto spoilt = call;
  spoilt[60] ^= 1;
  const auto other = frame(protocol::FrameKind::kValues, {4, 1, 2, 3, 5});
  std::vector<std::uint8_t> line = {'b', 'o', 'o', 't'};
  for (const auto& part : {spoilt, other, call}) line.insert(line.end(), part.begin(), part.end());

  machine::SerialChannel channel;
  std::optional<machine::HostCall> found;
  for (std::size_t sent = 0; sent <= line.size(); ++sent) {
    const auto now = channel.advance({line.data(), sent});
    EXPECT_FALSE(now && found) << "found twice";
    if (now) {
      EXPECT_EQ(sent, line.size());
      found = now;
    }
  }
  ASSERT_TRUE(found);
  EXPECT_EQ(found->verb, protocol::HostVerb::kReadClock);
  EXPECT_EQ(found->arguments, (std::array<std::uint64_t, 4>{1, 2, 3, 5}));
  EXPECT_EQ(channel.frames(), 2u);
}

TEST(SerialChannel, AnswersInNineBytes) {
  const auto bytes = machine::SerialChannel::answer(protocol::HostStatus::kBadArgument, 0x0102);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{2, 2, 1, 0, 0, 0, 0, 0, 0}));
}

TEST(Prng, IsTheSameEverywhere) {
  Prng prng(0);
  EXPECT_EQ(prng.next(), 0xe220'a839'7b1d'cdafu);  // SplitMix64's published first value for seed 0
  for (int i = 0; i < 1000; ++i) EXPECT_LT(prng.below(7), 7u);
}

}  // namespace
}  // namespace hypervet::sim
