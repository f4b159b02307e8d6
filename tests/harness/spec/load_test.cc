// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

TEST(Load, TheExampleOfTheReadme) {
  const std::string text = readme_example();
  const auto specs = load_text(text, "README.md");
  ASSERT_TRUE(specs) << to_string(specs.error().front());
  ASSERT_EQ(specs->interfaces.size(), 1u);
  const Interface& interface = specs->interfaces[0];
  EXPECT_EQ(interface.id, "kvm.steal-time");
  EXPECT_EQ(interface.title, "Steal time");
  EXPECT_EQ(interface.source.version, "Linux 6.12");
  EXPECT_EQ(interface.constants.at("MSR_KVM_STEAL_TIME"), 0x4b564d03u);
  const Structure& structure = interface.structures.at("kvm_steal_time");
  EXPECT_EQ(structure.size, 64u);
  ASSERT_NE(structure.find("flags"), nullptr);
  EXPECT_EQ(structure.find("flags")->offset, 12u);
  EXPECT_EQ(structure.find("flags")->size, 4u);
  EXPECT_EQ(structure.find("nothing"), nullptr);

  const Feature& kvm = specs->features.at("kvm");
  ASSERT_TRUE(kvm.signature);
  EXPECT_EQ((*kvm.signature)[0], 0x4b4d564bu);  // "KVMK"
  const Feature& steal = specs->features.at("kvm.steal-time");
  EXPECT_EQ(steal.leaf, 0x40000001u);
  EXPECT_EQ(steal.reg, 0u);
  EXPECT_EQ(steal.bit, 5u);
  EXPECT_THAT(steal.requires_, ElementsAre("kvm"));

  ASSERT_EQ(interface.clauses.size(), 2u);
  const Clause& clause = interface.clauses[0];
  EXPECT_EQ(clause.id, "kvm.steal-time.reserved-bits-fault");
  EXPECT_EQ(clause.level, Level::kMust);
  ASSERT_EQ(clause.cases.size(), 1u);
  const Case& a_case = clause.cases[0];
  EXPECT_EQ(a_case.name, "each reserved bit");
  EXPECT_THAT(a_case.requires_, ElementsAre("kvm.steal-time"));
  ASSERT_EQ(a_case.steps.size(), 4u);
  EXPECT_EQ(a_case.steps[2].verb, "wrmsr");
  EXPECT_EQ(a_case.steps[2].arguments.find("value")->scalar, "area + 1 + (1 << bit)");
  EXPECT_EQ(a_case.steps[2].expect->find("fault")->scalar, "#GP(0)");
  EXPECT_EQ(clause.violations[1].name, "stored");
  EXPECT_FALSE(interface.clauses[1].untestable.empty());

  const auto points = bindings(a_case);
  ASSERT_EQ(points.size(), 5u);
  EXPECT_EQ(instance_id(clause, a_case, points[2]),
            "kvm.steal-time.reserved-bits-fault/each reserved bit[bit=3]");
}

std::string with_case(std::string_view body) {
  return head(
             "constants: {FIRST: 4, LAST: FIRST + 2}\nmachine: {cpus: 2, apic: x2apic, without: "
             "[t.one]}\nrequires: t.one\n"
             "features:\n"
             "  t.one: {cpuid: {leaf: 1, register: ecx, bit: 31}}\n"
             "  t.two: {cpuid: {leaf: 1, register: edx, bit: 0}}") +
         "clauses:\n  - id: t.x\n    level: should\n    section: s\n    text: |\n      Two "
         "lines,\n      one text.\n"
         "    hostile: yes\n    machine: {enforce-features: on}\n    requires: [t.two]\n    "
         "cases:\n      - " +
         std::string(body) + "\n";
}

