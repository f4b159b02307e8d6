// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>

#include "harness/measure/bootstrap.h"
#include "harness/measure/noise.h"
#include "harness/measure/verdict.h"

namespace hypervet::measure {

using reports::Outcome;
using reports::Path;
using reports::Ratio;
using reports::Run;
using reports::TimingComparison;
using reports::TimingRow;
using reports::TimingSide;

namespace {

using ById = std::unordered_map<std::string_view, const Path*>;

ById by_id(const std::vector<Path>& paths) {
  ById map;
  for (const Path& path : paths) map.emplace(path.id, &path);
  return map;
}

const Path* find(const ById& paths, std::string_view id) {
  const auto found = paths.find(id);
  return found == paths.end() ? nullptr : found->second;
}

// The parts of "a: x; b: y" that `other` does not have.
std::string only_in(const std::string& text, const std::string& other) {
  constexpr std::string_view kBetween = "; ";
  const auto parts_of = [&](std::string_view rest) {
    std::vector<std::string_view> parts;
    while (!rest.empty()) {
      const auto end = rest.find(kBetween);
      parts.push_back(rest.substr(0, end));
      rest.remove_prefix(end == rest.npos ? rest.size() : end + kBetween.size());
    }
    return parts;
  };
  const auto others = parts_of(other);
  std::string only;
  for (const std::string_view part : parts_of(text)) {
    if (std::ranges::find(others, part) != others.end()) continue;
    if (!only.empty()) only += kBetween;
    only += part;
  }
  return only;
}

std::string_view kind(std::string_view name) { return name.substr(0, name.find(':')); }

TimingSide side_of(const Path* path) {
  TimingSide side;
  if (path == nullptr) {
    side.reason = "not in this run";
    return side;
  }
  side.reason = path->reason;
  if (!side.reason.empty()) return side;
  const Figures f = figures(path->launches);
  if (f.samples == 0) {
    side.reason = "the record holds no samples";
    return side;
  }
  side.samples = f.samples;
  side.min = f.min;
  side.median = f.median;
  side.p99 = f.p99;
  side.launch_medians = launch_medians(path->launches);
  return side;
}

bool all_agree(const std::vector<double>& values) {
  return std::ranges::adjacent_find(values, std::ranges::not_equal_to{}) == values.end();
}

// Ticks of the simulator are counted; those of a processor's TSC are measured.
bool is_counted(const Path& path, const Run& run) {
  const std::string& backend = path.backend.empty() ? run.backend : path.backend;
  return path.unit == "instructions" || (path.unit == "ticks" && backend == "sim");
}

class Comparer {
 public:
  Comparer(const Build& a, const Build& b, const std::optional<AgainstItself>& aa,
           const CompareOptions& options)
      : a_(a), b_(b), options_(options), in_a_(by_id(a.paths)), in_b_(by_id(b.paths)) {
    result_.name_a = a.name;
    result_.name_b = b.name;
    result_.a = a.run;
    result_.b = b.run;
    result_.confidence = kConfidence;
    result_.margin = options.margin;
    result_.draws = options.draws;
    result_.seed = options.seed;
    result_.obstacle = obstacle(a.run, b.run);
    if (aa) {
      first_ = by_id(aa->first);
      second_ = by_id(aa->second);
    }
    result_.noise_source = aa ? "an A/A comparison: A launched as two sides"
                              : "the launches of either run; no A/A comparison was made";
  }

  TimingComparison all() {
    for (const Path& path : b_.paths) add(path.id);
    for (const Path& path : a_.paths) {
      if (find(in_b_, path.id) == nullptr) add(path.id);
    }
    find_cautions();
    return std::move(result_);
  }

 private:
  void add(const std::string& id) {
    const Path* a = find(in_a_, id);
    const Path* b = find(in_b_, id);
    const Path& any = a != nullptr ? *a : *b;
    TimingRow row;
    row.id = id;
    row.interface = any.interface;
    row.what = any.what;
    row.unit = any.unit;
    row.a = side_of(a);
    row.b = side_of(b);
    if (row.a.samples == 0 && row.b.samples == 0) {
      result_.skipped.push_back(id);
      return;
    }
    row.reason = why_not(row, a, b);
    if (row.reason.empty()) decide(row, *a, *b);
    result_.rows.push_back(std::move(row));
  }

  // Why the row cannot be compared whatever the figures are. Empty: it can.
  std::string why_not(const TimingRow& row, const Path* a, const Path* b) const {
    if (!result_.obstacle.empty()) return result_.obstacle;
    if (row.a.samples == 0) return "no figures in A: " + row.a.reason;
    if (row.b.samples == 0) return "no figures in B: " + row.b.reason;
    if (a->unit != b->unit) return fmt::format("other unit: {} in A, {} in B", a->unit, b->unit);
    if (row.a.median <= 0 || row.b.median <= 0)
      return fmt::format("nothing is left of {} above the cost of the loop itself",
                         row.a.median <= 0 ? "A" : "B");
    return "";
  }

  void decide(TimingRow& row, const Path& a, const Path& b) {
    row.difference = row.b.median - row.a.median;
    row.ratio.value = row.ratio.low = row.ratio.high = row.b.median / row.a.median;
    const bool counted = is_counted(a, a_.run) && is_counted(b, b_.run);
    if (counted && all_agree(row.a.launch_medians) && all_agree(row.b.launch_medians)) {
      decide_exactly(row, a, b);
    } else {
      decide_by_statistics(row, a, b);
      if (counted && row.reason.empty()) row.reason = "counted, and yet the launches disagree";
    }
  }

