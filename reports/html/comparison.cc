// SPDX-License-Identifier: Apache-2.0
// The HTML page of the timed paths of two builds: fills comparison.mustache. It has head, style and
// script of the page of one run. See parts.h for escaping.
#include "reports/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "reports/comparison_writers.h"
#include "reports/html/facts.h"
#include "reports/html/page.h"
#include "reports/html/parts.h"
#include "reports/html/paths.h"
#include "reports/html/ratios.h"
#include "reports/text.h"

namespace hypervet::reports {
namespace {

using namespace html;

std::string_view meaning(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRegressed:
      return "B costs more, beyond noise floor and margin";
    case Outcome::kImproved:
      return "B costs less, beyond noise floor and margin";
    case Outcome::kEquivalent:
      return "the difference lies within the margin";
    case Outcome::kInconclusive:
      return "these launches tell neither a change nor its absence";
    case Outcome::kNotComparable:
      return "nothing to compare, or too noisy";
  }
  return "";
}

// An outcome is never told by colour alone.
std::string_view sign(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRegressed:
      return "▲";
    case Outcome::kImproved:
      return "▼";
    case Outcome::kEquivalent:
      return "=";
    case Outcome::kInconclusive:
      return "?";
    case Outcome::kNotComparable:
      return "–";
  }
  return "";
}

// One word for a class.
std::string_view css_class(Outcome outcome) {
  return outcome == Outcome::kNotComparable ? "not-comparable" : name(outcome);
}

std::string why_without_figures(const TimingRow& row) {
  if (!row.reason.empty()) return row.reason;
  if (!row.a.reason.empty()) return "A: " + row.a.reason;
  if (!row.b.reason.empty()) return "B: " + row.b.reason;
  return "no figures on either side";
}

std::string ratio_text(double ratio) {
  return plottable(ratio) ? fmt::format("{:.4g}", ratio) : "–";
}

std::string interval(const Ratio& ratio) {
  return fmt::format("{} to {}", ratio_text(ratio.low), ratio_text(ratio.high));
}

std::string signed_text(double value) { return (value > 0 ? "+" : "") + number_text(value); }

void set_side(data& entry, const std::string& letter, const TimingSide& side) {
  const bool there = side.samples > 0;
  entry["min_" + letter] = there ? number_text(side.min) : "–";
  entry["median_" + letter] = there ? number_text(side.median) : "–";
  entry["p99_" + letter] = there ? number_text(side.p99) : "–";
}

// Builds the data of the whole page. Lives for one page.
class ComparisonPage {
 public:
  explicit ComparisonPage(const TimingComparison& comparison)
      : comparison_(comparison),
        counts_(count(comparison.rows)),
        order_(worst_first(comparison.rows)),
        axis_(ratio_axis(comparison.rows)) {}

  data build() const {
    data page;
    page["version"] = text(comparison_.b.hypervet);
    page["started_a"] = text(comparison_.a.started);
    page["started_b"] = text(comparison_.b.started);
    page["target"] = fmt::format("{} → {}", named(comparison_.a), named(comparison_.b));
    page["standing"] = text(standing());
    page["badge"] = badge();
    page["tally"] = capitalised(tally(comparison_)) + ".";
    page["obstacle"] = unless_empty(comparison_.obstacle);
    page["instrument"] = unless_empty(instrument());
    page["has_cautions"] = data(!comparison_.cautions.empty());
    page["cautions"] = lines(comparison_.cautions);
    data runs(data::type::list);
    runs << run("A", "older", comparison_.name_a, comparison_.a, &TimingRow::a);
    runs << run("B", "newer", comparison_.name_b, comparison_.b, &TimingRow::b);
    page["runs"] = std::move(runs);
    set_rows(page);
    page["has_skipped"] = data(!comparison_.skipped.empty());
    page["skipped_count"] = counted(comparison_.skipped.size(), "path");
    page["skipped"] = lines(comparison_.skipped);
    page["facts"] = fact_pairs(facts(comparison_.a), facts(comparison_.b));
    page["method"] = method();
    page["has_cases"] = data(false);
    page["has_changes"] = data(false);
    return page;
  }