TEST(Load, MatrixAndMachine) {
  const auto specs = load_text(with_case("{for: {a: [FIRST..LAST, 0x10, 1 << 5], b: 0x1..0x2}, "
                                         "machine: {cpus: 4, apic: xapic}, steps: [{rdtsc: {}}]}"),
                               "t");
  ASSERT_TRUE(specs) << to_string(specs.error().front());
  const Clause& clause = specs->interfaces[0].clauses[0];
  EXPECT_TRUE(clause.hostile);
  EXPECT_EQ(clause.text, "Two lines,\none text.");
  EXPECT_EQ(clause.level, Level::kShould);
  const Case& a_case = clause.cases[0];
  EXPECT_THAT(a_case.parameters[0].second, ElementsAre(4u, 5u, 6u, 16u, 32u));
  EXPECT_THAT(a_case.parameter_texts, ElementsAre("4", "5", "6", "0x10", "1 << 5", "0x1", "0x2"));
  EXPECT_EQ(a_case.machine.cpus, 4u);
  EXPECT_THAT(a_case.machine.without, ElementsAre("t.one"));
  EXPECT_THAT(a_case.machine.settings,
              ElementsAre(std::pair("apic", "xapic"), std::pair("enforce-features", "on")));
  EXPECT_THAT(a_case.requires_, ElementsAre("t.one", "t.two"));
  const auto points = bindings(a_case);
  ASSERT_EQ(points.size(), 10u);
  EXPECT_EQ(instance_id(clause, a_case, points[0]), "t.x[a=4,b=0x1]");
  EXPECT_EQ(instance_id(clause, a_case, points[7]), "t.x[a=0x10,b=0x2]");
  EXPECT_EQ(instance_id(clause, a_case, points[9]), "t.x[a=32,b=0x2]");
}

TEST(Load, NoParametersIsOneInstance) {
  const auto specs = load_text(with_case("{name: plain, steps: [{rdtsc: {}}]}"), "t");
  ASSERT_TRUE(specs);
  const Clause& clause = specs->interfaces[0].clauses[0];
  ASSERT_EQ(bindings(clause.cases[0]).size(), 1u);
  EXPECT_EQ(instance_id(clause, clause.cases[0], bindings(clause.cases[0])[0]), "t.x/plain");
}

TEST(Load, BlocksAndNames) {
  const auto specs = load_text(
      with_case("{steps: [{on: {cpu: 1, do: [{rdtsc: {}, as: t}, {halt: }]}}, {rdtsc: , as: u}]}"),
      "t");
  ASSERT_TRUE(specs) << to_string(specs.error().front());
  const std::vector<Step>& steps = specs->interfaces[0].clauses[0].cases[0].steps;
  ASSERT_EQ(steps[0].block.size(), 2u);
  EXPECT_TRUE(steps[0].arguments.find("do")->is_list());
  EXPECT_TRUE(steps[0].arguments.find("do")->items.empty());
  EXPECT_EQ(steps[0].block[0].arguments.find("as")->scalar, "t");
  EXPECT_EQ(steps[1].arguments.find("as")->scalar, "u");
  EXPECT_TRUE(steps[0].block[1].arguments.is_null());
}

TEST(Load, SeveralInterfacesInOneFile) {
  const auto specs = load_text(
      head("constants: {N: 1}") +
          "---\ninterface: u\ntitle: U\nsource: {document: d, version: v}\nconstants: {N: 1}\n",
      "t");
  ASSERT_TRUE(specs) << to_string(specs.error().front());
  ASSERT_EQ(specs->interfaces.size(), 2u);
  EXPECT_EQ(specs->interfaces[1].id, "u");
}

class LoadFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "hv-load-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    fs::create_directories(folder_ / "sub");
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  static std::string interface(const std::string& id, const std::string& more = "") {
    return "interface: " + id + "\ntitle: T\nsource: {document: d, version: v}\n" + more;
  }
  std::vector<std::string> problems(const std::vector<fs::path>& paths) {
    const auto specs = load(paths);
    std::vector<std::string> lines;
    if (specs) return lines;
    const std::string prefix = folder_.string() + "/";
    for (const Diagnostic& each : specs.error()) {
      std::string line = to_string(each.mark) + ": " + each.message;
      for (std::size_t at = line.find(prefix); at != std::string::npos; at = line.find(prefix))
        line.erase(at, prefix.size());
      lines.push_back(line);
    }
    return lines;
  }
  fs::path folder_;
};