  void decide_exactly(TimingRow& row, const Path& a, const Path& b) const {
    row.exact = true;
    row.margin = options_.exact_margin;
    row.outcome = judge_exact(row.a.median, row.b.median, row.margin);
    if (row.difference == 0 && a.launches.front() != b.launches.front())
      row.reason = "the same median, but not the same samples";
  }

  void decide_by_statistics(TimingRow& row, const Path& a, const Path& b) {
    const std::size_t launches = std::min(row.a.launch_medians.size(), row.b.launch_medians.size());
    if (launches < kFewestLaunches) {
      row.reason =
          fmt::format("too few launches: {} in A, {} in B, at least {} are needed",
                      row.a.launch_medians.size(), row.b.launch_medians.size(), kFewestLaunches);
      return;
    }
    Random random(options_.seed, row.id);
    Resampled from_a(a.launches, tables_);
    Resampled from_b(b.launches, tables_);
    const bool paired = options_.in_turn && from_a.launches() == from_b.launches();
    const auto drawn = draw_ratios(from_a, from_b, options_.draws, random,
                                   paired ? Pairing::kNeighbours : Pairing::kNone);
    if (!drawn) {
      row.reason = "too close to the cost of the loop itself to form a ratio";
      return;
    }
    row.noise_floor = floor_of(row.id, a, b, random);
    const Evidence evidence{interval(*drawn, kConfidence), interval(*drawn, kEquivalenceConfidence),
                            row.noise_floor, options_.margin};
    row.ratio = evidence.ratio;
    row.margin = equivalence_margin(options_.margin, row.noise_floor);
    row.outcome = judge(evidence);
    const bool changed = row.outcome == Outcome::kRegressed || row.outcome == Outcome::kImproved;
    if (!changed && row.noise_floor > options_.noisiest) {
      row.outcome = Outcome::kNotComparable;
      row.reason = fmt::format("too noisy: the noise floor is {:.1f} %, the limit {:.1f} %",
                               100 * row.noise_floor, 100 * options_.noisiest);
    }
  }

  double floor_of(const std::string& id, const Path& a, const Path& b, Random& random) {
    const Path* first = find(first_, id);
    const Path* second = find(second_, id);
    if (first != nullptr && second != nullptr && first->reason.empty() && second->reason.empty()) {
      Resampled one(first->launches, tables_);
      Resampled other(second->launches, tables_);
      const bool enough = std::min(one.launches(), other.launches()) >= kFewestLaunches;
      const bool paired = one.launches() == other.launches();
      const auto drawn = draw_ratios(one, other, options_.draws, random,
                                     paired ? Pairing::kNeighbours : Pairing::kNone);
      if (enough && drawn) return noise_floor(interval(*drawn, kEquivalenceConfidence));
    }
    return std::max({own_noise_floor(a.launches, options_.draws, random, tables_),
                     own_noise_floor(b.launches, options_.draws, random, tables_), a.noise_floor,
                     b.noise_floor});
  }

  void find_cautions() {
    const auto differs = [&](std::string_view what, const std::string& a, const std::string& b) {
      if (a != b)
        result_.cautions.push_back(
            fmt::format("The {} differ (A: {}, B: {}): it is not only the "
                        "target that changed.",
                        what, a.empty() ? "none" : a, b.empty() ? "none" : b));
    };
    differs("specs", a_.run.spec_hash, b_.run.spec_hash);
    differs("versions of hypervet", a_.run.hypervet, b_.run.hypervet);
    differs("mitigations", only_in(a_.run.mitigations, b_.run.mitigations),
            only_in(b_.run.mitigations, a_.run.mitigations));
    const bool measured = std::ranges::any_of(
        result_.rows, [](const TimingRow& row) { return row.has_figures() && !row.exact; });
    if (measured && !options_.in_turn)
      result_.cautions.push_back(
          "A and B were not launched in turn: what changed on the machine between the two runs "
          "counts as a change of the target.");
  }

  const Build& a_;
  const Build& b_;
  const CompareOptions& options_;
  const ById in_a_;
  const ById in_b_;
  ById first_;
  ById second_;
  Resamplers tables_;
  TimingComparison result_;
};

}  // namespace

std::string obstacle(const Run& a, const Run& b) {
  const auto other = [](std::string_view what, std::string_view x, std::string_view y) {
    return fmt::format("other {}: {} in A, {} in B", what, x.empty() ? "none" : x,
                       y.empty() ? "none" : y);
  };
  if (kind(a.backend) != kind(b.backend)) return other("backend", a.backend, b.backend);
  if (kind(a.lab) != kind(b.lab)) return other("lab", a.lab, b.lab);
  if (a.cpu != b.cpu) return other("CPU", a.cpu, b.cpu);
  if (a.payload_hash != b.payload_hash) return other("payload", a.payload_hash, b.payload_hash);
  return "";
}

TimingComparison compare(const Build& a, const Build& b, const std::optional<AgainstItself>& aa,
                         const CompareOptions& options) {
  return Comparer(a, b, aa, options).all();
}

}  // namespace hypervet::measure
