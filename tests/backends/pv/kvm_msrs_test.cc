// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/pv/fake_machine.h"

namespace hypervet::pv {
namespace {

using violations::Seam;
using namespace std::string_literals;

using KvmMsrsTest = KvmModelTest;

TEST_F(KvmMsrsTest, OwnsItsRangeAndTheTwoOldNumbers) {
  for (const std::uint32_t index : {0x11u, 0x12u, 0x4b564d00u, 0x4b564d08u, 0x4b564dffu})
    EXPECT_TRUE(KvmModel::owns_msr(index));
  for (const std::uint32_t index : {0x10u, 0x13u, 0x4b564cffu, 0x4b564e00u, 0x1bu})
    EXPECT_FALSE(KvmModel::owns_msr(index));
}

TEST_F(KvmMsrsTest, UndefinedOnesFault) {
  for (std::uint32_t index = 0x4b564d09; index <= 0x4b564dff; ++index) {
    EXPECT_FALSE(model->rdmsr(0, index));
    EXPECT_FALSE(model->wrmsr(0, index, 0));
  }
  violate(Seam::kRdmsr, {{"fault", "none"s}}, {{"msr", 0x4b564d09ul}});
  EXPECT_EQ(model->rdmsr(0, 0x4b564d09), 0u);
}

TEST_F(KvmMsrsTest, WithheldFeaturesWorkUnlessEnforced) {
  const std::pair<std::uint32_t, unsigned> gates[] = {
      {0x11, 0},       {0x12, 0},       {0x4b564d00, 3},  {0x4b564d01, 3},  {0x4b564d02, 4},
      {0x4b564d03, 5}, {0x4b564d04, 6}, {0x4b564d05, 12}, {0x4b564d06, 14}, {0x4b564d07, 14}};
  for (const auto& [index, bit] : gates) {
    build({}, 1, {feature(bit)});
    EXPECT_TRUE(model->rdmsr(0, index)) << std::hex << index;
    EXPECT_TRUE(model->wrmsr(0, index, 0)) << std::hex << index;
    build({{"enforce-features", "on"}}, 1, {feature(bit)});
    EXPECT_FALSE(model->rdmsr(0, index)) << std::hex << index;
    EXPECT_FALSE(model->wrmsr(0, index, 0)) << std::hex << index;
    for (const auto& [other, other_bit] : gates)
      if (other_bit != bit) {
        EXPECT_TRUE(model->rdmsr(0, other)) << std::hex << other;
      }
  }
}

TEST_F(KvmMsrsTest, PollControl) {
  EXPECT_EQ(model->rdmsr(0, 0x4b564d05), 1u);
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d05, 0));
  EXPECT_EQ(model->rdmsr(0, 0x4b564d05), 0u);
  EXPECT_EQ(model->rdmsr(1, 0x4b564d05), 1u);
  for (unsigned bit = 1; bit < 64; ++bit) EXPECT_FALSE(model->wrmsr(0, 0x4b564d05, 1ull << bit));
  EXPECT_EQ(model->rdmsr(0, 0x4b564d05), 0u);
  model->init_cpu(0);
  EXPECT_EQ(model->rdmsr(0, 0x4b564d05), 0u);
}

TEST_F(KvmMsrsTest, MigrationControlBelongsToUserSpace) {
  using enum protocol::HostVerb;
  EXPECT_FALSE(model->rdmsr(0, 0x4b564d08));
  EXPECT_FALSE(model->wrmsr(0, 0x4b564d08, 1));
  build({{"migration-control", "on"}});
  EXPECT_EQ(verb(kMsrExit, 1).status, protocol::HostStatus::kFailed);
  EXPECT_EQ(model->rdmsr(0, 0x4b564d08), 1u);
  EXPECT_EQ(verb(kMsrExit, 3).result, 0u);
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d08, 0));
  EXPECT_EQ(verb(kMsrExit, 0).result, 2u);
  EXPECT_EQ(verb(kMsrExit, 1).result, 0x4b564d08u);
  EXPECT_EQ(verb(kMsrExit, 2).result, 0u);
  EXPECT_EQ(verb(kMsrExit, 3).result, 1u);
  EXPECT_EQ(model->rdmsr(0, 0x4b564d08), 0u);
  violate(Seam::kExit, {{"value", 9ul}}, {{"kind", "msr"s}});
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d08, 1));
  EXPECT_EQ(verb(kMsrExit, 2).result, 9u);
  violate(Seam::kExit, {{"drop", "yes"s}}, {{"kind", "msr"s}});
  EXPECT_EQ(model->rdmsr(0, 0x4b564d08), 0u);
}

TEST_F(KvmMsrsTest, ReadsAndWritesPassTheSeams) {
  violate(Seam::kRdmsr, {{"value", 5ul}}, {{"msr", 0x4b564d05ul}, {"cpu", 0ul}});
  EXPECT_EQ(model->rdmsr(0, 0x4b564d05), 5u);
  EXPECT_EQ(model->rdmsr(1, 0x4b564d05), 1u);
  violate(Seam::kWrmsr, {{"fault", "#GP(0)"s}}, {{"msr", 0x4b564d05ul}, {"value-is", 0ul}});
  EXPECT_FALSE(model->wrmsr(0, 0x4b564d05, 0));
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d05, 1));
  violate(Seam::kWrmsr, {{"ignore", "yes"s}}, {{"msr", 0x4b564d05ul}});
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d05, ~0ull));
  EXPECT_EQ(model->rdmsr(0, 0x4b564d05), 1u);
  violate(Seam::kWrmsr, {{"value", 0ul}}, {{"msr", 0x4b564d05ul}});
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d05, 1));
  EXPECT_EQ(model->rdmsr(0, 0x4b564d05), 0u);
  violate(Seam::kWrmsr, {{"fault", "none"s}}, {{"msr", 0x4b564d05ul}});
  EXPECT_TRUE(model->wrmsr(0, 0x4b564d05, 4));
  EXPECT_EQ(model->rdmsr(0, 0x4b564d05), 4u);
}

}  // namespace
}  // namespace hypervet::pv
