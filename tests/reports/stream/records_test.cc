// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/records.h"

#include <gtest/gtest.h>

namespace hypervet::reports {
namespace {

TEST(Records, WordsAndValuesAreOneToOne) {
  for (Verdict verdict : kVerdicts) EXPECT_EQ(parse_verdict(name(verdict)), verdict);
  for (Mark mark : {Mark::kWaived, Mark::kUnexpectedPass, Mark::kFlaky}) {
    EXPECT_EQ(parse_mark(name(mark)), mark);
  }
  for (Level level : {Level::kMust, Level::kShould, Level::kMay}) {
    EXPECT_EQ(parse_level(name(level)), level);
  }
  EXPECT_EQ(name(Mark::kUnexpectedPass), "unexpected-pass");
  EXPECT_FALSE(parse_verdict("passed"));
  EXPECT_FALSE(parse_mark(""));
  EXPECT_FALSE(parse_level("MUST"));
}

TEST(Records, OnlyFailHangAndCrashSpeakAgainstTheTarget) {
  EXPECT_FALSE(is_failure(Verdict::kPass));
  EXPECT_TRUE(is_failure(Verdict::kFail));
  EXPECT_TRUE(is_failure(Verdict::kHang));
  EXPECT_TRUE(is_failure(Verdict::kCrash));
  EXPECT_FALSE(is_failure(Verdict::kSkip));
  EXPECT_FALSE(is_failure(Verdict::kError));
  EXPECT_TRUE(is_judgement(Verdict::kPass));
  EXPECT_FALSE(is_judgement(Verdict::kSkip));
  EXPECT_FALSE(is_judgement(Verdict::kError));
}

TEST(Records, WorseIsTotalAndSymmetric) {
  const Verdict order[] = {Verdict::kCrash, Verdict::kHang, Verdict::kFail,
                           Verdict::kError, Verdict::kPass, Verdict::kSkip};
  for (std::size_t i = 0; i < std::size(order); ++i) {
    for (std::size_t j = i; j < std::size(order); ++j) {
      EXPECT_EQ(worse(order[i], order[j]), order[i]);
      EXPECT_EQ(worse(order[j], order[i]), order[i]);
    }
  }
}

TEST(Records, ReferenceModelIsRecognisedByName) {
  EXPECT_TRUE(is_reference_model("hypervet's reference model"));
  EXPECT_TRUE(is_reference_model("Reference Model (virtio devices)"));
  EXPECT_FALSE(is_reference_model("Linux 6.1.0-31 kvm_amd"));
  EXPECT_FALSE(is_reference_model(""));
}

TEST(Records, CountsAddUp) {
  Counts counts;
  counts[Verdict::kPass] = 3;
  counts[Verdict::kHang] = 2;
  counts[Verdict::kError] = 1;
  EXPECT_EQ(counts.total(), 6u);
  EXPECT_EQ(counts.failures(), 2u);
}

}  // namespace
}  // namespace hypervet::reports
