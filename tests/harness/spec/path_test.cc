// SPDX-License-Identifier: Apache-2.0
// Hot paths in spec files: what loads, what is wrong with what does not, and how they read.
#include "harness/spec/path.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "harness/spec/coverage.h"
#include "harness/spec/describe.h"
#include "harness/spec/fields.h"
#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// One path whose lines after `unit:` and `section:` are these.
std::string a_path(const std::string& more, const std::string& name = "x") {
  return "  - {id: t." + name + ", what: w, unit: ns, section: s, " + more + "}\n";
}
std::string with(const std::string& paths) {
  return head("constants: {CALL: 5}") + "paths:\n" + paths;
}
Specs loaded(const std::string& text) {
  auto specs = load_text(text, "t.yaml");
  if (!specs) throw std::runtime_error(to_string(specs.error().front()));
  return *std::move(specs);
}

TEST(Paths, LoadWithConstantsParametersAndDefaults) {
  const Specs specs = loaded(
      with(a_path("for: {cpus: [2, 4], n: 1..2}, machine: {apic: x2apic}, batch: 3, note: hm, "
                  "path: {hypercall: {number: CALL + n, a1: n, result: -n, cpl: 3}}, "
                  "contrast: {ipi-icr: {}}")));
  EXPECT_THAT(lint(specs), IsEmpty());
  const Interface& interface = specs.interfaces[0];
  const Path& path = interface.paths.at(0);
  EXPECT_EQ(path.id, "t.x");
  EXPECT_EQ(path.note, "hm");
  const auto points = bindings(path.conditions);
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(instance_id(path, points[3]), "t.x[cpus=4,n=2]");
  const auto made = operation(interface, path, path.measure, points[3]);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->loop->name, "hypercall");
  EXPECT_THAT(made->arguments, ElementsAre(7u, 0u, 2u));
  EXPECT_EQ(made->result, ~std::uint64_t{1});
  EXPECT_TRUE(made->user);
  EXPECT_EQ(made->batch, 3u);
  EXPECT_EQ(made->cpus, 4u);
  const auto contrast = operation(interface, path, *path.contrast, points[0]);
  ASSERT_TRUE(contrast);
  EXPECT_EQ(contrast->loop->name, "ipi-icr");
  EXPECT_EQ(contrast->cpus, 2u);
}

TEST(Paths, WithoutABatchTheLoopSaysIt) {
  const Specs specs = loaded(with(a_path("path: {cpuid: {leaf: 0}}")));
  const Interface& interface = specs.interfaces[0];
  const Path& path = interface.paths[0];
  const auto made = operation(interface, path, path.measure, {});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->batch, made->loop->batch);
  EXPECT_FALSE(made->user);
  EXPECT_FALSE(made->result);
}

TEST(Paths, EveryLoopHasAnIdOfItsOwnAndABatch) {
  std::uint32_t next = 1;
  for (const auto& loop : protocol::kPathLoops) {
    EXPECT_EQ(static_cast<std::uint32_t>(loop.loop), next++) << loop.name;
    EXPECT_GE(loop.batch, 1u) << loop.name;
    EXPECT_LE(loop.cpus, protocol::kMaxCpus) << loop.name;
    EXPECT_TRUE(is_id(loop.name)) << loop.name;
  }
}

TEST(Paths, WhatIsMissingOrUnknownIsNamedWhereItStands) {
  EXPECT_THAT(load_problems(with("  - {id: t.x, unit: s, path: {}, pace: 1}\n")),
              ElementsAre("6:34: unknown key 'pace' in a path", "6:5: a path needs 'what:'",
                          "6:5: a path needs 'section:'", "6:21: unit is ns, not 's'",
                          "6:30: path is one loop with its arguments, such as '{cpuid: {leaf: "
                          "0}}', not 0 of them"));
  EXPECT_THAT(load_problems(head() + "paths: {}\n"),
              ElementsAre("5:8: paths is a list, not a map"));
}

TEST(Paths, IdsAreThoseOfTheirInterfaceAndOnce) {
  EXPECT_THAT(
      load_problems(with(a_path("path: {cpuid: {leaf: 0}}") + a_path("path: {cpuid: {leaf: 0}}"))),
      ElementsAre("7:10: the path 't.x' is already in t.yaml:6:10"));
  EXPECT_THAT(
      load_problems(with("  - {id: u.x, what: w, unit: ns, section: s, path: {cpuid: {leaf: "
                         "0}}}\n")),
      ElementsAre("6:10: the id of a path of t begins with 't.'"));
}

struct Wrong {
  const char* name;
  const char* more;
  const char* problem;
};
class WrongPathTest : public testing::TestWithParam<Wrong> {};

