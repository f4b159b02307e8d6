// SPDX-License-Identifier: Apache-2.0
// A comparison of timed paths for machines: one JSON document with both provenances, how the
// statistics were done, the counts, and every row.
#include "reports/comparison_writers.h"
#include "reports/stream/encode.h"

namespace hypervet::reports {
namespace {

Json to_json(const TimingSide& side) {
  return {{"samples", side.samples},
          {"min", side.min},
          {"median", side.median},
          {"p99", side.p99},
          {"launch_medians", side.launch_medians},
          {"reason", side.reason}};
}

Json to_json(const TimingRow& row) {
  return {{"id", row.id},
          {"interface", row.interface},
          {"what", row.what},
          {"unit", row.unit},
          {"outcome", name(row.outcome)},
          {"reason", row.reason},
          {"exact", row.exact},
          {"difference", row.difference},
          {"ratio", {{"value", row.ratio.value}, {"low", row.ratio.low}, {"high", row.ratio.high}}},
          {"noise_floor", row.noise_floor},
          {"margin", row.margin},
          {"a", to_json(row.a)},
          {"b", to_json(row.b)}};
}

}  // namespace

WriterStatus write_comparison_json(const TimingComparison& comparison, std::ostream& out) {
  const OutcomeCounts totals = count(comparison.rows);
  Json counts = Json::object();
  for (const Outcome outcome : kOutcomes) counts[std::string(name(outcome))] = totals[outcome];
  Json rows = Json::array();
  for (const TimingRow& row : comparison.rows) rows.push_back(to_json(row));
  const Json document = {{"format", kStreamFormat},
                         {"a", {{"name", comparison.name_a}, {"run", to_json(comparison.a)}}},
                         {"b", {{"name", comparison.name_b}, {"run", to_json(comparison.b)}}},
                         {"confidence", comparison.confidence},
                         {"margin", comparison.margin},
                         {"draws", comparison.draws},
                         {"seed", comparison.seed},
                         {"noise_source", comparison.noise_source},
                         {"obstacle", comparison.obstacle},
                         {"cautions", comparison.cautions},
                         {"counts", std::move(counts)},
                         {"rows", std::move(rows)},
                         {"skipped", comparison.skipped}};
  out << dump(document, 2) << '\n';
  return finish(out);
}

}  // namespace hypervet::reports