TEST_F(LoadFiles, FoldersAreReadInPathOrder) {
  write("b.yaml", interface("b"));
  write("a.yaml", interface("a"));
  write("sub/c.yaml", interface("c"));
  write("notes.txt", "not yaml: [");
  const std::vector<fs::path> once = {folder_};
  const auto specs = load(once);
  ASSERT_TRUE(specs) << to_string(specs.error().front());
  ASSERT_EQ(specs->interfaces.size(), 3u);
  EXPECT_EQ(specs->interfaces[0].id, "a");
  EXPECT_EQ(specs->interfaces[1].id, "b");
  EXPECT_EQ(specs->interfaces[2].id, "c");
  // The same files however they are named: the same specs, the same hash.
  const std::vector<fs::path> twice = {folder_ / "sub" / ".." / "b.yaml", folder_};
  const auto again = load(twice);
  ASSERT_TRUE(again) << to_string(again.error().front());
  EXPECT_EQ(again->interfaces.size(), 3u);
  EXPECT_NE(specs->hash, 0u);
  write("a.yaml", interface("a") + "# changed\n");
  EXPECT_NE(load(once)->hash, specs->hash);
}

TEST_F(LoadFiles, NamesClashAcrossFiles) {
  const std::string feature = "features: {x: {cpuid: {leaf: 1, register: eax, bit: 1}}}\n";
  write("a.yaml", interface("a", "constants: {N: 1, M: 7}\n" + feature));
  write("b.yaml", interface("a", "constants: {N: 2, M: 7}\n" + feature));
  EXPECT_THAT(problems({folder_}),
              ElementsAre("b.yaml:1:12: the interface 'a' is already in a.yaml:1:12",
                          "b.yaml:5:12: the feature 'x' is already in a.yaml:5:12"));
}

TEST_F(LoadFiles, AConstantWithTwoValuesIsForLint) {
  write("a.yaml", interface("a", "constants: {N: 1, M: 7}\n"));
  write("b.yaml", interface("b", "constants: {N: 2, M: 7}\n"));
  const std::vector<fs::path> paths = {folder_};
  const auto specs = load(paths);
  ASSERT_TRUE(specs);
  const Diagnostics problems = lint(*specs);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(line_of(problems[0]),
            "4:13: the constant 'N' is 1 in " + folder_.string() + "/a.yaml:4:13");
}

TEST_F(LoadFiles, AClauseIsInOneFile) {
  const std::string clause =
      "clauses: [{id: a.b.c, level: may, section: s, text: t, untestable: u}]\n";
  write("a.yaml", interface("a", clause));
  write("b.yaml", interface("a.b", clause));
  EXPECT_THAT(problems({folder_}),
              ElementsAre("b.yaml:4:16: the clause 'a.b.c' is already in a.yaml:4:16"));
}

TEST_F(LoadFiles, FeaturesOfOtherFiles) {
  write("a.yaml",
        interface("a",
                  "features: {x: {cpuid: {leaf: 1, register: eax, bit: 1}, requires: [later]}}\n"));
  EXPECT_THAT(problems({folder_ / "a.yaml"}), ElementsAre("a.yaml:4:68: unknown feature 'later'"));
  write("b.yaml", interface("b", "features: {later: {cpuid: {leaf: 1, register: eax, bit: 2}}}\n"));
  EXPECT_THAT(problems({folder_}), ElementsAre());
}

TEST_F(LoadFiles, EveryFileIsReported) {
  write("a.yaml", "a: [");
  write("b.yaml", "");
  fs::create_directory(folder_ / "empty");
  EXPECT_THAT(
      problems({folder_, folder_ / "empty", folder_ / "none.yaml"}),
      ElementsAre("empty: there is no *.yaml in this folder", "none.yaml: there is no such file",
                  "a.yaml:1:4: the bracket is never closed", "b.yaml: the file is empty"));
}

}  // namespace
}  // namespace hypervet::spec
