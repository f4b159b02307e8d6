// SPDX-License-Identifier: Apache-2.0
// `on:`: the matrix that it makes, its words, and what is said against it.
#include "harness/spec/on.h"

#include <gmock/gmock.h>

#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string clause(const std::string& on, const std::string& more = "",
                   const std::string& steps = "{find: {}}") {
  return head("features: {virtio.event-idx: {virtio: 29}}\nconstants: {ONE: 1}") +
         fmt::format(
             "clauses:\n  - {{id: t.a, level: must, section: s, text: t{}{},\n     cases: "
             "[{{steps: [{}]}}], violations: [{{v: {{at: cpuid, leaf: 0, eax: 1}}}}]}}\n",
             on.empty() ? "" : ", on: " + on, more, steps);
}

TEST(On, MakesTheFirstParameters) {
  const auto specs = load_text(clause("{devices: [blk, net], rings: [packed]}"), "t.yaml");
  ASSERT_TRUE(specs) << to_string(specs.error().front());
  const Case& a_case = specs->interfaces[0].clauses[0].cases[0];
  EXPECT_TRUE(a_case.on_device);
  EXPECT_FALSE(a_case.every_device);
  ASSERT_THAT(a_case.parameters, SizeIs(3));
  EXPECT_THAT(a_case.parameters[0].second, ElementsAre(2, 1));
  EXPECT_THAT(a_case.parameters[1].second, ElementsAre(0, 1));
  EXPECT_THAT(a_case.parameters[2].second, ElementsAre(1));
  EXPECT_EQ(instance_id(specs->interfaces[0].clauses[0], a_case, bindings(a_case).back()),
            "t.a[device=net,transport=pci,ring=packed]");
}

TEST(On, AllAndAny) {
  const auto specs = load_text(clause("{devices: all, rings: any}"), "t.yaml");
  ASSERT_TRUE(specs);
  const Case& a_case = specs->interfaces[0].clauses[0].cases[0];
  EXPECT_TRUE(a_case.every_device);
  ASSERT_THAT(a_case.parameters, SizeIs(2));
  EXPECT_EQ(a_case.parameters[0].second.size(), device_words().size());
}

TEST(On, ACaseHasItsOwn) {
  const auto specs = load_text(head() + R"(clauses:
  - id: t.a
    level: must
    section: s
    text: t
    on: {devices: [blk]}
    cases:
      - {name: one, steps: [{find: {}}]}
      - {name: two, on: {devices: [net], rings: any}, steps: [{find: {}}]}
    violations: [{v: {at: cpuid, leaf: 0, eax: 1}}]
)",
                               "t.yaml");
  ASSERT_TRUE(specs) << to_string(specs.error().front());
  const auto& cases = specs->interfaces[0].clauses[0].cases;
  EXPECT_THAT(cases[0].parameters, SizeIs(3));
  EXPECT_THAT(cases[1].parameters, SizeIs(2));
  EXPECT_THAT(cases[1].parameters[0].second, ElementsAre(1));
}

TEST(On, ItsWordsAreNames) {
  EXPECT_THAT(
      lint_problems(clause("{devices: all}", "", "{check: \"ring == packed || device == blk\"}")),
      ElementsAre());
  EXPECT_THAT(lint_problems(clause("{devices: all}", "", "{notify: {queue: request-queue}}")),
              ElementsAre());
  EXPECT_THAT(lint_problems(clause("", "", "{check: ring == packed}")),
              ::testing::Contains(HasSubstr("unknown name 'ring'")));
  EXPECT_THAT(load_problems(head("constants: {split: 7}") +
                            "clauses:\n  - {id: t.a, level: must, section: s, text: t, on: "
                            "{devices: [blk]}, untestable: x}\n"),
              ElementsAre(HasSubstr("'split' is a word of 'on:'")));
}

TEST(On, WhatIsWrong) {
  EXPECT_THAT(load_problems(clause("{rings: all}")), ElementsAre(HasSubstr("needs 'devices:'")));
  EXPECT_THAT(load_problems(clause("{devices: [floppy]}")), ElementsAre(HasSubstr("floppy")));
  EXPECT_THAT(load_problems(clause("{devices: [blk, blk]}")), ElementsAre(HasSubstr("blk twice")));
  EXPECT_THAT(load_problems(clause("{devices: [blk], ring: split}")),
              ElementsAre(HasSubstr("unknown key 'ring'")));
  EXPECT_THAT(load_problems(clause("", ", machine: {device: blk}")),
              ElementsAre(HasSubstr("the device of a case is said by 'on:'")));
}

TEST(On, AFeatureOfADeviceNeedsOne) {
  EXPECT_THAT(lint_problems(clause("{devices: [blk]}", ", requires: [virtio.event-idx]")),
              ElementsAre());
  EXPECT_THAT(lint_problems(clause("", ", requires: [virtio.event-idx]", "{rdtsc: {}}")),
              ElementsAre(HasSubstr("of a device and has no 'on:'")));
  EXPECT_THAT(lint_problems(clause("{devices: [blk]}", ", machine: {without: [virtio.event-idx]}")),
              ElementsAre(HasSubstr("cannot withhold it")));
  EXPECT_THAT(load_problems(head("features: {f: {virtio: 64}}")),
              ElementsAre(HasSubstr("from 0 to 63")));
  EXPECT_THAT(
      load_problems(head("features: {f: {virtio: 1, cpuid: {leaf: 1, register: eax, bit: 1}}}")),
      ElementsAre(HasSubstr("not both")));
}

TEST(On, FormsOfVirtioSteps) {
  const auto problems = [](const std::string& step) {
    return lint_problems(clause("{devices: [blk]}", "", step));
  };
  EXPECT_THAT(problems("{status: {}}"), ElementsAre());
  EXPECT_THAT(problems("{status: {write: 1, await: 2}}"),
              ElementsAre(HasSubstr("needs one of read, write or await")));
  EXPECT_THAT(problems("{register: {write: device_status}}"),
              ElementsAre(HasSubstr("needs 'value:'")));
  EXPECT_THAT(problems("{register: {read: status}}"), ElementsAre(HasSubstr("device_status")));
  EXPECT_THAT(problems("{submit: {}}"), ElementsAre(HasSubstr("one of chain or head")));
  EXPECT_THAT(problems("{suppress: {queue: 0}}"), ElementsAre(HasSubstr("'flags:' or 'event:'")));
  EXPECT_THAT(problems("{bring-up: {features: 29}}"), ElementsAre(HasSubstr("features is a list")));
  EXPECT_THAT(problems("{await: {count: 2, used: 1}}"), ElementsAre(HasSubstr("goes with")));
  EXPECT_THAT(problems("{chain: {as: c, writable: [{data: 4, as: x}]}}, {load: {from: c.x}}"),
              ElementsAre());
  EXPECT_THAT(problems("{load: {from: c.x}}"), ElementsAre(HasSubstr("unknown name 'c.x'")));
}

}  // namespace
}  // namespace hypervet::spec
