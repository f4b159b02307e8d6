// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/verdict.h"

#include <algorithm>
#include <cmath>

namespace hypervet::measure {

using reports::Outcome;

double equivalence_margin(double margin, double noise_floor) {
  return std::max(margin, noise_floor);
}

Outcome judge(const Evidence& e) {
  const double floor = 1 + e.noise_floor;
  const double margin = 1 + e.margin;
  if (e.ratio.low > floor && e.ratio.value > margin) return Outcome::kRegressed;
  if (e.ratio.high < 1 / floor && e.ratio.value < 1 / margin) return Outcome::kImproved;
  const double bound = 1 + equivalence_margin(e.margin, e.noise_floor);
  if (e.equivalence.low > 1 / bound && e.equivalence.high < bound) return Outcome::kEquivalent;
  return Outcome::kInconclusive;
}

Outcome judge_exact(double a, double b, double margin) {
  if (std::abs(b - a) <= margin * std::abs(a)) return Outcome::kEquivalent;
  return b > a ? Outcome::kRegressed : Outcome::kImproved;
}

}  // namespace hypervet::measure
