// SPDX-License-Identifier: Apache-2.0
// Each kind of expectation, held and broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/judge/judging.h"

namespace hypervet::judge {
namespace {

using test::faulting;
using test::Frames;
using test::giving;
using test::judged;
using test::quiet;
using testing::HasSubstr;

// RDMSR that observed this value under that expectation.
Verdict rdmsr(const std::string& allowed, std::uint64_t value) {
  return judged("- rdmsr: {msr: MSR}\n  expect: {value: " + allowed + "}", giving(value)).verdict;
}

TEST(Expectations, OfOneValue) {
  struct Row {
    const char* allowed;
    std::uint64_t good, bad;
  };
  const Row rows[] = {
      {"12", 12, 13},
      {"-ENOSYS", static_cast<std::uint64_t>(-1000), 1000},
      {"even", 4, 5},
      {"odd", 5, 4},
      {"zero", 0, 1},
      {"nonzero", 1, 0},
      {"{at-least: 5}", 5, 4},
      {"{at-most: 5}", 5, 6},
      {"{at-least: 5, at-most: 7}", 6, 8},
      {"{mask: 0xf0, is: 0x30}", 0x13f, 0x4f},
      {"{bit: 3, is: 1}", 8, 7},
      {"{bit: 3, is: 0}", 7, 8},
      {"{not: 3}", 4, 3},
      {"{not: even}", 3, 4},
      {"{one-of: [1, {at-least: 9}]}", 10, 2},
      {"{at-least: 5, differs-from: ENOSYS}", 999, 1000},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(rdmsr(row.allowed, row.good), Verdict::kPass) << row.allowed;
    EXPECT_EQ(rdmsr(row.allowed, row.bad), Verdict::kFail) << row.allowed;
  }
}

TEST(Expectations, AFailureShowsBothSidesAndTheOp) {
  const Judgement j = judged("- hypercall: {kvm: 999}\n  expect: {rax: -ENOSYS}", giving(0));
  EXPECT_EQ(j.verdict, Verdict::kFail);
  EXPECT_EQ(j.expected, "rax = -1000 (-ENOSYS)");
  EXPECT_EQ(j.observed, "rax = 0");
  EXPECT_EQ(j.reason, "hypercall: expected rax = -1000 (-ENOSYS), observed rax = 0");
  EXPECT_THAT(j.detail, HasSubstr("op 0: hypercall 999(0, 0, 0, 0) (test.yaml:18)"));
  EXPECT_EQ(j.mark.line, 19u);
}

TEST(Expectations, SeveralFailuresAreAllListed) {
  auto answer = giving(7);
  answer.after.rbx = 0xdead;
  const Judgement j =
      judged("- hypercall: {kvm: 999}\n  expect: {rax: 0, unchanged: others, length: 2}", answer);
  EXPECT_EQ(j.observed, "rax = 7");
  EXPECT_THAT(j.detail, HasSubstr("rbx = 0xdead (was 0x4)"));
  EXPECT_THAT(j.detail, HasSubstr("expected length = 2, observed length = 3"));
}

TEST(Expectations, Faults) {
  const std::string gp = "- wrmsr: {msr: MSR, value: 2}\n  expect: {fault: \"#GP(0)\"}";
  EXPECT_EQ(judged(gp, faulting(13, true, 0)).verdict, Verdict::kPass);
  EXPECT_EQ(judged(gp, faulting(13, true, 8)).observed, "#GP(0x8)");
  EXPECT_EQ(judged(gp, faulting(6)).observed, "#UD");
  EXPECT_EQ(judged(gp, quiet()).observed, "no fault");
  EXPECT_EQ(judged(gp, quiet()).expected, "#GP(0)");

  const std::string either =
      "- hypercall: {kvm: 1}\n  expect: {fault: {one-of: [\"#UD\", \"#GP(0)\"]}}";
  EXPECT_EQ(judged(either, faulting(6)).verdict, Verdict::kPass);
  EXPECT_EQ(judged(either, faulting(13, true)).verdict, Verdict::kPass);
  EXPECT_EQ(judged(either, faulting(14, true)).verdict, Verdict::kFail);

  const std::string maybe =
      "- rdmsr: {msr: 1}\n  expect: {fault: {one-of: [none, \"#GP(0)\"]}, value: 0}";
  EXPECT_EQ(judged(maybe, faulting(13, true)).verdict, Verdict::kPass);
  EXPECT_EQ(judged(maybe, giving(0)).verdict, Verdict::kPass);
  EXPECT_EQ(judged(maybe, giving(1)).verdict, Verdict::kFail);

  const std::string none = "- rdmsr: {msr: 1}\n  expect: {fault: none}";
  EXPECT_EQ(judged(none, giving(5)).verdict, Verdict::kPass);
  EXPECT_EQ(judged(none, faulting(13, true)).verdict, Verdict::kFail);
}

TEST(Expectations, AFaultThatNobodyExpectedFails) {
  const Judgement j = judged("- rdmsr: {msr: MSR}\n  expect: {value: 0}", faulting(13, true));
  EXPECT_EQ(j.verdict, Verdict::kFail);
  EXPECT_EQ(j.expected, "no fault");
  EXPECT_EQ(j.observed, "#GP(0)");
}

TEST(Expectations, PageFaultsWithErrorCodeAndAddress) {
  const std::string step =
      "- load: {from: 0x5000}\n  expect: {fault: \"#PF\", error-code: 4, cr2: 0x5000}";
  EXPECT_EQ(judged(step, faulting(14, true, 4, 0x5000)).verdict, Verdict::kPass);
  EXPECT_EQ(judged(step, faulting(14, true, 5, 0x5000)).observed, "error-code = 5");
  EXPECT_EQ(judged(step, faulting(14, true, 4, 0x6000)).observed, "cr2 = 24576");
}

TEST(Expectations, UnchangedOthers) {
  const std::string step = "- hypercall: {kvm: 999}\n  expect: {unchanged: others}";
  EXPECT_EQ(judged(step, giving(0xffff)).verdict, Verdict::kFail);  // giving() sets RDX too
  auto answer = quiet();
  answer.after.rax = 77;
  EXPECT_EQ(judged(step, answer).verdict, Verdict::kPass);
  auto flags = answer;
  flags.after.rflags ^= 1;
  EXPECT_THAT(judged(step, flags).observed, HasSubstr("rflags"));
  auto high = answer;
  high.after.r15 ^= std::uint64_t{1} << 63;
  EXPECT_THAT(judged(step, high).observed, HasSubstr("r15"));
  const std::string compat = "- hypercall: {kvm: 999, mode: compat}\n  expect: {unchanged: others}";
  EXPECT_EQ(judged(compat, high).verdict, Verdict::kPass);
  auto low = answer;
  low.after.rbx ^= std::uint64_t{1} << 31;
  EXPECT_EQ(judged(compat, low).verdict, Verdict::kFail);
  low = answer;
  low.after.rbx ^= std::uint64_t{1} << 32;
  EXPECT_EQ(judged(compat, low).verdict, Verdict::kPass);
}

TEST(Expectations, UnchangedAllAtAFault) {
  const std::string step = "- rdmsr: {msr: 1}\n  expect: {fault: \"#GP(0)\", unchanged: all}";
  EXPECT_EQ(judged(step, faulting(13, true)).verdict, Verdict::kPass);
  auto result = faulting(13, true);
  result.after.rax ^= 1;
  EXPECT_THAT(judged(step, result).observed, HasSubstr("rax"));
  auto moved = faulting(13, true);
  moved.after.rip += 2;
  EXPECT_THAT(judged(step, moved).observed, HasSubstr("rip"));
}

TEST(Expectations, BytesAndStructures) {
  const auto read = [](const std::string& expect, const std::vector<std::uint8_t>& bytes) {
    return judged("- read: {from: 0x1000, size: 3}\n  expect: {bytes: " + expect + "}",
                  [&](Frames& f) { f.bytes(0, bytes); });
  };
  EXPECT_EQ(read("zero", {0, 0, 0}).verdict, Verdict::kPass);
  EXPECT_EQ(read("zero", {0, 1, 0}).observed, "bytes = {0, 1, 0}");
  EXPECT_EQ(read("[1, even, 3]", {1, 8, 3}).verdict, Verdict::kPass);
  EXPECT_EQ(read("[1, even, 3]", {1, 7, 3}).expected, "bytes = {1, even, 3}");
  EXPECT_EQ(read("zero", {0, 0}).verdict, Verdict::kError);  // not what was asked for

  const auto fields = [](std::uint8_t delta) {
    return judged(
        "- read: {from: 0x1000, struct: pair}\n  expect: {low: 0x04030201, delta: -2, high: 1}",
        [&](Frames& f) { f.bytes(0, {1, 2, 3, 4, delta, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}); });
  };
  EXPECT_EQ(fields(0xfe).verdict, Verdict::kPass);
  EXPECT_EQ(fields(0xff).observed, "delta = -1");
}

TEST(Expectations, ListsOfCountsAndOrder) {
  const auto counts = [](const std::string& expect, const std::vector<std::uint64_t>& values) {
    return judged("- counts: {vector: 0x51}\n  expect: " + expect,
                  [&](Frames& f) { f.values(0, values); }, {.cpus = 4});
  };
  EXPECT_EQ(counts("{per-cpu: bits(0b0110)}", {0, 1, 1, 0}).verdict, Verdict::kPass);
  EXPECT_EQ(counts("{per-cpu: bits(0b0110)}", {0, 1, 2, 0}).observed, "per-cpu = {0, 1, 2, 0}");
  EXPECT_EQ(counts("{per-cpu: [0, {at-least: 1}, 1], total: 3}", {0, 2, 1, 0}).verdict,
            Verdict::kPass);
  EXPECT_EQ(counts("{per-cpu: [0, 1, 1]}", {0, 1, 1, 1}).verdict, Verdict::kFail);
  const auto order = [](const std::vector<std::uint8_t>& log) {
    return judged("- interrupt-log: {}\n  expect: {order: [0x41, 0x31]}",
                  [&](Frames& f) { f.bytes(0, log); });
  };
  EXPECT_EQ(order({0x41, 0x31}).verdict, Verdict::kPass);
  EXPECT_EQ(order({0x31, 0x41}).verdict, Verdict::kFail);
}

TEST(Expectations, AwaitIsReachedUnlessToldOtherwise) {
  const auto await = [](const std::string& expect, std::uint64_t reached) {
    return judged("- await: {memory: 0x1000, equals: 1, within: 5ms}" + expect,
                  [&](Frames& f) { f.values(0, {reached, 5'000'123, 9}); });
  };
  EXPECT_EQ(await("", 1).verdict, Verdict::kPass);
  EXPECT_EQ(await("", 0).expected, "memory at 0x1000 = 1 within 5 ms");
  EXPECT_EQ(await("", 0).observed, "not reached in 5000123 ns, last value 9");
  EXPECT_EQ(await("\n  expect: {reached: no}", 0).verdict, Verdict::kPass);
  EXPECT_EQ(await("\n  expect: {reached: no}", 1).verdict, Verdict::kFail);
  EXPECT_EQ(await("\n  expect: {waited: {at-most: 6ms}}", 1).verdict, Verdict::kPass);
}

TEST(Expectations, WhatComesBehindAWaitInVainIsNotMissed) {
  const std::string steps = R"(
- await: {memory: 0x1000, equals: 1, within: 5ms}
- cpuid: {leaf: 0, as: later}
  expect: {eax: nonzero}
- check: later.eax < 100)";
  const auto after = [&](std::uint64_t reached) {
    return judged(steps, [&](Frames& frames) { frames.values(0, {reached, 5'000'123, 9}); });
  };
  EXPECT_EQ(after(1).verdict, Verdict::kError) << "the agent did not go on";
  const auto ended = after(0);
  EXPECT_EQ(ended.verdict, Verdict::kFail);
  EXPECT_EQ(ended.expected, "memory at 0x1000 = 1 within 5 ms");
  EXPECT_EQ(ended.detail.find("reported nothing"), std::string::npos) << ended.detail;
}

TEST(Expectations, ChecksShowTheirValues) {
  const std::string steps = "- rdtsc: {as: t0}\n- rdtsc: {as: t1}\n- check: t0 < t1";
  const auto run = [&](std::uint64_t first, std::uint64_t second) {
    return judged(steps,
                  [&](Frames& f) { f.executed(0, giving(first)).executed(1, giving(second)); });
  };
  EXPECT_EQ(run(3, 5).verdict, Verdict::kPass);
  EXPECT_EQ(run(5, 3).expected, "t0 < t1");
  EXPECT_EQ(run(5, 3).observed, "t0 (5) < t1 (3)");
}

TEST(Expectations, ValuesOfEarlierStepsAndOfRegisters) {
  const std::string steps =
      "- rdmsr: {msr: MSR, as: before}\n"
      "- load: {from: 0x5000, as: touch}\n  expect: {fault: \"#PF\"}\n"
      "- check: touch.fault == 14 && touch.cr2 == 0x5000 && touch.rip == 0x1000 && touch.rbx == 4\n"
      "- rdmsr: {msr: MSR}\n  expect: {value: {differs-from: before}}";
  const auto run = [&](std::uint64_t later) {
    return judged(steps, [&](Frames& f) {
      f.executed(0, giving(7))
          .executed(1, faulting(14, true, 0, 0x5000))
          .executed(2, giving(later));
    });
  };
  EXPECT_EQ(run(8).verdict, Verdict::kPass);
  EXPECT_EQ(run(7).expected, "value other than 7 (before)");
}

TEST(Expectations, ACheckInARepeatLooksAtEachRound) {
  const std::string steps =
      "- repeat: {times: 2, do: [{rdtsc: {as: a}}, {rdtsc: {as: b}}, {check: a < b}]}";
  const auto run = [&](std::uint64_t last) {
    return judged(steps, [&](Frames& f) {
      f.executed(1, giving(1))
          .executed(2, giving(2))
          .executed(1, giving(5))
          .executed(2, giving(last))
          .done(0);
    });
  };
  EXPECT_EQ(run(6).verdict, Verdict::kPass);
  EXPECT_EQ(run(4).observed, "a (5) < b (4)");
}

TEST(Expectations, ANameOfAHandlerIsItsLastRunBeforeTheCheck) {
  const std::string steps =
      "- handler: {vector: 0x41, do: [{load: {from: 0x1000, as: flag}, expect: {value: {at-most: "
      "1}}}]}\n"
      "- settle: 1ms\n"
      "- check: flag == 1";
  const auto run = [&](const std::vector<std::uint64_t>& flags) {
    return judged(steps, [&](Frames& f) {
      f.done(0);
      for (const std::uint64_t each : flags) f.executed(1, giving(each), 0, 0x41);
      f.values(2, {1, 1000, 0});
    });
  };
  EXPECT_EQ(run({1}).verdict, Verdict::kPass);
  EXPECT_EQ(run({0, 1}).verdict, Verdict::kPass);
  EXPECT_EQ(run({1, 0}).observed, "flag (0) == 1");
  EXPECT_EQ(run({2, 1}).expected, "value at most 1");
  EXPECT_EQ(run({}).expected, "the handler of vector 0x41 runs");
  EXPECT_EQ(run({}).verdict, Verdict::kFail);
}

}  // namespace
}  // namespace hypervet::judge
