// SPDX-License-Identifier: Apache-2.0
// A few of the suite's paths on this host's KVM. What they cost is nobody's business here: that
// there is a figure or a reason, and that the proof of the work holds, is.
#include <gmock/gmock.h>

#include "backends/kvm/kvm_backend.h"
#include "harness/measure/sampling.h"
#include "harness/spec/load.h"

namespace hypervet::measure {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class KvmSamplingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto can = backend_.availability(); !can.available) GTEST_SKIP() << can.reason;
    const std::vector<std::filesystem::path> folder = {std::string(HV_SOURCE_DIR) + "/specs"};
    auto specs = spec::load(folder);
    ASSERT_TRUE(specs);
    specs_ = *std::move(specs);
    auto session = run::open_session(specs_, backend_, 1, {.deadline = std::chrono::seconds(60)});
    ASSERT_TRUE(session) << session.error();
    session_ = *std::move(session);
  }

  Sampling sample(const std::string& id) const {
    const auto paths = select_paths(specs_, {id});
    if (!paths) throw std::runtime_error(paths.error());
    return measure::sample(session_, paths->front(), {.samples = 50, .warmup = 5, .lives = 3});
  }
  void expect_figures(const std::string& id) const {
    const Sampling result = sample(id);
    EXPECT_EQ(result.failed, "") << id;
    EXPECT_EQ(result.skipped, "") << id;
    EXPECT_THAT(result.ticks_per_op, SizeIs(50)) << id;
    EXPECT_GT(result.tsc_khz, 0u) << id;
  }

  kvm::KvmBackend backend_{HYPERVET_AGENT};
  spec::Specs specs_;
  run::Session session_;
};

TEST_F(KvmSamplingTest, ExitsOfAllKindsHaveFigures) {
  for (const char* id : {"kvm.path.cpuid", "kvm.path.cpuid-user", "kvm.path.port-kernel",
                         "kvm.path.port-user", "kvm.path.mmio-user"}) {
    expect_figures(id);
  }
}

// The host's count of rings is part of the proof, and so is each interrupt's handler.
TEST_F(KvmSamplingTest, DoorbellsRingInTheKernel) {
  for (const char* id : {"kvm.path.ioeventfd-port", "kvm.path.ioeventfd-mmio", "kvm.path.irqfd"}) {
    expect_figures(id);
  }
}

TEST_F(KvmSamplingTest, TheClocksOfAPcAreThere) {
  for (const char* id :
       {"kvm.path.clock-kvmclock", "kvm.path.clock-against-pit", "kvm.path.clock-against-hpet"}) {
    const auto paths = select_paths(specs_, {id});
    ASSERT_TRUE(paths);
    const auto contrast = contrast_of(specs_, paths->front());
    ASSERT_TRUE(contrast);
    const Sampling result = measure::sample(session_, *contrast, {.samples = 50, .warmup = 5});
    EXPECT_EQ(result.failed, "") << contrast->id;
    EXPECT_EQ(result.skipped, "") << contrast->id;
    EXPECT_THAT(result.ticks_per_op, SizeIs(50)) << contrast->id;
  }
}

// Some software KVMs never come back from a hypercall of ring 0; that has a name, not a figure.
TEST_F(KvmSamplingTest, AHypercallHasAFigureOrAReason) {
  const Sampling result = sample("kvm.path.hypercall-poll");
  if (result.ticks_per_op.empty()) {
    EXPECT_THAT(result.failed + result.skipped,
                AnyOf(StartsWith("hang in the timed loop"), HasSubstr("does not offer"),
                      HasSubstr("raised #UD")));
  } else {
    EXPECT_THAT(result.failed, IsEmpty());
    EXPECT_THAT(result.ticks_per_op, SizeIs(50));
  }
}

TEST_F(KvmSamplingTest, AMachinesLifeIsOnTheHostsClock) {
  const Sampling result = sample("kvm.path.machine-life");
  EXPECT_EQ(result.failed, "");
  EXPECT_THAT(result.ticks_per_op, SizeIs(3));
  EXPECT_EQ(result.tsc_khz, 1'000'000u);
  EXPECT_THAT(result.ticks_per_op, testing::Each(testing::Gt(0.0)));
}

}  // namespace
}  // namespace hypervet::measure
