// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/measure/noise_model.h"

namespace hypervet::measure {
namespace {

using reports::Outcome;
using reports::Path;
using reports::TimingRow;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Path path(const std::string& id, double cost, std::size_t launches, std::string unit = "ns") {
  Path p;
  p.id = id;
  p.interface = "a";
  p.unit = std::move(unit);
  for (std::size_t i = 0; i < launches; ++i)  // some spread, the same in every launch
    p.launches.push_back({cost, cost * 1.001, cost * 0.999, cost * 1.0005, cost * 0.9995});
  return p;
}

Path skipped(const std::string& id, const std::string& why) {
  Path p;
  p.id = id;
  p.reason = why;
  return p;
}

Build build(std::vector<Path> paths) {
  Build b;
  b.run.backend = "kvm";
  b.run.cpu = "cpu";
  b.paths = std::move(paths);
  return b;
}

TimingRow row_of(Path a, Path b, const CompareOptions& options = {}) {
  return compare(build({std::move(a)}), build({std::move(b)}), std::nullopt, options).rows.at(0);
}

TEST(Compare, JudgesEveryPath) {
  const Build a =
      build({path("p.same", 100, 15), path("p.slower", 100, 15), path("p.faster", 100, 15),
             path("p.gone", 100, 15), skipped("p.never", "no hook")});
  const Build b =
      build({path("p.new", 100, 15), path("p.faster", 90, 15), path("p.slower", 106, 15),
             path("p.same", 100.1, 15), skipped("p.never", "no hook")});
  const auto comparison = compare(a, b);
  std::vector<std::string> outcomes;
  for (const TimingRow& row : comparison.rows)
    outcomes.push_back(row.id + " " + std::string(name(row.outcome)));
  EXPECT_THAT(outcomes,
              ElementsAre("p.new not comparable", "p.faster improved", "p.slower regressed",
                          "p.same equivalent", "p.gone not comparable"));
  EXPECT_THAT(comparison.skipped, ElementsAre("p.never"));
  EXPECT_EQ(
      tally(comparison),
      "1 regressed, 1 improved, 1 equivalent, 2 not comparable; 1 path skipped on both sides");
  const TimingRow& slower = comparison.rows[2];
  EXPECT_DOUBLE_EQ(slower.a.median, 100);
  EXPECT_DOUBLE_EQ(slower.b.median, 106);
  EXPECT_DOUBLE_EQ(slower.ratio.value, 1.06);
  EXPECT_LT(slower.ratio.low, slower.ratio.high);
  EXPECT_EQ(slower.a.launch_medians.size(), 15u);
  EXPECT_FALSE(slower.exact);
}

TEST(Compare, SaysWhyAPathCannotBeCompared) {
  const auto why = [](Path a, Path b) {
    const TimingRow row = row_of(std::move(a), std::move(b));
    EXPECT_EQ(row.outcome, Outcome::kNotComparable);
    return row.reason;
  };
  EXPECT_EQ(why(path("p", 1, 15), path("p", 1, 15, "ticks")), "other unit: ns in A, ticks in B");
  EXPECT_EQ(why(path("p", 1, 15), path("p", 1, 7)),
            "too few launches: 15 in A, 7 in B, at least 8 are needed");
  EXPECT_EQ(why(path("p", 1, 15), skipped("p", "no hook")), "no figures in B: no hook");
  EXPECT_EQ(why(path("p", 1, 0), path("p", 1, 15)), "no figures in A: the record holds no samples");
  EXPECT_EQ(why(path("p", 1, 15), path("p", -1, 15)),
            "nothing is left of B above the cost of the loop itself");
  EXPECT_EQ(why(path("p", 1, 15), path("q", 1, 15)), "no figures in A: not in this run");
}

TEST(Compare, RunsOfDifferentKindsAreNotCompared) {
  reports::Run a;
  a.backend = "vmm:qemu";
  a.lab = "kvm-amd:6.1";
  a.cpu = "Turin";
  a.payload_hash = "sha256:1";
  reports::Run b = a;
  b.backend = "vmm:firecracker";
  b.lab = "kvm-amd:6.12";
  b.kernel = b.target = "another";
  EXPECT_EQ(obstacle(a, b), "") << "that is what is compared";
  b.payload_hash = "sha256:2";
  EXPECT_EQ(obstacle(a, b), "other payload: sha256:1 in A, sha256:2 in B");
  b.cpu = "";
  EXPECT_EQ(obstacle(a, b), "other CPU: Turin in A, none in B");
  b.lab = "";
  EXPECT_EQ(obstacle(a, b), "other lab: kvm-amd:6.1 in A, none in B");
  b.backend = "sim";
  EXPECT_EQ(obstacle(a, b), "other backend: vmm:qemu in A, sim in B");
  Build one = build({path("p", 1, 15)});
  Build other = build({path("p", 2, 15)});
  other.run.cpu = "another";
  const auto comparison = compare(one, other);
  EXPECT_EQ(comparison.obstacle, "other CPU: cpu in A, another in B");
  EXPECT_EQ(comparison.rows.at(0).outcome, Outcome::kNotComparable);
  EXPECT_EQ(comparison.rows.at(0).reason, comparison.obstacle);
}

TEST(Compare, CountedCostsAreComparedToTheDigit) {
  const auto constant = [](double value, std::size_t launches) {
    Path p = path("p", 1, 0, "instructions");
    p.launches.assign(launches, std::vector<double>(5, value));
    return p;
  };
  TimingRow row = row_of(constant(1203, 1), constant(1204, 1));
  EXPECT_TRUE(row.exact);
  EXPECT_EQ(row.outcome, Outcome::kRegressed);
  EXPECT_EQ(row.difference, 1);
  EXPECT_EQ(row.ratio.low, row.ratio.high);
  EXPECT_EQ(row_of(constant(1203, 3), constant(1202.5, 1)).outcome, Outcome::kImproved);
  row = row_of(constant(1203, 1), constant(1203, 1));
  EXPECT_EQ(row.outcome, Outcome::kEquivalent);
  EXPECT_EQ(row.reason, "");
  Path uneven = constant(1203, 1);
  uneven.launches[0][0] = 1300;
  row = row_of(constant(1203, 1), uneven);
  EXPECT_EQ(row.outcome, Outcome::kEquivalent);
  EXPECT_EQ(row.reason, "the same median, but not the same samples");
  EXPECT_EQ(row_of(constant(1000, 1), constant(1004, 1), {.exact_margin = 0.005}).outcome,
            Outcome::kEquivalent);
  Path disagrees = constant(1203, 15);
  disagrees.launches[3].assign(5, 1204);
  row = row_of(constant(1203, 15), disagrees);
  EXPECT_FALSE(row.exact);
  EXPECT_EQ(row.outcome, Outcome::kEquivalent);
  EXPECT_EQ(row.reason, "counted, and yet the launches disagree");
}

TEST(Compare, TicksAreCountedOnTheSimulatorAlone) {
  Build a = build({path("p", 1000, 1, "ticks")});
  Build b = build({path("p", 1030, 1, "ticks")});
  EXPECT_THAT(compare(a, b).rows.at(0).reason, HasSubstr("too few launches"));
  a.run.backend = b.run.backend = "sim";
  EXPECT_EQ(compare(a, b).rows.at(0).outcome, Outcome::kRegressed);
}

TEST(Compare, TheNoiseFloorIsThatOfTheAAComparisonIfThereIsOne) {
  const auto session = testing::simulate({}, 1, 15, 51, 3);
  const CompareOptions options = {.draws = 1000};
  const auto with = compare(session.a, session.b, session.aa, options);
  const auto without = compare(session.a, session.b, std::nullopt, options);
  EXPECT_THAT(with.noise_source, HasSubstr("A launched as two sides"));
  EXPECT_THAT(without.noise_source, HasSubstr("no A/A comparison"));
  EXPECT_GT(with.rows[0].noise_floor, 0.003);
  EXPECT_LT(with.rows[0].noise_floor, 0.03);
  EXPECT_NE(with.rows[0].noise_floor, without.rows[0].noise_floor);
  Build stated = session.a;
  stated.paths[0].noise_floor = 0.07;
  EXPECT_EQ(compare(stated, session.b, std::nullopt, options).rows[0].noise_floor, 0.07);
}

TEST(Compare, TooNoisyIsNotGreenAndABigChangeIsFoundAllTheSame) {
  Path a = path("p", 100, 15);
  a.noise_floor = 0.2;
  TimingRow row = row_of(a, path("p", 101, 15));
  EXPECT_EQ(row.outcome, Outcome::kNotComparable);
  EXPECT_EQ(row.reason, "too noisy: the noise floor is 20.0 %, the limit 10.0 %");
  EXPECT_EQ(row_of(a, path("p", 101, 15), {.noisiest = 0.3}).outcome, Outcome::kEquivalent);
  EXPECT_EQ(row_of(a, path("p", 150, 15)).outcome, Outcome::kRegressed);
}

TEST(Compare, APathsOutcomeDoesNotDependOnItsNeighbours) {
  const auto x = testing::simulate({}, 1.02, 15, 51, 1, "x");
  const auto y = testing::simulate({}, 1, 15, 51, 2, "y");
  Build a = x.a;
  Build b = x.b;
  const auto alone = compare(a, b);
  a.paths.insert(a.paths.begin(), y.a.paths[0]);
  b.paths.insert(b.paths.begin(), y.b.paths[0]);
  EXPECT_EQ(compare(a, b).rows.at(1), alone.rows.at(0));
  EXPECT_EQ(compare(a, b).rows.at(1), compare(a, b).rows.at(1)) << "nor on chance";
}

TEST(Compare, WarnsOfWhatElseDiffers) {
  Build a = build({path("p", 1, 15)});
  Build b = build({path("p", 1, 15)});
  EXPECT_THAT(compare(a, b, std::nullopt, {.in_turn = true}).cautions, IsEmpty());
  a.run.spec_hash = "1";
  b.run.mitigations = "off";
  EXPECT_THAT(
      compare(a, b).cautions,
      ElementsAre("The specs differ (A: 1, B: none): it is not only the target that "
                  "changed.",
                  "The mitigations differ (A: none, B: off): it is not only the target that "
                  "changed.",
                  HasSubstr("not launched in turn")));
}

}  // namespace
}  // namespace hypervet::measure