TEST_P(WrongPathTest, IsFoundByLint) {
  EXPECT_THAT(lint_problems(with(a_path(GetParam().more))),
              ElementsAre(testing::EndsWith(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    Paths, WrongPathTest,
    testing::Values(
        Wrong{"loop", "path: {cpuidd: {leaf: 0}}", "unknown loop 'cpuidd', did you mean 'cpuid'?"},
        Wrong{"argument", "path: {cpuid: {leav: 0}}",
              "unknown key 'leav' in 'cpuid', did you mean 'leaf'?"},
        Wrong{"missing", "path: {cpuid: {subleaf: 0}}", "'cpuid' needs 'leaf:'"},
        Wrong{"name", "path: {cpuid: {leaf: NOBODY}}", "unknown name 'NOBODY'"},
        Wrong{"width", "path: {in: {port: 1, width: 3}}", "width is 1, 2 or 4 bytes"},
        Wrong{"port", "path: {in: {port: 0x10000, width: 1}}", "a port is at most 0xffff"},
        Wrong{"cpl", "path: {cpuid: {leaf: 0, cpl: 1}}", "cpl is 0 or 3"},
        Wrong{"user", "path: {rdmsr: {msr: 0, cpl: 3}}", "unknown key 'cpl' in 'rdmsr'"},
        Wrong{"result", "path: {wrmsr: {msr: 0, value: 0, result: 0}}",
              "unknown key 'result' in 'wrmsr'"},
        Wrong{"arguments", "path: {cpuid: 3}",
              "'cpuid' takes its arguments in braces, not a single value"},
        Wrong{"cpus", "path: {ipi-icr: {}}", "'ipi-icr' needs 2 CPUs, the machine has 1"},
        Wrong{"too many", "for: {cpus: [9]}, path: {ipi-icr: {}}",
              "a machine has 1 to 8 CPUs, not 9"},
        Wrong{"feature", "requires: [nothing], path: {cpuid: {leaf: 0}}",
              "unknown feature 'nothing'"},
        Wrong{"setting", "machine: {pace: on}, path: {cpuid: {leaf: 0}}",
              "unknown setting 'pace' of the machine"},
        Wrong{"batch", "batch: 0, path: {cpuid: {leaf: 0}}", "batch is from 1 to 0xf4240, not 0"},
        Wrong{"contrast", "path: {cpuid: {leaf: 0}}, contrast: t.y",
              "unknown path 't.y', did you mean 't.x'?"},
        Wrong{"itself", "path: {cpuid: {leaf: 0}}, contrast: t.x",
              "a path is no contrast to itself"},
        Wrong{"contrast loop", "path: {cpuid: {leaf: 0}}, contrast: {nothing: {}}",
              "unknown loop 'nothing'"}),
    [](const auto& test) {
      std::string name = test.param.name;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

TEST(Paths, AContrastHasThePointsOfItsPath) {
  const std::string other = a_path("for: {cpus: [2, 3]}, path: {ipi-icr: {}}", "y");
  EXPECT_THAT(lint_problems(with(other + a_path("for: {cpus: [2, 3], n: [1, 2]}, path: "
                                                "{ipi-shorthand: {}}, contrast: t.y"))),
              IsEmpty());
  EXPECT_THAT(lint_problems(with(
                  other + a_path("for: {cpus: [2, 4]}, path: {ipi-shorthand: {}}, contrast: t.y"))),
              ElementsAre(testing::EndsWith("t.y is not measured with cpus=4")));
  EXPECT_THAT(lint_problems(with(other + a_path("machine: {cpus: 2}, path: {ipi-shorthand: {}}, "
                                                "contrast: t.y"))),
              ElementsAre(testing::EndsWith("t.y has a parameter 'cpus', this path has not")));
}

TEST(Paths, ReadAsAPersonReadsThem) {
  const Specs specs = loaded(
      with(a_path("for: {cpus: [2, 4]}, machine: {apic: x2apic}, note: hm, path: {cpuid: {leaf: "
                  "CALL}}, contrast: {rdmsr: {msr: 0x1b}}")));
  EXPECT_THAT(describe(specs.interfaces[0].paths[0]),
              ElementsAre("for each cpus of 2, 4", "on a machine with apic x2apic",
                          "times cpuid {leaf: CALL}: CPUID",
                          "against rdmsr {msr: 0x1b}: RDMSR of an MSR whose value does not change",
                          "note: hm"));
}

TEST(Paths, AreCountedBesideTheClauses) {
  const auto each = coverage(loaded(with(a_path("path: {cpuid: {leaf: 0}}"))));
  ASSERT_EQ(each.size(), 1u);
  EXPECT_EQ(each[0].paths, 1u);
  EXPECT_EQ(each[0].clauses, 0u);
  EXPECT_THAT(each[0].empty, IsEmpty());
  EXPECT_EQ(total(each).paths, 1u);
}

}  // namespace
}  // namespace hypervet::spec
