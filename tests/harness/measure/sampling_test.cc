// SPDX-License-Identifier: Apache-2.0
// Paths sampled by the real agent on the simulator, where a tick is an instruction and an operation
// costs what is declared: what must come out is known to the tick.
#include "harness/measure/sampling.h"

#include <gmock/gmock.h>

#include "backends/sim/sim_backend.h"
#include "harness/spec/lint.h"
#include "harness/spec/load.h"

namespace hypervet::measure {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

spec::Specs load(const std::string& paths) {
  const std::string text = R"(
interface: a.path
title: Paths
source: {document: d, version: v}
features: {a.absent: {cpuid: {leaf: 0x40000001, register: ecx, bit: 7}}}
paths:
)" + paths;
  auto specs = spec::load_text(text, "paths.yaml");
  if (!specs) throw std::runtime_error(spec::to_string(specs.error().front()));
  const auto problems = spec::lint(*specs);
  if (!problems.empty()) throw std::runtime_error(spec::to_string(problems.front()));
  return *std::move(specs);
}

// One path of that name with that loop.
std::string path(const std::string& name, const std::string& loop, const std::string& more = "") {
  return "  - {id: a.path." + name + ", what: w, unit: ns, section: s, path: {" + loop + "}" + more +
         "}\n";
}

class Simulated {
 public:
  explicit Simulated(spec::Specs specs, sim::DeclaredCosts costs = {},
                     sim::CpuVendor vendor = sim::CpuVendor::intel)
      : specs_(std::move(specs)), backend_({HYPERVET_AGENT, vendor, costs}) {
    auto session = run::open_session(specs_, backend_, 1, {});
    if (!session) throw std::runtime_error(session.error());
    session_ = *std::move(session);
  }

  Sampling sample(const std::string& id, const SamplingOptions& options = {.samples = 100}) const {
    const auto selected = select_paths(specs_, {id});
    if (!selected) throw std::runtime_error(selected.error());
    return measure::sample(session_, selected->front(), options);
  }
  const spec::Specs& specs() const { return specs_; }
  const run::Session& session() const { return session_; }

 private:
  spec::Specs specs_;
  sim::SimBackend backend_;
  run::Session session_;
};

constexpr const char* kPoll = "hypercall: {number: 1, result: 0}";

TEST(SamplingTest, ReportsADeclaredCostExactly) {
  for (const std::uint32_t cost : {1u, 1000u, 1030u}) {
    for (const auto vendor : {sim::CpuVendor::intel, sim::CpuVendor::amd}) {
      const Simulated machine(load(path("poll", kPoll)), {.hypercall = cost}, vendor);
      const Sampling result = machine.sample("a.path.poll");
      EXPECT_EQ(result.failed, "");
      EXPECT_EQ(result.skipped, "");
      EXPECT_THAT(result.ticks_per_op, SizeIs(100));
      EXPECT_THAT(result.ticks_per_op, Each(static_cast<double>(cost)));
      EXPECT_EQ(result.tsc_khz, 1'000'000u);
    }
  }
}

}  // namespace
}  // namespace hypervet::measure
