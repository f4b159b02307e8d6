// SPDX-License-Identifier: Apache-2.0
// The timed paths of two builds side by side, judged: A the older, B the newer one. Plain values,
// filled by hypervet::measure::compare(); terminal, JSON and HTML print them and compute nothing
// again. (Cases side by side are another thing: diff.h.)
//
// Owned by whoever holds them; no thread rules.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reports/stream/records.h"

namespace hypervet::reports {

// What became of a path from A to B; how it is decided is said in harness/measure/verdict.h.
enum class Outcome : std::uint8_t {
  kRegressed,      // B costs more: above the noise floor with confidence, beyond the margin
  kImproved,       // B costs less, likewise
  kEquivalent,     // the difference is within the margin with confidence
  kInconclusive,   // neither can be said with these launches
  kNotComparable,  // there is nothing to compare, or it is too noisy; TimingRow::reason says why
};
inline constexpr std::array kOutcomes = {Outcome::kRegressed, Outcome::kImproved,
                                         Outcome::kEquivalent, Outcome::kInconclusive,
                                         Outcome::kNotComparable};
// "regressed", "improved", "equivalent", "inconclusive", "not comparable".
std::string_view name(Outcome outcome);

// A ratio B / A with its interval: 1.05 is 5 % more in B.
struct Ratio {
  double value = 1;
  double low = 1;
  double high = 1;
  bool operator==(const Ratio&) const = default;
};

// One side of a path. Figures are per operation in the row's unit, and 0 where `reason` is set.
struct TimingSide {
  std::uint64_t samples = 0;  // over all launches
  double min = 0;
  double median = 0;  // the median of the medians of the launches
  double p99 = 0;
  std::vector<double> launch_medians;  // in the order of the launches
  std::string reason;                  // why there are no figures; empty: there are
  bool operator==(const TimingSide&) const = default;
};

struct TimingRow {
  std::string id;
  std::string interface;
  std::string what;
  std::string unit;  // of A, unless only B has the path
  TimingSide a;
  TimingSide b;
  bool exact = false;      // counted, not measured: `difference` decides, there are no statistics
  double difference = 0;   // median of B - median of A
  Ratio ratio;             // of the medians; in exact rows without an interval: low = high = value
  double noise_floor = 0;  // relative
  double margin = 0;       // relative: what equivalent means in this row
  Outcome outcome = Outcome::kNotComparable;
  std::string reason;  // one line: why not comparable, or what is odd although it is
  // True when A and B both have figures, so that difference and ratio mean something.
  bool has_figures() const { return a.samples > 0 && b.samples > 0; }
  bool operator==(const TimingRow&) const = default;
};

// How many rows ended in each outcome.
class OutcomeCounts {
 public:
  std::uint64_t& operator[](Outcome o) { return counts_[static_cast<std::size_t>(o)]; }
  std::uint64_t operator[](Outcome o) const { return counts_[static_cast<std::size_t>(o)]; }
  std::uint64_t total() const;

 private:
  std::array<std::uint64_t, kOutcomes.size()> counts_{};
};

struct TimingComparison {
  std::string name_a;  // as the user named it: a file, a kernel
  std::string name_b;
  Run a;  // provenance
  Run b;
  double confidence = 0;    // of the intervals of the ratios: 0.99
  double margin = 0;        // as asked for; a row's own may be larger
  std::uint64_t draws = 0;  // of the bootstrap
  std::uint64_t seed = 0;
  std::string noise_source;           // where the noise floors come from, one line
  std::string obstacle;               // why the runs cannot be compared at all; empty: they can
  std::vector<std::string> cautions;  // one line each: what besides the build differs
  std::vector<TimingRow> rows;        // in B's order, then those that only A has
  std::vector<std::string> skipped;   // ids of paths that neither side has figures of
};

OutcomeCounts count(const std::vector<TimingRow>& rows);
// "1 regressed, 12 equivalent; 2 paths skipped on both sides".
std::string tally(const TimingComparison& comparison);

}  // namespace hypervet::reports
