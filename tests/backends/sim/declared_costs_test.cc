// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/declared_costs.h"

#include <gmock/gmock.h>

namespace hypervet::sim {
namespace {

TEST(DeclaredCosts, AreReadByName) {
  const auto costs = parse_costs("hypercall=1000,cpuid=500,pio=2,mmio=3,msr=1");
  ASSERT_TRUE(costs);
  EXPECT_EQ(*costs,
            (DeclaredCosts{.hypercall = 1000, .cpuid = 500, .port_io = 2, .mmio = 3, .msr = 1}));
}

TEST(DeclaredCosts, WhatIsNotNamedTakesTheOneTickOfEveryInstruction) {
  Costs costs;
  charge(*parse_costs("cpuid=500"), costs);
  EXPECT_EQ(costs.cpuid, 499u);
  EXPECT_EQ(costs.hypercall, 0u);
  EXPECT_EQ(costs.port_io, 0u);
  EXPECT_EQ(costs.mmio, 0u);
  EXPECT_EQ(costs.msr, 0u);
}

TEST(DeclaredCosts, NonsenseIsOneLine) {
  for (const char* text : {"", "hypercall", "hyper=1", "hypercall=1,", "=1"}) {
    const auto costs = parse_costs(text);
    ASSERT_FALSE(costs) << text;
    EXPECT_THAT(costs.error(), testing::HasSubstr("is no cost such as hypercall=1000")) << text;
  }
  for (const char* text : {"cpuid=0", "cpuid=-1", "cpuid=1x", "cpuid=", "cpuid=4294967297"}) {
    const auto costs = parse_costs(text);
    ASSERT_FALSE(costs) << text;
    EXPECT_THAT(costs.error(), testing::HasSubstr("a cost is 1 to 1000000000 ticks")) << text;
  }
}

}  // namespace
}  // namespace hypervet::sim
