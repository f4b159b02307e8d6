// SPDX-License-Identifier: Apache-2.0
// The records of a hypervet in a lab, as hostile as a lab can make them.
#include "harness/cli/inner_stream.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "harness/spec/load.h"

namespace hypervet::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kRun =
    R"({"type":"run","format":1,"hypervet":"0.1.0","started":"2026-01-01T00:00:00Z","backend":"kvm",)"
    R"("target":"Linux 6.12 kvm_amd","provider":"host kernel","planned":9})"
    "\n";
constexpr const char* kSummary =
    R"({"type":"summary","counts":{},"planned":0,"executed":0,"conformant":false,"exit_status":0,)"
    R"("wall_ns":77})"
    "\n";

std::string case_line(const std::string& id, const std::string& verdict = "pass") {
  return fmt::format(
      R"({{"type":"case","id":"{}","clause":"t.a","case":"","interface":"t","level":"must",)"
      R"("section":"s","verdict":"{}","provider":"host kernel","backend":"kvm",)"
      R"("target":"Linux 6.12 kvm_amd","reason":"r","seed":1,"duration_ns":1,)"
      R"("location":"/usr/share/hypervet/specs/t.yaml:3:5","reproduce":"inside"}})"
      "\n",
      id, verdict);
}

class InnerStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    auto specs = spec::load_text(R"(interface: t
title: T
source: {document: d, version: v}
clauses:
  - {id: t.a, level: must, section: s, text: t, cases: [{steps: [{cpuid: {leaf: 0}, expect: {eax: 0}}]}],
     violations: [{v: {at: cpuid, leaf: 0, eax: 1}}]}
  - {id: t.b, level: must, section: s, text: t, cases: [{steps: [{cpuid: {leaf: 0}, expect: {eax: 0}}]}],
     violations: [{v: {at: cpuid, leaf: 0, eax: 1}}]}
)",
                                 "t.yaml");
    ASSERT_TRUE(specs) << spec::to_string(specs.error());
    specs_ = std::move(*specs);
    instances_ = run::select(specs_, {}).value();
    ASSERT_EQ(instances_.size(), 2u);
    translation_.emulation = "emulated SVM";
    translation_.lab = "kvm-amd:6.12";
    translation_.reproduce_head = {"hypervet", "run"};
    translation_.reproduce_tail = {"--lab", "kvm-amd:6.12"};
    translation_.spec_paths["/usr/share/hypervet/specs"] = "specs";
    translation_.planned = 2;
    listener_.begun = [&](const reports::Run& run, bool) { runs_.push_back(run); };
    listener_.mark = [](reports::Case& record) { record.marks.push_back(reports::Mark::kFlaky); };
    listener_.judged = [&](const reports::Case& record) {
      cases_.push_back(record);
      return cases_.size() < enough_;
    };
  }
  InnerStream stream(bool fail_fast = false) {
    return {instances_, translation_, fail_fast, listener_};
  }
  std::string a() const { return case_line(instances_[0].id); }
  std::string b() const { return case_line(instances_[1].id); }
  std::string flaw_of(const std::string& text) {
    auto inner = stream();
    inner.add(text);
    return inner.flaw().value_or("none");
  }

  spec::Specs specs_;
  std::vector<run::Instance> instances_;
  Translation translation_;
  Listener listener_;
  std::vector<reports::Run> runs_;
  std::vector<reports::Case> cases_;
  std::size_t enough_ = 99;
};

