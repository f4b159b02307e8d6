// SPDX-License-Identifier: Apache-2.0
#include "reports/headline.h"

#include <fmt/format.h>

#include <algorithm>

#include "reports/text.h"

namespace hypervet::reports {
namespace {

std::string who(const ProviderDigest& provider) {
  return provider.name.empty() ? "The unnamed target" : provider.name;
}

std::string waived_part(const ProviderDigest& p) {
  if (p.waived_clauses == 0) return "";
  return fmt::format(", not counting {}", counted(p.waived_clauses, "waived violation"));
}

// "all 4 clauses judged", "3 of the 4 clauses judged", "the 1 clause judged".
std::string of_the_judged(std::uint64_t some, const ProviderDigest& p) {
  const std::string judged = counted(p.judged_clauses, "clause") + " judged";
  if (some < p.judged_clauses) return fmt::format("{} of the {}", some, judged);
  return (p.judged_clauses == 1 ? "the " : "all ") + judged;
}

// Why there is no verdict at all.
std::string nothing(const ProviderDigest& p) {
  if (p.counts.total() == 0) return "no case was executed";
  return fmt::format("{} skipped, {} ended in errors", counted(p.counts[Verdict::kSkip], "case"),
                     p.counts[Verdict::kError]);
}

Sentence reference_model(const ProviderDigest& p) {
  const std::string outcome =
      p.judged_clauses == 0 ? nothing(p)
                            : fmt::format("{} of {} violated{}", p.violated_clauses,
                                          counted(p.judged_clauses, "clause"), waived_part(p));
  return {Standing::kReferenceModel,
          fmt::format("{}: no hypervisor was judged, the answers are hypervet's own ({}).", who(p),
                      outcome)};
}

Sentence hypervisor(const ProviderDigest& p, bool complete) {
  if (p.judged_clauses == 0) {
    return {Standing::kNothingJudged,
            fmt::format("Nothing was judged of {}: {}.", who(p), nothing(p))};
  }
  if (p.violated_clauses > 0) {
    return {Standing::kViolates, fmt::format("{} does not conform: it violates {}{}.", who(p),
                                             of_the_judged(p.violated_clauses, p), waived_part(p))};
  }
  if (p.counts[Verdict::kError] > 0 || !complete) {
    return {
        Standing::kInconclusive,
        fmt::format("{} shows no violation in {}{}, but not everything planned could be judged.",
                    who(p), of_the_judged(p.judged_clauses, p), waived_part(p))};
  }
  if (p.waived_clauses > 0) {
    const std::uint64_t held = p.judged_clauses - p.waived_clauses;
    return {Standing::kWaived, fmt::format("{} is green only through waivers: {} hold, {} waived.",
                                           who(p), of_the_judged(held, p),
                                           p.waived_clauses == 1 ? "1 violation is"
                                                                 : fmt::format("{} violations are",
                                                                               p.waived_clauses))};
  }
  return {Standing::kConforms,
          fmt::format("{} conforms to {}.", who(p), of_the_judged(p.judged_clauses, p))};
}

int gravity(Standing standing) {
  switch (standing) {
    case Standing::kViolates:
      return 5;
    case Standing::kInconclusive:
      return 4;
    case Standing::kWaived:
      return 3;
    case Standing::kNothingJudged:
      return 2;
    case Standing::kConforms:
      return 1;
    case Standing::kReferenceModel:
      return 0;
  }
  return 0;
}

std::vector<std::string> cautions(const Digest& d) {
  std::vector<std::string> lines;
  if (!d.complete) {
    lines.push_back(fmt::format("The run did not finish: {} of {} executed.", d.counts.total(),
                                counted(d.planned, "planned case")));
  }
  if (const auto errors = d.counts[Verdict::kError]; errors > 0) {
    lines.push_back(fmt::format(
        "{} ended in an error of hypervet or the backend and {} nothing about the target.",
        counted(errors, "case"), errors == 1 ? "says" : "say"));
  }
  if (d.unexpected_passes > 0) {
    lines.push_back(fmt::format("{} passed although a waiver expects a failure.",
                                counted(d.unexpected_passes, "case")));
  }
  if (d.flaky > 0) {
    lines.push_back(
        fmt::format("{} gave different verdicts on repeated attempts.", counted(d.flaky, "case")));
  }
  return lines;
}

}  // namespace

std::string_view name(Standing standing) {
  switch (standing) {
    case Standing::kConforms:
      return "conforms";
    case Standing::kWaived:
      return "waived";
    case Standing::kViolates:
      return "violates";
    case Standing::kInconclusive:
      return "inconclusive";
    case Standing::kNothingJudged:
      return "nothing-judged";
    case Standing::kReferenceModel:
      return "reference-model";
  }
  return "?";
}

std::string_view badge(Standing standing) {
  switch (standing) {
    case Standing::kConforms:
      return "Conforms";
    case Standing::kWaived:
      return "Green only through waivers";
    case Standing::kViolates:
      return "Does not conform";
    case Standing::kInconclusive:
      return "Inconclusive";
    case Standing::kNothingJudged:
      return "Nothing judged";
    case Standing::kReferenceModel:
      return "No hypervisor judged";
  }
  return "?";
}

Headline headline(const Digest& digest) {
  Headline result;
  for (const ProviderDigest& provider : digest.providers) {
    result.sentences.push_back(provider.reference_model ? reference_model(provider)
                                                        : hypervisor(provider, digest.complete));
  }
  std::ranges::stable_sort(result.sentences, std::ranges::greater{},
                           [](const Sentence& s) { return gravity(s.standing); });
  result.standing = result.sentences.front().standing;
  result.cautions = cautions(digest);
  return result;
}

}  // namespace hypervet::reports
