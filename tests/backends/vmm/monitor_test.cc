// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hypervet::vmm {
namespace {

// What QEMU 7.2 says, shortened.
constexpr std::string_view kTwoCpus = R"(
CPU#0
RAX=0000000000000001 RBX=00000000deadbeef RCX=0000000000000003 RDX=0000000000000004
RSI=0000000000000005 RDI=0000000000000006 RBP=0000000000000007 RSP=0000000000102000
R8 =0000000000000008 R9 =0000000000000009 R10=000000000000000a R11=000000000000000b
R12=000000000000000c R13=000000000000000d R14=000000000000000e R15=000000000000000f
RIP=0000000000101234 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
ES =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
CR0=80010033 CR2=0000000000000abc CR3=0000000000111000 CR4=00000620
EFER=0000000000000d00

CPU#1
RAX=0000000000000000 RIP=000000000010abcd RFL=00000002 HLT=0
)";

TEST(Registers, OfAllCpus) {
  const auto cpus = parse_registers(kTwoCpus);
  ASSERT_EQ(cpus.size(), 2u);
  EXPECT_EQ(cpus[0].registers.rax, 1u);
  EXPECT_EQ(cpus[0].registers.rbx, 0xdeadbeefu);
  EXPECT_EQ(cpus[0].registers.r8, 8u);
  EXPECT_EQ(cpus[0].registers.r15, 15u);
  EXPECT_EQ(cpus[0].registers.rsp, 0x102000u);
  EXPECT_EQ(cpus[0].registers.rip, 0x101234u);
  EXPECT_EQ(cpus[0].registers.rflags, 0x246u);
  EXPECT_EQ(cpus[0].cs, 8u);
  EXPECT_EQ(cpus[0].cr0, 0x80010033u);
  EXPECT_EQ(cpus[0].cr2, 0xabcu);
  EXPECT_EQ(cpus[0].efer, 0xd00u);
  EXPECT_TRUE(cpus[0].halted);
  EXPECT_EQ(cpus[1].registers.rip, 0x10abcdu);
  EXPECT_FALSE(cpus[1].halted);
}

TEST(Registers, OfAnythingElse) {
  EXPECT_TRUE(parse_registers("").empty());
  EXPECT_TRUE(parse_registers("unknown command: 'info registers'").empty());
  EXPECT_EQ(parse_registers("CPU#0\nRIP=").size(), 1u);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "CPU#\n";
  EXPECT_LE(parse_registers(many).size(), protocol::kMaxCpus);
}

TEST(VerbArguments, AreNumbersTruthsAndTexts) {
  const protocol::HostVerbEntry verb{protocol::HostVerb::kNone, "verb", {"pages", "up"}, ""};
  const auto of = [&](std::string_view text) {
    return verb_argument(text, verb, {3, 1, 0, 0}, 64 << 20);
  };
  EXPECT_EQ(of("$pages"), 3);
  EXPECT_EQ(of("$pages*4096"), 12288);
  EXPECT_EQ(of("$memory-$pages*4096"), (64 << 20) - 12288);
  EXPECT_EQ(of("100-$pages"), 97);
  EXPECT_EQ(of("$up!=0"), true);
  EXPECT_EQ(of("disk"), "disk");
  EXPECT_EQ(of("$memory"), 64 << 20);
}

}  // namespace
}  // namespace hypervet::vmm
