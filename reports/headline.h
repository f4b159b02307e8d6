// SPDX-License-Identifier: Apache-2.0
// The verdict of a whole run in words, naming who was judged. A pass of hypervet's own reference
// model is never worded as a pass of a hypervisor, and a run that judged nothing is never worded as
// a success.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reports/digest.h"

namespace hypervet::reports {

enum class Standing : std::uint8_t {
  kConforms,        // all judged clauses hold
  kWaived,          // clauses are violated, a waiver covers each
  kViolates,        // an unwaived failure
  kInconclusive,    // no violation seen, but errors, or the run did not finish
  kNothingJudged,   // everything was skipped, or there were no cases
  kReferenceModel,  // no hypervisor was judged
};
// "conforms", "waived", "violates", "inconclusive", "nothing-judged", "reference-model".
std::string_view name(Standing standing);
// As a badge: "Conforms", "Green only through waivers", "Does not conform", "Inconclusive",
// "Nothing judged", "No hypervisor judged".
std::string_view badge(Standing standing);

struct Sentence {
  Standing standing;
  std::string text;
};

struct Headline {
  Standing standing = Standing::kNothingJudged;  // the worst of the hypervisors judged
  std::vector<Sentence> sentences;               // one per provider, hypervisors first, never empty
  std::vector<std::string>
      cautions;  // incomplete run, unexpected passes, flaky cases: one line each
};

Headline headline(const Digest& digest);

}  // namespace hypervet::reports
