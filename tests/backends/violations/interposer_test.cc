// SPDX-License-Identifier: Apache-2.0
#include "backends/violations/interposer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace hypervet::violations {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::string_literals;

TEST(Interposer, WithoutRulesEverythingPassesAsItIs) {
  Interposer interposer;
  EXPECT_TRUE(interposer.clean());
  EXPECT_EQ(interposer.hypercall_call({}, {.number = 5}), (HypercallCall{.number = 5}));
  EXPECT_EQ(interposer.cpuid(0, 1, {1, 2, 3, 4}), (CpuidLeaf{1, 2, 3, 4}));
  EXPECT_EQ(interposer.rdmsr(0, 0x11, {.value = 3}), (MsrRead{.value = 3}));
  EXPECT_EQ(interposer.wrmsr(0, 0x11, 3), (MsrWrite{.value = 3}));
  EXPECT_THAT(interposer.memory({}, {8, 9, 4}), ElementsAre(FieldWrite{8, 9, 4}));
  EXPECT_THAT(interposer.interrupt({}, {1, 0x41}), ElementsAre(Interrupt{1, 0x41}));
  EXPECT_EQ(interposer.token(Source::kAsyncPfReady, 0, 77), 77u);
  EXPECT_TRUE(interposer.end_of_interrupt(EoiKind::kApicEoi, 0, 0x41));
  EXPECT_EQ(interposer.exit({.number = 12}), (Exit{.number = 12}));
  EXPECT_FALSE(interposer.switched("steal-counts-idle"));
  EXPECT_EQ(interposer.total_committed(), 0u);
  EXPECT_THAT(interposer.committed(), IsEmpty());
}

TEST(Interposer, CountsEachRuleByItselfAndOnlyWhatItChanged) {
  const Rule rules[] = {
      {.at = Seam::kRdmsr, .conditions = {{"msr", 0x11ul}}, .effects = {{"value", 5ul}}},
      {.at = Seam::kCpuid, .conditions = {{"leaf", 1ul}}, .effects = {{"ecx-clear", 0x80000000ul}}},
      {.at = Seam::kRdmsr, .conditions = {{"msr", 0x12ul}}, .effects = {{"value", 5ul}}},
  };
  Interposer interposer(rules);
  EXPECT_FALSE(interposer.clean());
  EXPECT_EQ(interposer.rdmsr(0, 0x11, {.value = 4}).value, 5u);
  EXPECT_EQ(interposer.rdmsr(0, 0x11, {.value = 5}).value, 5u);  // met, nothing changed
  EXPECT_EQ(interposer.cpuid(0, 1, {0, 0, 0x80000001, 0}).ecx, 1u);
  EXPECT_EQ(interposer.cpuid(0, 2, {0, 0, 0x80000001, 0}).ecx, 0x80000001u);
  EXPECT_THAT(interposer.committed(), ElementsAre(1, 1, 0));
  EXPECT_EQ(interposer.total_committed(), 2u);
  interposer.disarm();
  EXPECT_TRUE(interposer.clean());
  EXPECT_EQ(interposer.rdmsr(0, 0x11, {.value = 4}).value, 4u);
}

TEST(Interposer, ArmingAgainForgetsCountsAndOccurrences) {
  const Rule rule{
      .at = Seam::kMemory, .conditions = {{"nth", 2ul}}, .effects = {{"write", "drop"s}}};
  Interposer interposer({&rule, 1});
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(interposer.memory({}, {0, 0, 4}).size(), 1u);
    EXPECT_EQ(interposer.memory({}, {0, 0, 4}).size(), 0u);
    EXPECT_EQ(interposer.memory({}, {0, 0, 4}).size(), 1u);
    EXPECT_THAT(interposer.committed(), ElementsAre(1));
    interposer.arm({&rule, 1});
  }
}

