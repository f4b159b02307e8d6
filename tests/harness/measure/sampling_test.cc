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
  return "  - {id: a.path." + name + ", what: w, unit: ns, section: s, path: {" + loop + "}" +
         more + "}\n";
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

TEST(SamplingTest, ReportsEachDeclaredCostExactly) {
  const sim::DeclaredCosts costs{
      .hypercall = 1030, .cpuid = 700, .port_io = 5000, .mmio = 6001, .msr = 333};
  const Simulated machine(load(path("poll", kPoll) + path("cpuid", "cpuid: {leaf: 1}") +
                               path("cpuid-user", "cpuid: {leaf: 1, cpl: 3}") +
                               path("port", "in: {port: 0x5c0, width: 4, result: 0xffffffff}") +
                               path("mmio", "mmio-read: {address: 0xfeb00000}") +
                               path("mmio-user", "mmio-read: {address: 0xfeb00000, cpl: 3}") +
                               path("msr", "wrmsr: {msr: 0x4b564d05, value: 1}")),
                          costs);
  const std::pair<const char*, double> expected[] = {
      {"a.path.poll", 1030}, {"a.path.cpuid", 700}, {"a.path.cpuid-user", 700},
      {"a.path.port", 5000}, {"a.path.mmio", 6001}, {"a.path.mmio-user", 6001},
      {"a.path.msr", 333}};
  for (const auto& [id, ticks] : expected) {
    const Sampling result = machine.sample(id);
    EXPECT_EQ(result.failed, "") << id;
    EXPECT_THAT(result.ticks_per_op, SizeIs(100)) << id;
    EXPECT_THAT(result.ticks_per_op, Each(ticks)) << id;
  }
}

TEST(SamplingTest, TheCostDoesNotDependOnTheSizeOfABatch) {
  const Simulated machine(load(path("poll", kPoll)), {.hypercall = 1000});
  for (const std::uint64_t batch : {1u, 3u, 100u}) {
    const Sampling result =
        machine.sample("a.path.poll", {.samples = 5, .warmup = 0, .batch = batch});
    EXPECT_EQ(result.batch, batch);
    EXPECT_THAT(result.ticks_per_op, SizeIs(5));
    EXPECT_THAT(result.ticks_per_op, Each(1000.0));
  }
}

// More samples than one frame holds.
TEST(SamplingTest, BringsAsManySamplesAsWereAskedFor) {
  const Simulated machine(load(path("poll", kPoll)));
  EXPECT_THAT(machine.sample("a.path.poll", {.samples = 2500}).ticks_per_op, SizeIs(2500));
}

TEST(SamplingTest, TheSerialChannelBringsTheSame) {
  const Simulated machine(load(path("poll", kPoll)), {.hypercall = 1000});
  run::Session session = machine.session();
  session.channel = "serial";
  const auto selected = select_paths(machine.specs(), {});
  ASSERT_TRUE(selected);
  const Sampling result = measure::sample(session, selected->front(), {.samples = 20});
  EXPECT_EQ(result.failed, "");
  EXPECT_THAT(result.ticks_per_op, SizeIs(20));
  EXPECT_THAT(result.ticks_per_op, Each(1000.0));
}

TEST(SamplingTest, AResultThatIsNotTheDeclaredOneIsNoFigure) {
  const Simulated machine(load(path("poll", "hypercall: {number: 1, result: 7}")));
  const Sampling result = machine.sample("a.path.poll");
  EXPECT_THAT(result.ticks_per_op, IsEmpty());
  EXPECT_EQ(result.failed, "an operation gave 0x0, not 0x7");
}

TEST(SamplingTest, AFaultInTheLoopIsNoFigure) {
  const Simulated machine(
      load(path("msr", "rdmsr: {msr: 0x4b564dff}") + path("port", "in: {port: 0x5c0, width: 4}")));
  EXPECT_THAT(machine.sample("a.path.msr").failed, HasSubstr("raised #GP"));
  EXPECT_EQ(machine.sample("a.path.port").failed, "");  // the machine is a fresh one each time
}

// A doorbell that is not there: the writes go to nobody, and nobody counts them.
TEST(SamplingTest, WorkThatNobodyNoticedIsNoFigure) {
  const Simulated machine(load(path("bell", "doorbell-port: {}")));
  EXPECT_EQ(machine.sample("a.path.bell", {.samples = 10, .warmup = 0}).failed,
            "81 writes to the doorbell, 0 rings");
}