 private:
  static std::string_view named(const Run& run) {
    return run.target.empty() ? std::string_view("unnamed target") : run.target;
  }

  std::string_view standing() const {
    if (counts_[Outcome::kRegressed] > 0) return "violates";
    const bool told = counts_[Outcome::kEquivalent] + counts_[Outcome::kImproved] > 0;
    const bool open = counts_[Outcome::kInconclusive] + counts_[Outcome::kNotComparable] > 0;
    if (!told || !comparison_.obstacle.empty()) return "nothing-judged";
    return open ? "inconclusive" : "conforms";
  }

  std::string badge() const {
    if (!comparison_.obstacle.empty()) return "Not comparable";
    if (const std::uint64_t n = counts_[Outcome::kRegressed]; n > 0)
      return counted(n, "path") + " regressed";
    const std::uint64_t told = counts_[Outcome::kEquivalent] + counts_[Outcome::kImproved];
    if (told == 0) return counts_[Outcome::kInconclusive] > 0 ? "Inconclusive" : "Nothing compared";
    if (told == comparison_.rows.size()) return "No path regressed";
    return fmt::format("No regression in {} of {}", told, counted(comparison_.rows.size(), "path"));
  }

  // What the figures are when they are no latencies of hardware.
  std::string instrument() const {
    const auto model = [](const Run& run) { return is_reference_model(run.provider); };
    if (model(comparison_.a) && model(comparison_.b)) {
      return "Both sides are hypervet’s own model: counts of instructions, no latencies of "
             "hardware. They say nothing about any hypervisor.";
    }
    const bool exact = std::ranges::any_of(comparison_.rows, &TimingRow::exact);
    if (comparison_.a.lab.empty() && comparison_.b.lab.empty()) {
      return exact ? "Exact rows count instructions: they are no latencies of hardware." : "";
    }
    return exact ? "Counts of instructions in an emulated machine, no latencies of hardware: a "
                   "difference of one instruction is real."
                 : "Times in an emulated machine: they tell what the emulation costs, and are no "
                   "latencies of hardware.";
  }

  data run(std::string_view letter, std::string_view role, const std::string& given_name,
           const Run& run, TimingSide TimingRow::* side) const {
    const auto measured = static_cast<std::uint64_t>(std::ranges::count_if(
        comparison_.rows, [&](const TimingRow& row) { return (row.*side).samples > 0; }));
    data entry;
    entry["letter"] = text(letter);
    entry["role"] = text(role);
    entry["started"] = text(run.started);
    entry["target"] = text(named(run));
    entry["name"] = given_name == named(run) ? data(false) : unless_empty(given_name);
    entry["provider"] = unless_empty(run.provider);
    entry["backend"] = unless_empty(run.backend);
    entry["lab"] = unless_empty(run.lab);
    entry["measured"] = counted(measured, "path") + " measured";
    return entry;
  }

  void set_rows(data& page) const {
    data table(data::type::list);
    for (std::size_t i = 0; i < order_.size(); ++i) table << one_row(*order_[i], i);
    page["has_rows"] = data(!order_.empty());
    page["has_marks"] = data(
        std::ranges::any_of(comparison_.rows, [](const TimingRow& row) { return drawable(row); }));
    page["has_intervals"] = data(!std::ranges::all_of(comparison_.rows, &TimingRow::exact));
    page["has_noise"] = data(std::ranges::any_of(
        comparison_.rows, [](const TimingRow& row) { return row.noise_floor > 0; }));
    page["table"] = std::move(table);
    page["confidence"] = fmt::format("{:.3g} %", 100 * comparison_.confidence);
    data ticks(data::type::list);
    for (const double tick : axis_.ticks()) {
      data entry;
      entry["x"] = place_text(axis_.place(tick));
      entry["label"] = ratio_text(tick);
      ticks << entry;
    }
    page["ratio_ticks"] = std::move(ticks);
    page["groups"] = groups();
  }

