// SPDX-License-Identifier: Apache-2.0
// What becomes of each way in which a machine can stop, and of answers that cannot be trusted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/judge/judging.h"

namespace hypervet::judge {
namespace {

using backends::Stop;
using test::compiled;
using test::Compiled;
using test::faulting;
using test::Frames;
using test::giving;
using test::judged;
using test::outcome;
using test::quiet;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kTwoSteps =
    "- rdmsr: {msr: MSR}\n  expect: {value: 1}\n- wrmsr: {msr: MSR, value: 2}";

Verdict verdict_of(Stop stop) {
  const Compiled made = compiled(kTwoSteps);
  return judge(
             *made,
             outcome(Frames().hello().executed(0, giving(1)).executed(1, quiet()).finished(), stop))
      .verdict;
}

TEST(Verdicts, OfEachStop) {
  EXPECT_EQ(verdict_of(Stop::kFinished), Verdict::kPass);
  for (const Stop stop : {Stop::kDeadlock, Stop::kStuck, Stop::kDeadline})
    EXPECT_EQ(verdict_of(stop), Verdict::kHang);
  for (const Stop stop : {Stop::kShutdown, Stop::kInternalError, Stop::kDied})
    EXPECT_EQ(verdict_of(stop), Verdict::kCrash);
  for (const Stop stop : {Stop::kRefused, Stop::kPanic, Stop::kUnimplemented, Stop::kBackendError})
    EXPECT_EQ(verdict_of(stop), Verdict::kError);
}

TEST(Verdicts, AHangNamesTheStepOfEachCpuAndShowsItsState) {
  const Compiled made = compiled(kTwoSteps, {.cpus = 2});
  auto stopped = outcome(Frames().hello(2).executed(0, giving(1)), Stop::kStuck);
  stopped.detail = "no exit for 800 ms";
  stopped.cpus.resize(2);
  stopped.cpus[0].op = 1;
  stopped.cpus[0].registers.rip = 0xabcd;
  stopped.cpus[0].code = {0x0f, 0x30};
  stopped.cpus[1].op = 4000;  // the guest's word is not to be trusted
  const Judgement j = judge(*made, stopped);
  EXPECT_EQ(j.verdict, Verdict::kHang);
  EXPECT_EQ(j.reason,
            "a CPU makes no progress inside one instruction: no exit for 800 ms; "
            "cpu 0 in op 1: wrmsr 0x4b564d03 <- 0x2 (test.yaml:20); cpu 1 in no op");
  EXPECT_EQ(j.mark.line, 20u);
  EXPECT_THAT(j.detail, HasSubstr("code at rip: 0f 30"));
  EXPECT_THAT(j.detail, HasSubstr("rip 000000000000abcd"));
}

TEST(Verdicts, AHangAfterAFailureTellsBoth) {
  const Compiled made = compiled(kTwoSteps);
  const Judgement j =
      judge(*made, outcome(Frames().hello().executed(0, giving(9)), Stop::kShutdown));
  EXPECT_EQ(j.verdict, Verdict::kCrash);
  EXPECT_THAT(j.reason, HasSubstr("before that rdmsr: expected value = 1, observed value = 9"));
}

TEST(Verdicts, OnTheSerialChannelTheFramesNameTheStep) {
  const Compiled made = compiled(kTwoSteps);
  Frames frames;
  frames.hello().add(protocol::FrameKind::kBegin, 0, nullptr, 0).executed(0, giving(1));
  frames.add(protocol::FrameKind::kBegin, 1, nullptr, 0);
  EXPECT_THAT(judge(*made, outcome(frames, Stop::kDied)).reason, HasSubstr("cpu 0 in op 1: wrmsr"));
}

TEST(Verdicts, ARefusalSaysWhatWasRefused) {
  const Compiled made = compiled(kTwoSteps);
  const protocol::RefusedPayload refused{1, protocol::Refusal::kFlags};
  Frames frames;
  frames.hello().add(protocol::FrameKind::kRefused, protocol::kNoOp, &refused, sizeof refused);
  EXPECT_THAT(judge(*made, outcome(frames, Stop::kRefused)).reason,
              HasSubstr("bad flags: op 1: wrmsr"));
}

TEST(Verdicts, APanicIsTheAgentsOwn) {
  const Compiled made = compiled(kTwoSteps);
  const auto fault = faulting(14, true, 2, 0x123);
  Frames frames;
  frames.hello().add(protocol::FrameKind::kPanic, 0, &fault, sizeof fault);
  EXPECT_THAT(judge(*made, outcome(frames, Stop::kPanic)).detail, HasSubstr("#PF on cpu 0"));
}

TEST(Verdicts, MissingAnswersAreErrors) {
  const Judgement j = judged(kTwoSteps, [](Frames& f) { f.executed(0, giving(1)); });
  EXPECT_EQ(j.verdict, Verdict::kError);
  EXPECT_THAT(j.reason, HasSubstr("reported nothing of op 1: wrmsr"));
  const Judgement failed = judged(kTwoSteps, [](Frames& f) { f.executed(0, giving(2)); });
  EXPECT_EQ(failed.verdict, Verdict::kFail);  // what is known to be wrong is wrong
}

TEST(Verdicts, AnswersThatCannotBelongToTheProgramAreErrors) {
  const auto reason = [](const std::function<void(Frames&)>& answers) {
    const Judgement j =
        judged("- rdmsr: {msr: MSR}\n- counts: {vector: 0x41}\n- settle: 1ms", answers);
    EXPECT_EQ(j.verdict, Verdict::kError);
    return j.reason;
  };
  const auto good = [](Frames& f) { f.executed(0, giving(1)).values(1, {0}).values(2, {1, 1, 0}); };
  EXPECT_THAT(reason([&](Frames& f) {
                good(f);
                f.done(3);
              }),
              HasSubstr("does not have"));
  EXPECT_THAT(reason([&](Frames& f) {
                good(f);
                f.executed(0, giving(1));
              }),
              HasSubstr("twice"));
  EXPECT_THAT(reason([](Frames& f) { f.executed(0, giving(1), 1); }), HasSubstr("on a CPU"));
  EXPECT_THAT(reason([](Frames& f) { f.executed(0, giving(1), 0, 0x41); }), HasSubstr("context"));
  EXPECT_THAT(reason([](Frames& f) { f.done(0); }), HasSubstr("another kind"));
  EXPECT_THAT(reason([](Frames& f) { f.executed(0, giving(1)).values(1, {}); }),
              HasSubstr("another kind"));
  EXPECT_THAT(reason([](Frames& f) { f.executed(0, giving(1)).values(1, {0}).values(2, {1}); }),
              HasSubstr("another kind"));
}

TEST(Verdicts, FramesThatCannotBeReadAreErrors) {
  const Compiled made = compiled(kTwoSteps);
  auto cut = outcome(Frames().hello().executed(0, giving(1)).executed(1, quiet()).finished());
  cut.observations.pop_back();
  EXPECT_THAT(judge(*made, cut).reason, HasSubstr("cannot be read"));
  auto full = outcome(Frames().hello().executed(0, giving(1)).executed(1, quiet()).finished());
  full.overflowed = true;
  EXPECT_THAT(judge(*made, full).reason, HasSubstr("channel was full"));
  EXPECT_THAT(judge(*made, outcome(Frames())).reason, HasSubstr("reported nothing"));
  EXPECT_THAT(judge(*made, outcome(Frames().done(0))).reason, HasSubstr("hello"));
  EXPECT_THAT(
      judge(*made, outcome(Frames().hello().executed(0, giving(1)).executed(1, quiet()))).reason,
      HasSubstr("not the end"));
}

TEST(Verdicts, CpusMustBeAsManyAndNumberedAsTheProgramTakesThem) {
  const Compiled made = compiled(kTwoSteps, {.cpus = 2});
  protocol::HelloPayload hello{protocol::kProgramVersion, 2, {0, 2}};
  const auto reason = [&] {
    return judge(*made,
                 outcome(
                     Frames().hello(hello).executed(0, giving(1)).executed(1, quiet()).finished()))
        .reason;
  };
  EXPECT_EQ(reason(), "cpu 1 has APIC id 2; programs take it to be 1");
  hello.apic_ids[1] = 1;
  EXPECT_EQ(reason(), "");
  hello.cpus = 1;
  EXPECT_EQ(reason(), "1 CPUs came up, not 2");
}

TEST(Verdicts, APassNeedsEvidence) {
  const Judgement j = judged("- settle: 1ms", [](Frames& f) { f.values(0, {1, 1'000'000, 0}); });
  EXPECT_EQ(j.verdict, Verdict::kError);
  EXPECT_THAT(j.reason, HasSubstr("nothing"));
}

TEST(Verdicts, AHostVerbThatWasNotCarriedOutIsNoTargetsFault) {
  const auto host = [](std::uint64_t status) {
    return judged("- host: {read-clock: {}, as: now}\n- check: now == 7",
                  [&](Frames& f) { f.values(0, {status, 7}); });
  };
  EXPECT_EQ(host(0).verdict, Verdict::kPass);
  EXPECT_EQ(host(3).verdict, Verdict::kError);
  EXPECT_THAT(host(3).reason, HasSubstr("tried and could not"));
}

TEST(Verdicts, AFalseAssumptionSkipsUnlessSomethingHadFailed) {
  const std::string steps =
      "- rdmsr: {msr: MSR, as: first}\n  expect: {value: {at-most: 5}}\n"
      "- assume: {that: first != 3, because: the host is odd}\n"
      "- rdmsr: {msr: MSR}\n  expect: {value: 1}";
  const auto run = [&](std::uint64_t first) {
    return judged(steps, [&](Frames& f) { f.executed(0, giving(first)).executed(1, giving(9)); });
  };
  EXPECT_EQ(run(3).verdict, Verdict::kSkip);
  EXPECT_EQ(run(3).reason, "the host is odd");
  EXPECT_EQ(run(2).observed, "value = 9");
  EXPECT_EQ(run(6).observed, "value = 6");
}

TEST(Verdicts, ABlockOnAnotherCpuCountsOnceItIsJoined) {
  const std::string on = "- on: {cpu: 1, do: [{rdmsr: {msr: MSR}, expect: {value: 1}}]}\n";
  const auto run = [&](const std::string& rest, const std::function<void(Frames&)>& answers) {
    return judged(on + rest,
                  [&](Frames& f) {
                    f.done(0);
                    answers(f);
                  },
                  {.cpus = 2});
  };
  const std::string join = "- join: {cpu: 1, within: 1ms}";
  EXPECT_EQ(run(join, [](Frames& f) { f.executed(1, giving(1), 1).values(2, {1, 9}); }).verdict,
            Verdict::kPass);
  EXPECT_EQ(run(join, [](Frames& f) { f.executed(1, giving(2), 1).values(2, {1, 9}); }).reason,
            "rdmsr on cpu 1: expected value = 1, observed value = 2");
  const Judgement lost = run(join, [](Frames& f) { f.values(2, {0, 1'000'000}); });
  EXPECT_EQ(lost.verdict, Verdict::kFail);
  EXPECT_EQ(lost.expected, "cpu 1 finishes its block within 1 ms");
  EXPECT_EQ(run(join, [](Frames& f) { f.values(2, {1, 9}); }).verdict, Verdict::kError);
  EXPECT_THAT(run("- rdtsc: {}", [](Frames& f) { f.executed(2, quiet()); }).reason,
              HasSubstr("needs a `join`"));
}

}  // namespace
}  // namespace hypervet::judge