TEST(SamplingTest, ADeviceThatIsNotThereIsSkipped) {
  const Simulated machine(load(path("pm", "pm-timer-read: {}") + path("pit", "pit-read: {}")));
  EXPECT_EQ(machine.sample("a.path.pm").skipped, "pm-timer-read: the machine has no such device");
  EXPECT_EQ(machine.sample("a.path.pit").skipped, "pit-read: the machine has no such device");
}

TEST(SamplingTest, WhatTheTargetDoesNotOfferIsSkipped) {
  const Simulated machine(
      load(path("absent", kPoll, ", requires: [a.absent]") + path("life", "machine-life: {}")));
  EXPECT_EQ(machine.sample("a.path.absent").skipped,
            "the target does not offer a.absent (CPUID 0x40000001 ECX bit 7)");
  EXPECT_THAT(machine.sample("a.path.life").skipped, HasSubstr("host's clock"));
}

// CPUs that wait for each other on fewer processors wait for the host's scheduler.
TEST(SamplingTest, SpinningCpusNeedAProcessorEach) {
  const Simulated machine(load(path("ipi", "ipi-icr: {}", ", machine: {cpus: 3}") +
                               path("wake", "wake-ipi: {}", ", machine: {cpus: 2}")));
  run::Session session = machine.session();
  session.target.is_model = false;
  const auto sample = [&](const std::string& id, unsigned processors) {
    return measure::sample(session, select_paths(machine.specs(), {id})->front(),
                           {.samples = 10, .processors = processors});
  };
  EXPECT_EQ(sample("a.path.ipi", 1).skipped,
            "3 CPUs spin at once and this host has 1 processor: the time would be its scheduler's");
  EXPECT_THAT(sample("a.path.ipi", 2).skipped, HasSubstr("has 2 processors:"));
  EXPECT_THAT(sample("a.path.ipi", 3).ticks_per_op, SizeIs(10));
  EXPECT_THAT(sample("a.path.wake", 1).ticks_per_op, SizeIs(10)) << "a halted CPU needs none";
}