std::string refused(Rule rule) {
  Interposer interposer;
  try {
    interposer.arm({&rule, 1});
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Interposer, RefusesWhatIsNotInTheVocabulary) {
  EXPECT_THAT(refused({.at = Seam::kCpuid, .effects = {{"eex", 1ul}}}), HasSubstr("no such key"));
  EXPECT_THAT(refused({.at = Seam::kCpuid, .effects = {{"leaf", 1ul}}}),
              HasSubstr("is a condition"));
  EXPECT_THAT(
      refused({.at = Seam::kCpuid, .conditions = {{"eax", 1ul}}, .effects = {{"ebx", 1ul}}}),
      HasSubstr("is an effect"));
  EXPECT_THAT(refused({.at = Seam::kHypercall, .effects = {{"fault", "#DB"s}}}),
              HasSubstr("not one of its words"));
  EXPECT_THAT(refused({.at = Seam::kHypercall, .effects = {{"fault", 6ul}}}),
              HasSubstr("takes words"));
  EXPECT_THAT(refused({.at = Seam::kHypercall}), HasSubstr("no effect"));
}

TEST(Interposer, ARefusedSetLeavesTheOldRulesInForce) {
  const Rule good{.at = Seam::kRdmsr, .effects = {{"add", 1ul}}};
  const Rule bad{.at = Seam::kRdmsr, .effects = {{"plus", 1ul}}};
  Interposer interposer({&good, 1});
  EXPECT_THROW(interposer.arm({&bad, 1}), std::invalid_argument);
  EXPECT_EQ(interposer.rdmsr(0, 1, {.value = 1}).value, 2u);
}

TEST(Interposer, SeveralRulesWorkOnOneAnothersOutcome) {
  const Rule rules[] = {
      {.at = Seam::kRdmsr, .effects = {{"value", 0x10ul}}},
      {.at = Seam::kRdmsr, .effects = {{"add", 2ul}}},
  };
  Interposer interposer(rules);
  EXPECT_EQ(interposer.rdmsr(0, 1, {.value = 1}).value, 0x12u);
}

TEST(Interposer, HypercallArgumentsAndResults) {
  const Rule rules[] = {
      {.at = Seam::kHypercall,
       .conditions = {{"nr", 9ul}},
       .effects = {{"swap-arguments", "yes"s},
                   {"argument-mask", 0xfful},
                   {"high-half", 0xfffffffful}}},
  };
  Interposer interposer(rules);
  const HypercallCall call = interposer.hypercall_call(
      {.number = 9, .known = true}, {.number = 9, .arguments = {0x1111, 0x2222, 3, 4}});
  EXPECT_THAT(call.arguments, ElementsAre(0x22, 0x11, 3, 4));
  HypercallResult result;
  result.registers.rax = 0xfffffc18;
  EXPECT_EQ(interposer.hypercall_result(result).registers.rax, 0xfffffffffffffc18u);
  // The result of another number does not belong to the rule.
  interposer.hypercall_call({.number = 5, .known = true}, {.number = 5});
  EXPECT_EQ(interposer.hypercall_result(result).registers.rax, 0xfffffc18u);
}

TEST(Interposer, ForbiddenFaultMovesOnAndAFaultCarriesItsNumbers) {
  const Rule none{.at = Seam::kHypercall, .effects = {{"fault", "none"s}}};
  Interposer interposer({&none, 1});
  interposer.hypercall_call({}, {});
  HypercallResult result{.fault = kUd, .advance = 0};
  result = interposer.hypercall_result(result);
  EXPECT_FALSE(result.fault);
  EXPECT_EQ(result.advance, 3);

  const Rule page{.at = Seam::kHypercall, .effects = {{"fault", "#PF"s}}};
  interposer.arm({&page, 1});
  interposer.hypercall_call({}, {});
  HypercallResult good;
  good.registers.rip = 0x1234;
  EXPECT_EQ(interposer.hypercall_result(good).fault, (Fault{14, 3, 0x1234}));
}

TEST(Interposer, ASparedWriteCountsOnlyIfTheModelWouldHaveFaulted) {
  const Rule rule{.at = Seam::kWrmsr, .effects = {{"fault", "none"s}}};
  Interposer interposer({&rule, 1});
  EXPECT_TRUE(interposer.wrmsr(0, 0x4b564d03, 2).never_fault);
  EXPECT_EQ(interposer.total_committed(), 0u);
  EXPECT_TRUE(interposer.wrmsr(0, 0x4b564d03, 2).never_fault);
  interposer.spared();
  interposer.spared();  // once for one write
  EXPECT_EQ(interposer.total_committed(), 1u);
}

TEST(Interposer, MemoryMovesTheStructureAndSpillsBehindIt) {
  const FieldContext context{
      .area = Area::kWallClock, .field = "sec", .area_begin = 0x100, .area_end = 0x10c};
  const Rule move{.at = Seam::kMemory, .effects = {{"at-address", 0x900ul}}};
  Interposer interposer({&move, 1});
  EXPECT_THAT(interposer.memory(context, {0x104, 7, 4}), ElementsAre(FieldWrite{0x904, 7, 4}));

  const Rule spill{.at = Seam::kMemory, .effects = {{"also-after-end", 2ul}}};
  interposer.arm({&spill, 1});
  EXPECT_THAT(
      interposer.memory(context, {0x104, 7, 4}),
      ElementsAre(FieldWrite{0x104, 7, 4}, FieldWrite{0x10c, 0xee, 1}, FieldWrite{0x10d, 0xee, 1}));

  const Rule flood{.at = Seam::kMemory, .effects = {{"also-after-end", ~0ul}}};
  interposer.arm({&flood, 1});
  EXPECT_EQ(interposer.memory(context, {0x104, 7, 4}).size(), 65u);
}

TEST(Interposer, MemoryArithmeticStaysInTheField) {
  const Rule rule{.at = Seam::kMemory, .effects = {{"add", ~0ul}}};  // - 1
  Interposer interposer({&rule, 1});
  EXPECT_THAT(interposer.memory({}, {0, 0, 4}), ElementsAre(FieldWrite{0, 0xffffffff, 4}));
  EXPECT_THAT(interposer.memory({}, {0, 5, 1}), ElementsAre(FieldWrite{0, 4, 1}));
}

TEST(Interposer, InterruptsAreDroppedDoubledAndSentElsewhere) {
  const InterruptContext context{.source = Source::kSendIpi, .lowest = 1, .highest = 3};
  const Rule highest{.at = Seam::kInterrupt,
                     .conditions = {{"from", "send-ipi"s}, {"to", "highest"s}},
                     .effects = {{"drop", "yes"s}}};
  Interposer interposer({&highest, 1});
  EXPECT_THAT(interposer.interrupt(context, {1, 0x51}), ElementsAre(Interrupt{1, 0x51}));
  EXPECT_THAT(interposer.interrupt(context, {3, 0x51}), IsEmpty());

  const Rule copies{.at = Seam::kInterrupt, .effects = {{"also-to-cpu", 2ul}, {"repeat", 2ul}}};
  interposer.arm({&copies, 1});
  EXPECT_THAT(
      interposer.interrupt(context, {1, 0x51}),
      ElementsAre(Interrupt{1, 0x51}, Interrupt{2, 0x51}, Interrupt{1, 0x51}, Interrupt{2, 0x51}));

  const Rule flood{.at = Seam::kInterrupt, .effects = {{"repeat", ~0ul}}};
  interposer.arm({&flood, 1});
  EXPECT_EQ(interposer.interrupt(context, {1, 0x51}).size(), 16u);
}

TEST(Interposer, ATokenRuleLeavesTheInterruptAlone) {
  const Rule rule{.at = Seam::kInterrupt,
                  .conditions = {{"from", "async-pf-ready"s}},
                  .effects = {{"token", 9ul}}};
  Interposer interposer({&rule, 1});
  EXPECT_EQ(interposer.token(Source::kAsyncPfNotPresent, 0, 7), 7u);
  EXPECT_EQ(interposer.token(Source::kAsyncPfReady, 0, 7), 9u);
  EXPECT_THAT(interposer.interrupt({.source = Source::kAsyncPfReady}, {0, 0x41}),
              ElementsAre(Interrupt{0, 0x41}));
  EXPECT_EQ(interposer.total_committed(), 1u);
}

TEST(Interposer, SwitchesAreAskedByName) {
  const Rule rule{.at = Seam::kSwitch,
                  .effects = {{"name", "send-ipi-high-half-at"s}, {"amount", 16ul}}};
  Interposer interposer({&rule, 1});
  EXPECT_FALSE(interposer.switched("steal-counts-idle"));
  EXPECT_TRUE(interposer.switched("send-ipi-high-half-at"));
  EXPECT_EQ(interposer.switch_amount("send-ipi-high-half-at", 32), 16u);
  EXPECT_EQ(interposer.switch_amount("steal-counts-idle", 32), 32u);
  EXPECT_EQ(interposer.total_committed(), 1u);
}

}  // namespace
}  // namespace hypervet::violations
