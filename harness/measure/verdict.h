// SPDX-License-Identifier: Apache-2.0
// What became of a path, from the interval of its ratio B / A. Pure functions; any thread.
//
//   regressed   the interval of 99 % lies above 1 + noise floor, and the ratio above 1 + margin
//   improved    the interval of 99 % lies below 1 / (1 + noise floor), and the ratio below
//               1 / (1 + margin)
//   equivalent  two one-sided tests at 5 % each, that is the interval of 90 %, place the ratio
//               within the larger of margin and noise floor (Schuirmann, "A Comparison of the Two
//               One-Sided Tests Procedure and the Power Approach", Journal of Pharmacokinetics and
//               Biopharmaceutics 15 (1987))
//   inconclusive  otherwise
//
// The budget for false alarms: a comparison has dozens of paths and each is a chance to cry wolf,
// so 1 % per path would not do. The noise floor is itself what nearly all differences between equal
// builds stay under, and the interval must lie wholly beyond it: that takes a difference of some
// five standard errors. It leaves room for hundreds of paths at 1 % for the whole comparison,
// without a correction that depends on how many paths there happen to be: a path's outcome never
// changes because others are compared beside it. The tests measure it (tests/harness/measure).
//
// The number of launches is fixed before the first of them. Launching until something is
// significant would make any of these figures meaningless.
#pragma once

#include "reports/comparison.h"

namespace hypervet::measure {

inline constexpr double kConfidence = 0.99;
inline constexpr double kEquivalenceConfidence = 0.90;  // TOST at 5 %: 1 - 2 * 0.05

struct Evidence {
  reports::Ratio ratio;        // with its interval of kConfidence
  reports::Ratio equivalence;  // with its interval of kEquivalenceConfidence
  double noise_floor = 0;      // relative
  double margin = 0;           // relative: changes below are of no interest
};

// The bound for equivalence.
double equivalence_margin(double margin, double noise_floor);

reports::Outcome judge(const Evidence& evidence);

// Counted costs have no noise: every bit more than `margin` of `a` is a regression.
reports::Outcome judge_exact(double a, double b, double margin);

}  // namespace hypervet::measure
