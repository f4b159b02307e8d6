// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/spec/coverage.h"
#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

using ::testing::ElementsAre;

Specs loaded(std::string_view text) {
  auto specs = load_text(text, "t.yaml");
  EXPECT_TRUE(specs) << to_string(specs.error().front());
  return *std::move(specs);
}

TEST(Describe, TheExampleOfTheReadme) {
  const Specs specs = loaded(readme_example());
  const Clause& clause = specs.interfaces[0].clauses[0];
  EXPECT_THAT(describe(clause.cases[0]),
              ElementsAre("for each bit of 1, 2, 3, 4, 5", "allocate 64 bytes as area, align 64",
                          "write MSR_KVM_STEAL_TIME = area + 1",
                          "write MSR_KVM_STEAL_TIME = area + 1 + (1 << bit)   expect #GP(0)",
                          "read MSR MSR_KVM_STEAL_TIME   expect value area + 1"));
  EXPECT_EQ(describe(clause.violations[0]), "wrmsr of msr MSR_KVM_STEAL_TIME: fault none");
  EXPECT_EQ(describe(clause.violations[1]), "rdmsr of msr MSR_KVM_STEAL_TIME: add 2");
}

TEST(Describe, StepsOfAllKinds) {
  const Specs specs = loaded(head() + R"(clauses:
  - id: t.x
    level: must
    section: s
    text: t
    violations:
      - lost: {at: interrupt, from: kick, drop: yes}
      - odd: {at: nowhere, x: [1, {y: 2}]}
    cases:
      - machine: {cpus: 4, without: [t.a], apic: x2apic}
        for: {n: 0..20}
        steps:
          - on: {cpu: 1, do: [{halt: {interrupts: off}}, {repeat: {times: 2, do: [{rdtsc: {as: t}}]}}]}
          - hypercall: {kvm: 10, args: [n, 0], cpl: 3, as: h}
            expect: {rax: 0, unchanged: others, fault: none}
          - hypercall: {kvm: 1}
          - settle: 5ms
          - await: {memory: flag, equals: 1, within: 1s}
            expect: {reached: no}
          - await: {interrupts: {vector: 0x41, count: 2}}
          - host: {read-clock: {}}
            as: clock
          - host: pause-clock
          - scenario: {clock-monotonic: {area: a, reads: 5}, as: m}
          - handler: {vector: 0x41, eoi: none}
          - check: t < h
          - unheard-of: {a: 1, b: [2]}
)");
  const Clause& clause = specs.interfaces[0].clauses[0];
  EXPECT_THAT(
      describe(clause.cases[0]),
      ElementsAre("for each n of 0, 1, 2, 3, 4, 5, 6, 7, ... (21 values)",
                  "on a machine with 4 CPUs, without t.a, with apic x2apic", "on CPU 1:",
                  "  halt, interrupts off", "  repeat 2 times:", "    read the TSC as t",
                  "hypercall 10(n, 0), cpl 3 as h   expect rax 0, unchanged others, fault none",
                  "hypercall 1()", "let 5ms pass",
                  "wait until memory at flag is 1, within 1s   expect reached no",
                  "wait for interrupts {vector: 0x41, count: 2}", "host, read-clock {} as clock",
                  "the host does pause-clock", "scenario, clock-monotonic {area: a, reads: 5} as m",
                  "on interrupt 0x41, eoi none", "check that t < h", "unheard-of, a 1, b [2]"));
  EXPECT_EQ(describe(clause.violations[0]), "interrupt of from kick: drop");
  EXPECT_EQ(describe(clause.violations[1]), "nowhere: x [1, {y: 2}]");
}

TEST(Coverage, CountsAndEmptyCells) {
  const Specs specs = loaded(readme_example() + R"(  - id: kvm.steal-time.bare
    level: must
    section: s
    text: t
  - id: kvm.steal-time.cannot-fail
    level: may
    section: s
    text: t
    cases: [{name: a, for: {x: [1, 2], y: [1, 2, 3]}, steps: [{rdtsc: {}}]}, {name: b, steps: [{rdtsc: {}}]}]
---
interface: u
title: U
source: {document: d, version: v}
)");
  const auto all = coverage(specs);
  ASSERT_EQ(all.size(), 2u);
  const Coverage& one = all[0];
  EXPECT_EQ(one.interface, "kvm.steal-time");
  EXPECT_EQ(one.clauses, 4u);
  EXPECT_EQ(one.untestable, 1u);
  EXPECT_EQ(one.testable(), 3u);
  EXPECT_EQ(one.with_cases, 2u);
  EXPECT_EQ(one.cases, 3u);
  EXPECT_EQ(one.instances, 5u + 6u + 1u);
  EXPECT_EQ(one.violations, 2u);
  ASSERT_EQ(one.empty.size(), 2u);
  EXPECT_EQ(one.empty[0].clause + " " + one.empty[0].lacks, "kvm.steal-time.bare cases");
  EXPECT_EQ(one.empty[1].clause + " " + one.empty[1].lacks,
            "kvm.steal-time.cannot-fail violations");
  EXPECT_EQ(all[1].clauses, 0u);
  const Coverage sum = total(all);
  EXPECT_EQ(sum.interface, "all");
  EXPECT_EQ(sum.clauses, 4u);
  EXPECT_EQ(sum.instances, 12u);
  EXPECT_EQ(sum.empty.size(), 2u);
}

}  // namespace
}  // namespace hypervet::spec