  data groups() const {
    data list(data::type::list);
    std::size_t next = 0;
    bool first_axis = true;
    for (const Outcome outcome : kOutcomes) {
      if (counts_[outcome] == 0) continue;
      data rows(data::type::list);
      bool drawn = false;
      for (; next < order_.size() && order_[next]->outcome == outcome; ++next) {
        rows << one_row(*order_[next], next);
        drawn |= drawable(*order_[next]);
      }
      data entry;
      entry["class"] = text(css_class(outcome));
      entry["sign"] = text(sign(outcome));
      entry["title"] = capitalised(name(outcome));
      entry["meaning"] = text(meaning(outcome));
      entry["count"] = number(counts_[outcome]);
      entry["rows"] = std::move(rows);
      entry["has_axis"] = data(drawn);
      entry["first_axis"] = data(first_axis);
      entry["axis_height"] = first_axis ? "34" : "20";
      first_axis &= !drawn;
      list << entry;
    }
    return list;
  }

  data one_row(const TimingRow& row, std::size_t index) const {
    const bool drawn = drawable(row);
    data entry;
    entry["anchor"] = fmt::format("path-{}", index + 1);
    entry["id"] = row.id;
    entry["what"] = unless_empty(row.what);
    entry["unit"] = row.unit;
    entry["class"] = text(css_class(row.outcome));
    entry["sign"] = text(sign(row.outcome));
    entry["outcome"] = text(name(row.outcome));
    entry["reason"] = drawn ? unless_empty(row.reason) : data(why_without_figures(row));
    set_side(entry, "a", row.a);
    set_side(entry, "b", row.b);
    entry["difference"] = row.has_figures() ? signed_text(row.difference) : "–";
    entry["ratio"] = drawn ? ratio_text(row.ratio.value) : "–";
    entry["noise_floor"] = percent_text(row.noise_floor);
    entry["margin"] = percent_text(row.margin);
    entry["drawn"] = data(drawn);
    entry["exact"] = data(drawn && row.exact);
    entry["interval"] = drawn && !row.exact ? data(interval(row.ratio)) : data(false);
    if (drawn) set_mark(entry, row);
    return entry;
  }

  void set_mark(data& entry, const TimingRow& row) const {
    const RatioMark mark = ratio_mark(row, axis_);
    const std::string change = change_text(row.ratio.value);
    entry["change"] = row.exact ? data(signed_text(row.difference)) : data(change);
    entry["relative"] = row.exact ? data(change) : data(false);
    entry["noise"] = data(mark.noise_high > mark.noise_low);
    entry["value"] = place_text(mark.value);
    entry["low"] = place_text(mark.low);
    entry["high"] = place_text(mark.high);
    entry["off_left"] = data(mark.off_left);
    entry["off_right"] = data(mark.off_right);
    entry["margin_low"] = place_text(mark.margin_low);
    entry["margin_width"] = place_text(mark.margin_high - mark.margin_low);
    entry["noise_low"] = place_text(mark.noise_low);
    entry["noise_high"] = place_text(mark.noise_high);
  }

  data method() const {
    std::vector<Fact> list;
    std::size_t most = 0;
    for (const TimingRow& row : comparison_.rows)
      most = std::max({most, row.a.launch_medians.size(), row.b.launch_medians.size()});
    list.push_back({"Launches", fmt::format("{} a side", most)});
    list.push_back({"Margin", percent_text(comparison_.margin)});
    if (!comparison_.noise_source.empty())
      list.push_back({"Noise floor", comparison_.noise_source});
    if (comparison_.draws > 0) {
      list.push_back(
          {"Bootstrap", fmt::format("{} draws, seed {}, intervals of {:.3g} %", comparison_.draws,
                                    comparison_.seed, 100 * comparison_.confidence)});
    }
    return fact_list(list);
  }

  const TimingComparison& comparison_;
  const OutcomeCounts counts_;
  const std::vector<const TimingRow*> order_;
  const Axis axis_;
};

}  // namespace

WriterStatus write_comparison_html(const TimingComparison& comparison, std::ostream& out) {
  return html::render(kComparisonTemplate, ComparisonPage(comparison).build(), out);
}

}  // namespace hypervet::reports
