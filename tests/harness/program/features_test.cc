// SPDX-License-Identifier: Apache-2.0
// Violations bound to an instance, and the probe of features.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/program/probe.h"
#include "harness/program/violation.h"
#include "tests/harness/program/frames.h"
#include "tests/harness/program/spec_text.h"

namespace hypervet::program {
namespace {

using test::compiled;
using test::Frames;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;
using violations::Value;

auto bound(const std::string& rule, const std::string& steps = "- rdtsc: {}") {
  const test::Compiled made = compiled(steps, {.parameters = "{bit: [1, 5]}", .violation = rule});
  return bind(made.violation(), made.specs->interfaces.front(), *made);
}

std::string complaint_of(const std::string& rule) {
  const auto result = bound(rule);
  return result ? "" : result.error().message;
}

TEST(Violation, BecomesNumbersAndWords) {
  const auto rule = bound("{at: wrmsr, msr: MSR, bit: bit, fault: none}");
  ASSERT_TRUE(rule);
  ASSERT_TRUE(*rule);
  EXPECT_EQ((*rule)->at, violations::Seam::kWrmsr);
  EXPECT_THAT((*rule)->conditions,
              UnorderedElementsAre(Pair("msr", Value(std::uint64_t{0x4b564d03})),
                                   Pair("bit", Value(std::uint64_t{5}))));
  EXPECT_THAT((*rule)->effects, UnorderedElementsAre(Pair("fault", Value(std::string("none")))));
}

TEST(Violation, KnowsAllocatedAddresses) {
  const auto rule =
      bound("{at: rdmsr, value: area + 1}", "- alloc: {as: area, size: 8}\n- rdtsc: {}");
  ASSERT_TRUE(rule && *rule);
  EXPECT_EQ((*rule)->effects.at("value"), Value(protocol::kArenaAddress + 1));
}

TEST(Violation, OfANameThatTheCaseLacksIsNotCommitted) {
  const auto rule = bound("{at: rdmsr, value: area + 1}");
  ASSERT_TRUE(rule);
  EXPECT_FALSE(*rule);
}

TEST(Violation, Complaints) {
  EXPECT_THAT(complaint_of("{at: nowhere, rax: 0}"), HasSubstr("no seam"));
  EXPECT_THAT(complaint_of("{at: hypercall, colour: 0}"), HasSubstr("`colour`"));
  EXPECT_THAT(complaint_of("{at: hypercall, nr: 5}"), HasSubstr("not what happens"));
  EXPECT_THAT(complaint_of("{at: wrmsr, fault: often}"), HasSubstr("takes one of"));
}

Frames leaves(const Probe& probe, std::uint32_t base, std::uint32_t eax) {
  Frames frames;
  frames.hello();
  for (std::uint32_t i = 0; i < probe.leaves.size(); ++i) {
    auto answer = test::quiet();
    answer.after.rax = answer.after.rbx = answer.after.rcx = answer.after.rdx = 0;
    if (probe.leaves[i] == base) {
      answer.after.rbx = 0x4b4d564b;
      answer.after.rcx = 0x564b4d56;
      answer.after.rdx = 0x4d;
    }
    if (probe.leaves[i] == base + 1) answer.after.rax = eax;
    frames.executed(i, answer);
  }
  return std::move(frames.finished());
}

class ProbeTest : public testing::Test {
 protected:
  std::set<std::string> offered(std::uint32_t base, std::uint32_t eax) {
    const auto observations = decode(leaves(probe_, base, eax).out(), Ending::kWhole);
    const auto result = offered_features(*specs_, probe_, *observations);
    EXPECT_TRUE(result);
    return result.value_or(std::set<std::string>{});
  }
  std::unique_ptr<spec::Specs> specs_ = test::load(test::spec_text("- rdtsc: {}"));
  Probe probe_ = make_probe(*specs_);
};

TEST_F(ProbeTest, ReadsTheLeavesAtBothPlaces) {
  EXPECT_THAT(probe_.leaves, ElementsAre(0x40000000, 0x40000001, 0x40000100, 0x40000101));
}

TEST_F(ProbeTest, AFeatureHoldsWithAllThatItRequires) {
  EXPECT_THAT(offered(0x40000000, 4), ElementsAre("kvm", "kvm.two"));
  EXPECT_THAT(offered(0x40000000, 0), ElementsAre("kvm"));
  EXPECT_THAT(offered(0x40000100, 4), ElementsAre("kvm", "kvm.two"));
  EXPECT_THAT(offered(0x50000000, 4), IsEmpty());
}

TEST_F(ProbeTest, SaysWhatIsMissing) {
  EXPECT_EQ(missing_reason(*specs_, {"kvm"}, "kvm.two"),
            "the target does not offer kvm.two (CPUID 0x40000001 EAX bit 2)");
  EXPECT_EQ(missing_reason(*specs_, {}, "kvm.two"),
            "the target does not offer kvm (CPUID 0x40000000 signature), which kvm.two requires");
}

TEST_F(ProbeTest, AnAnswerThatLacksALeafIsNoAnswer) {
  const auto observations =
      decode(Frames().hello().executed(0, test::quiet()).finished().out(), Ending::kWhole);
  const auto result = offered_features(*specs_, probe_, *observations);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error(), HasSubstr("did not report CPUID 0x40000001"));
}

}  // namespace
}  // namespace hypervet::program