TEST_F(InnerStreamTest, RecordsAreToldWhoseMachineItWas) {
  auto inner = stream();
  inner.add(kRun + a() + b() + kSummary);
  EXPECT_EQ(inner.flaw(), std::nullopt);
  EXPECT_TRUE(inner.begun());
  EXPECT_EQ(inner.judged(), 2u);
  EXPECT_EQ(inner.wall_ns(), 77u);
  ASSERT_EQ(runs_.size(), 1u);
  EXPECT_EQ(runs_[0].target, "Linux 6.12 kvm_amd (emulated SVM)");
  EXPECT_EQ(runs_[0].lab, "kvm-amd:6.12");
  EXPECT_EQ(runs_[0].planned, 2u);
  ASSERT_EQ(cases_.size(), 2u);
  EXPECT_EQ(cases_[0].target, "Linux 6.12 kvm_amd (emulated SVM)");
  EXPECT_EQ(cases_[0].location, "specs/t.yaml:3:5");
  EXPECT_EQ(cases_[0].reproduce, "hypervet run " + instances_[0].id + " --lab kvm-amd:6.12");
  EXPECT_TRUE(cases_[0].has(reports::Mark::kFlaky)) << "marked before it is handed on";
  EXPECT_EQ(inner.unfinished("r", "d"), std::nullopt) << "nothing was left to judge";
}

TEST_F(InnerStreamTest, BytesMayComeInAnyPieces) {
  const std::string text = kRun + a() + b() + kSummary;
  auto inner = stream();
  for (const char byte : text) inner.add({&byte, 1});
  EXPECT_EQ(inner.flaw(), std::nullopt);
  EXPECT_EQ(inner.judged(), 2u);
}

TEST_F(InnerStreamTest, ALineThatIsNotWholeIsNotTaken) {
  auto inner = stream();
  inner.add(kRun + a() + b().substr(0, 40));
  EXPECT_EQ(inner.judged(), 1u);
  const auto record = inner.unfinished("the lab died", "its log");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->id, instances_[1].id);
  EXPECT_EQ(record->verdict, reports::Verdict::kError);
  EXPECT_EQ(record->reason, "the lab died");
  EXPECT_EQ(record->target, "Linux 6.12 kvm_amd (emulated SVM)");
  EXPECT_THAT(record->reproduce, HasSubstr("--lab kvm-amd:6.12"));
}

TEST_F(InnerStreamTest, NothingBegunNothingUnfinished) {
  EXPECT_EQ(stream().unfinished("r", "d"), std::nullopt);
}

TEST_F(InnerStreamTest, WhatDoesNotBelongIsAFlawAndEndsIt) {
  EXPECT_THAT(flaw_of("hello\n"), HasSubstr("its stream has a bad line: "));
  EXPECT_EQ(flaw_of(std::string(kRun) + kRun), "its stream has two run records");
  EXPECT_EQ(flaw_of(a()), fmt::format("its stream has the case {} where {} was to come",
                                      instances_[0].id, instances_[0].id))
      << "before the run record";
  EXPECT_EQ(flaw_of(kRun + b()), fmt::format("its stream has the case {} where {} was to come",
                                             instances_[1].id, instances_[0].id));
  EXPECT_EQ(flaw_of(kRun + a() + b() + b()),
            fmt::format("its stream has the case {} where none was to come", instances_[1].id));
  cases_.clear();
  EXPECT_THAT(flaw_of(kRun + a() + "x\n" + b()), HasSubstr("bad line"));
  EXPECT_EQ(cases_.size(), 1u) << "nothing after the flaw is taken";
}

TEST_F(InnerStreamTest, AReaderThatHasEnoughGetsNoMore) {
  enough_ = 1;
  auto inner = stream();
  inner.add(kRun + a() + b());
  EXPECT_TRUE(inner.satisfied());
  EXPECT_EQ(inner.flaw(), std::nullopt);
  EXPECT_EQ(cases_.size(), 1u);
}

TEST_F(InnerStreamTest, TheFirstFailureIsEnoughWhereOneWishesSo) {
  auto inner = stream(true);
  inner.add(kRun + case_line(instances_[0].id, "fail") + b());
  EXPECT_TRUE(inner.satisfied());
  EXPECT_EQ(cases_.size(), 1u);
  cases_.clear();
  listener_.mark = [](reports::Case& record) { record.marks.push_back(reports::Mark::kWaived); };
  auto waived = stream(true);
  waived.add(kRun + case_line(instances_[0].id, "fail") + b());
  EXPECT_FALSE(waived.satisfied());
  EXPECT_EQ(cases_.size(), 2u);
}

}  // namespace
}  // namespace hypervet::cli
