// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/pv/fake_machine.h"

namespace hypervet::pv {
namespace {

using violations::CpuidLeaf;

class KvmCpuidTest : public KvmModelTest {
 protected:
  CpuidLeaf leaf(std::uint32_t number, CpuidLeaf base = {}) {
    return model->cpuid(0, number, 0, base);
  }
};

TEST_F(KvmCpuidTest, SignatureAndFeatures) {
  EXPECT_EQ(leaf(0x40000000), (CpuidLeaf{0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d}));
  EXPECT_EQ(leaf(0x40000001), (CpuidLeaf{0x01007efb, 0, 0, 0}));
  EXPECT_EQ(leaf(0x40000002, {1, 2, 3, 4}), CpuidLeaf{});
  EXPECT_EQ(leaf(0x40000100, {1, 2, 3, 4}), CpuidLeaf{});
}

TEST_F(KvmCpuidTest, HypervisorBitIsAddedAndOtherLeavesPass) {
  EXPECT_EQ(leaf(1, {1, 2, 3, 4}), (CpuidLeaf{1, 2, 0x80000003, 4}));
  EXPECT_EQ(leaf(7, {1, 2, 3, 4}), (CpuidLeaf{1, 2, 3, 4}));
}

TEST_F(KvmCpuidTest, HypervLeavesMoveKvmUp) {
  build({{"hyperv-leaves", "on"}});
  const CpuidLeaf vendor = leaf(0x40000000);
  char name[13] = {};
  std::memcpy(name, &vendor.ebx, 4);
  std::memcpy(name + 4, &vendor.ecx, 4);
  std::memcpy(name + 8, &vendor.edx, 4);
  EXPECT_STREQ(name, "Microsoft Hv");
  EXPECT_EQ(leaf(0x40000001).eax, 0x31237648u);  // "Hv#1"
  EXPECT_EQ(leaf(0x40000100), (CpuidLeaf{0x40000101, 0x4b4d564b, 0x564b4d56, 0x4d}));
  EXPECT_EQ(leaf(0x40000101).eax, 0x01007efbu);
}

TEST_F(KvmCpuidTest, SettingsAddFeaturesAndTheHint) {
  build({{"hypercall-exits", "on"}, {"migration-control", "on"}, {"realtime-hint", "on"}});
  EXPECT_EQ(leaf(0x40000001), (CpuidLeaf{0x01037efb, 0, 0, 1}));
}

TEST_F(KvmCpuidTest, BitsAreWithheldAtEveryLeafAndFollowTheMovedBase) {
  build({}, 1, {feature(5), {1, 2, 31}, {7, 1, 3}});
  EXPECT_EQ(leaf(0x40000001).eax, 0x01007edbu);
  EXPECT_EQ(leaf(1, {0, 0, 1, 0}).ecx, 1u);
  EXPECT_EQ(leaf(7, {0, 0xff, 0, 0}).ebx, 0xf7u);
  build({{"hyperv-leaves", "on"}}, 1, {feature(5)});
  EXPECT_EQ(leaf(0x40000101).eax, 0x01007edbu);
  EXPECT_EQ(leaf(0x40000001).eax, 0x31237648u);
}

TEST_F(KvmCpuidTest, PassesTheSeam) {
  violate(violations::Seam::kCpuid, {{"ecx-clear", 0x80000000ul}}, {{"leaf", 1ul}});
  EXPECT_EQ(leaf(1).ecx, 0u);
  EXPECT_EQ(interposer.total_committed(), 1u);
}

}  // namespace
}  // namespace hypervet::pv