TEST(SamplingTest, SizesOutOfBoundsAreNamed) {
  const Simulated machine(load(path("poll", kPoll) + path("page", "page-first-touch: {}")));
  EXPECT_THAT(machine.sample("a.path.poll", {.samples = 0}).failed, HasSubstr("0 samples"));
  EXPECT_THAT(machine.sample("a.path.poll", {.samples = 16'385}).failed, HasSubstr("16384"));
  EXPECT_THAT(machine.sample("a.path.page", {.samples = 5000}).failed, HasSubstr("refused"));
}

// A host that hands out a wrong result now and then.
class Broken final : public backends::Backend {
 public:
  explicit Broken(const backends::Backend& inner) : inner_(inner) {}
  std::string_view name() const override { return inner_.name(); }
  backends::Availability availability() const override { return inner_.availability(); }
  backends::Target target() const override { return inner_.target(); }
  unsigned max_cpus() const override { return inner_.max_cpus(); }
  std::optional<std::string> refuses(const backends::Configuration& c) const override {
    return inner_.refuses(c);
  }
  bool has(protocol::HostVerb verb) const override { return inner_.has(verb); }
  backends::Outcome run(const backends::Job& job) const override {
    backends::Job broken = job;
    broken.violations = rules_;
    return inner_.run(broken);
  }
  void break_by(violations::Rule rule) { rules_ = {std::move(rule)}; }

 private:
  const backends::Backend& inner_;
  std::vector<violations::Rule> rules_;
};

// One launch on the simulator under a rule.
Sampling sample_under(const spec::Specs& specs, violations::Rule rule) {
  const sim::SimBackend inner({HYPERVET_AGENT, sim::CpuVendor::intel, {}});
  Broken backend(inner);
  auto session = run::open_session(specs, inner, 1, {});
  if (!session) throw std::runtime_error(session.error());
  session->backend = &backend;
  backend.break_by(std::move(rule));
  return measure::sample(*session, select_paths(specs, {})->front(), {.samples = 10});
}

TEST(SamplingTest, WrongResultsAreAChecksumMismatch) {
  const violations::Rule rule{.at = violations::Seam::kHypercall,
                              .conditions = {{"nth", std::uint64_t{40}}},
                              .effects = {{"rax", std::uint64_t{5}}}};
  const Sampling result = sample_under(load(path("poll", kPoll)), rule);
  EXPECT_THAT(result.ticks_per_op, IsEmpty());
  EXPECT_EQ(result.failed,
            "checksum mismatch: 480 operations that give 0x0 each do not add up to 0x5");
}

TEST(SamplingTest, AnIpiThatIsLostEndsWithAReason) {
  const violations::Rule rule{
      .at = violations::Seam::kInterrupt,
      .conditions = {{"from", std::string("icr")}, {"nth", std::uint64_t{9}}},
      .effects = {{"drop", std::string("yes")}}};
  const Sampling result = sample_under(load(path("self", "self-ipi: {}")), rule);
  EXPECT_EQ(result.failed, "an interrupt or a CPU's answer did not come within 200 ms");
}

TEST(SamplingTest, AHypercallThatNeverEndsIsAHang) {
  const violations::Rule rule{.at = violations::Seam::kHypercall,
                              .effects = {{"advance", std::uint64_t{0}}}};
  EXPECT_THAT(sample_under(load(path("poll", kPoll)), rule).failed,
              testing::StartsWith("hang in the timed loop"));
}

TEST(SamplingTest, EveryPathOfTheSuiteIsMeasuredOrSkippedWithAReason) {
  const std::vector<std::filesystem::path> folder = {std::string(HV_SOURCE_DIR) + "/specs"};
  auto specs = spec::load(folder);
  ASSERT_TRUE(specs);
  EXPECT_THAT(spec::lint(*specs), IsEmpty());
  for (const auto vendor : {sim::CpuVendor::intel, sim::CpuVendor::amd}) {
    const Simulated machine(*specs, {}, vendor);
    const auto paths = select_paths(machine.specs(), {});
    ASSERT_TRUE(paths);
    EXPECT_GE(paths->size(), 30u);
    for (const PathInstance& each : *paths) {
      for (const auto& instance : {std::optional(each), contrast_of(machine.specs(), each)}) {
        if (!instance) continue;
        const Sampling result = measure::sample(machine.session(), *instance, {.samples = 30});
        EXPECT_EQ(result.failed, "") << instance->id;
        if (instance->measure->loop == "machine-life") {
          EXPECT_NE(result.skipped, "") << instance->id;
        } else {
          EXPECT_EQ(result.skipped, "") << instance->id;
          EXPECT_THAT(result.ticks_per_op, SizeIs(30)) << instance->id;
          EXPECT_THAT(result.ticks_per_op, Each(testing::Gt(0.0))) << instance->id;
          EXPECT_NE(result.method, "") << instance->id;
        }
      }
    }
  }
}

// Twice the same, to the last tick, interrupts between CPUs included.
TEST(SamplingTest, RepeatsExactly) {
  const Simulated machine(load(path("ipi", "ipi-icr: {}", ", machine: {cpus: 4}")));
  EXPECT_EQ(machine.sample("a.path.ipi").ticks_per_op, machine.sample("a.path.ipi").ticks_per_op);
}

TEST(PathSelectionTest, GlobsAndContrasts) {
  const spec::Specs specs = load(
      "  - {id: a.path.two, what: w, unit: ns, section: s, for: {cpus: [2, 4]}, path: "
      "{ipi-icr: {}}, contrast: {ipi-shorthand: {}}}\n" +
      path("one", kPoll, ", contrast: a.path.three") + path("three", "cpuid: {leaf: 0}"));
  const auto ids = [&](const std::vector<std::string>& globs) {
    std::vector<std::string> found;
    const auto selected = select_paths(specs, globs);
    if (!selected) return found;
    for (const auto& each : *selected) found.push_back(each.id);
    return found;
  };
  EXPECT_THAT(ids({}), SizeIs(4));
  EXPECT_THAT(ids({"a.path.two"}),
              testing::ElementsAre("a.path.two[cpus=2]", "a.path.two[cpus=4]"));
  EXPECT_THAT(ids({"a.path.two[cpus=4]"}), testing::ElementsAre("a.path.two[cpus=4]"));
  EXPECT_THAT(ids({"*.three", "a.path.one"}), testing::ElementsAre("a.path.one", "a.path.three"));
  EXPECT_EQ(select_paths(specs, {"a.path.four"}).error(), "no path matches 'a.path.four'");
  const std::vector<PathInstance> paths = select_paths(specs, {}).value();
  EXPECT_EQ(contrast_of(specs, paths[0])->id, "a.path.two[cpus=2]/contrast");
  EXPECT_EQ(contrast_of(specs, paths[2])->id, "a.path.three");
  EXPECT_FALSE(contrast_of(specs, paths[3]));
}

TEST(PerOperationTest, SubtractsTheMedianOfTheEmptyLoop) {
  const std::uint64_t batches[] = {110, 108, 4}, empty[] = {8, 10, 900};
  EXPECT_THAT(per_operation(batches, empty, 10), testing::ElementsAre(10.0, 9.8, -0.6));
}

}  // namespace
}  // namespace hypervet::measure
