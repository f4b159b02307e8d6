// SPDX-License-Identifier: Apache-2.0
// A difference for machines: one JSON document with both provenances, the counts, and each case
// that changed with both of its records.
#include "reports/diff_writers.h"
#include "reports/stream/encode.h"

namespace hypervet::reports {
namespace {

Json side(const Results& results, const Digest& digest) {
  return {{"run", to_json(results.run)},
          {"complete", digest.complete},
          {"counts", to_json(digest.counts)}};
}

Json to_json(const CasePair& pair) {
  const Case& c = pair.any();
  return {{"change", name(pair.change)},
          {"id", c.id},
          {"clause", c.clause},
          {"interface", c.interface},
          {"level", name(c.level)},
          {"a", pair.before != nullptr ? to_json(*pair.before) : Json()},
          {"b", pair.after != nullptr ? to_json(*pair.after) : Json()}};
}

}  // namespace

WriterStatus write_diff_json(const Comparison& comparison, std::ostream& out) {
  Json counts = Json::object();
  for (const Change change : kChanges) {
    counts[std::string(name(change))] = comparison.count(change);
  }
  Json differences = Json::array();
  for (const CasePair& pair : comparison.differences()) differences.push_back(to_json(pair));
  const Json document = {{"format", kStreamFormat},
                         {"a", side(comparison.before_results(), comparison.before())},
                         {"b", side(comparison.after_results(), comparison.after())},
                         {"cautions", comparison.cautions()},
                         {"counts", std::move(counts)},
                         {"unchanged", to_json(comparison.unchanged())},
                         {"judged_in_both", comparison.judged_in_both()},
                         {"differences", std::move(differences)}};
  out << dump(document, 2) << '\n';
  return finish(out);
}

}  // namespace hypervet::reports
