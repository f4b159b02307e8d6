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
  return fmt::format(" ({} with a waived violation)", p.waived_clauses);
}

std::string outcome(const ProviderDigest& p) {
  if (p.judged_clauses == 0) {
    return fmt::format("no clause was judged: {} skipped, {} ended in errors",
                       p.counts[Verdict::kSkip], p.counts[Verdict::kError]);
  }
  if (p.violated_clauses > 0) {
    return fmt::format("{} of {} judged violated{}", p.violated_clauses,
                       counted(p.judged_clauses, "clause"), waived_part(p));
  }
  return fmt::format("no violation in {} judged{}", counted(p.judged_clauses, "clause"),
                     waived_part(p));
}

Sentence reference_model(const ProviderDigest& p) {
  return {
      Standing::kReferenceModel,
      fmt::format("{} is hypervet's own: no hypervisor was judged here ({}).", who(p), outcome(p))};
}

Sentence hypervisor(const ProviderDigest& p, bool complete) {
  if (p.judged_clauses == 0) {
    const std::string why = p.counts.total() == 0 ? "no case was executed"
                                                  : outcome(p).substr(outcome(p).find(": ") + 2);
    return {Standing::kNothingJudged,
            fmt::format("Nothing was judged: {} was asked, but {}.", who(p), why)};
  }
  if (p.violated_clauses > 0) {
    return {Standing::kViolates,
            fmt::format("{} does not conform: it violates {} of the {} judged{}.", who(p),
                        p.violated_clauses, counted(p.judged_clauses, "clause"), waived_part(p))};
  }
  if (p.counts[Verdict::kError] > 0 || !complete) {
    return {
        Standing::kInconclusive,
        fmt::format(
            "{} shows no violation in the {} judged{}, but not everything planned could be judged.",
            who(p), counted(p.judged_clauses, "clause"), waived_part(p))};
  }
  if (p.waived_clauses > 0) {
    return {
        Standing::kConforms,
        fmt::format("{} conforms to {} of the {} judged; the violation of the other {} is waived.",
                    who(p), p.judged_clauses - p.waived_clauses,
                    counted(p.judged_clauses, "clause"), p.waived_clauses)};
  }
  return {Standing::kConforms, fmt::format("{} conforms to all {} judged.", who(p),
                                           counted(p.judged_clauses, "clause"))};
}

int gravity(Standing standing) {
  switch (standing) {
    case Standing::kViolates:
      return 4;
    case Standing::kInconclusive:
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
