// SPDX-License-Identifier: Apache-2.0
#include "reports/html/paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reports/html/dividends.h"
#include "reports/html/parts.h"
#include "reports/html/strip.h"
#include "reports/path_table.h"
#include "reports/text.h"

namespace hypervet::reports::html {
namespace {

const std::string& either(const std::string& own, const std::string& of_the_run) {
  return own.empty() ? of_the_run : own;
}

std::string why_not(const Path& path) { return path.reason.empty() ? "no samples" : path.reason; }

// The interval as text: "3.91 to 4.52"; counted costs have none.
std::string interval(const Dividend& d) {
  if (d.low == d.value && d.high == d.value) return "exact";
  return fmt::format("{} to {}", number_text(d.low), number_text(d.high));
}

// How all of them were timed, to be said once; empty where paths differ.
std::string_view common_method(const std::vector<Path>& paths) {
  std::optional<std::string_view> common;
  for (const Path& path : paths) {
    if (!path.measured()) continue;
    if (common && *common != path.method) return "";
    common = path.method;
  }
  return common.value_or("");
}

// Builds the section. Lives for one page.
class Section {
 public:
  explicit Section(const Results& results)
      : results_(results), common_method_(common_method(results.paths)) {
    for (std::size_t i = 0; i < results_.paths.size(); ++i) {
      const Path& path = results_.paths[i];
      anchors_.emplace(&path, fmt::format("path-{}", i + 1));
      by_id_.emplace(path.id, &path);
    }
  }

  void set(data& page) const {
    page["path_tally"] = path_tally(results_.paths);
    page["whose"] = whose();
    set_dividends(page);
    data rows(data::type::list);
    data strips(data::type::list);
    for (const Path& path : results_.paths) {
      rows << row(path);
      if (path.measured()) strips << one_strip(path);
    }
    page["path_rows"] = std::move(rows);
    page["has_strips"] = data(!strips.list_value().empty());
    page["strips"] = std::move(strips);
    page["common_method"] = unless_empty(common_method_);
  }

 private:
  struct Instrument {
    std::string provider, target, backend, unit;
    bool operator==(const Instrument&) const = default;
  };

  Instrument instrument_of(const Path& path) const {
    return {either(path.provider, results_.run.provider), either(path.target, results_.run.target),
            either(path.backend, results_.run.backend), path.unit};
  }

  // One entry per provider, target, backend and unit, in the order of their first path.
  data whose() const {
    std::vector<std::pair<Instrument, std::uint64_t>> known;
    for (const Path& path : results_.paths) {
      if (!path.measured()) continue;
      const Instrument instrument = instrument_of(path);
      auto found = std::ranges::find(known, instrument, &decltype(known)::value_type::first);
      if (found == known.end()) found = known.emplace(known.end(), instrument, 0);
      ++found->second;
    }
    data list(data::type::list);
    for (const auto& [instrument, number] : known) {
      data entry;
      entry["provider"] = text(instrument.provider.empty() ? "unnamed" : instrument.provider);
      const bool named = instrument.provider.find(instrument.target) != std::string::npos;
      entry["target"] = named ? data(false) : unless_empty(instrument.target);
      entry["backend"] = unless_empty(instrument.backend);
      entry["lab"] = unless_empty(results_.run.lab);
      entry["unit"] = text(instrument.unit.empty() ? "no unit" : instrument.unit);
      entry["count"] = counted(number, "path");
      entry["instrument"] = unless_empty(instrument_note(instrument));
      list << entry;
    }
    return list;
  }

  // What the figures are when they are no latencies of hardware.
  std::string instrument_note(const Instrument& of) const {
    if (is_reference_model(of.provider)) {
      return fmt::format(
          "These are {} on hypervet’s own model. They are no latencies of hardware and say nothing "
          "about any hypervisor.",
          of.unit == "instructions" || of.unit == "ticks" ? "counts of instructions" : "times");
    }
    const std::string& lab = results_.run.lab;
    if (of.unit == "instructions") {
      return fmt::format("These are counts of instructions{}, no latencies of hardware.",
                         lab.empty() ? "" : " in the emulated machine of lab " + lab);
    }
    if (lab.empty()) return "";
    return "These are times in the emulated machine of lab " + lab +
           ": they tell what the emulation costs, and are no latencies of hardware.";
  }

  void set_dividends(data& page) const {
    const DividendChart chart = dividend_chart(results_.paths);
    data bars(data::type::list);
    for (const DividendBar& bar : chart.bars) bars << one_bar(bar);
    page["has_dividends"] = data(!chart.bars.empty());
    page["bars"] = std::move(bars);
    page["even"] = place_text(chart.even);
    page["dividend_ticks"] = tick_list(chart.axis, "x");
  }

  data one_bar(const DividendBar& bar) const {
    const Path& path = *bar.path;
    data entry;
    entry["anchor"] = anchors_.at(&path);
    entry["id"] = path.id;
    entry["contrast"] = unless_empty(path.contrast);
    entry["class"] = text(name(bar.payoff));
    entry["words"] = dividend_words(*path.dividend);
    entry["interval"] = interval(*path.dividend);
    entry["left"] = place_text(bar.left);
    entry["width"] = place_text(bar.width);
    entry["value"] = place_text(bar.value);
    entry["low"] = place_text(bar.low);
    entry["high"] = place_text(bar.high);
    entry["off_left"] = data(bar.off_left);
    entry["off_right"] = data(bar.off_right);
    return entry;
  }

  data row(const Path& path) const {
    data entry;
    entry["anchor"] = anchors_.at(&path);
    entry["id"] = path.id;
    entry["what"] = unless_empty(path.what);
    entry["measured"] = data(path.measured());
    entry["reason"] = why_not(path);
    if (!path.measured()) return entry;
    entry["unit"] = path.unit;
    set_figures(entry, path);
    entry["spread"] = percent_text(path.spread);
    entry["noise_floor"] = percent_text(path.noise_floor);
    entry["contrast"] = unless_empty(path.contrast);
    const auto contrast = by_id_.find(path.contrast);
    entry["contrast_anchor"] =
        contrast != by_id_.end() ? data(anchors_.at(contrast->second)) : data(false);
    entry["has_dividend"] = data(path.dividend.has_value());
    if (path.dividend) {
      entry["dividend"] = number_text(path.dividend->value) + "x";
      entry["interval"] = interval(*path.dividend);
    }
    return entry;
  }

  static void set_figures(data& entry, const Path& path) {
    entry["min"] = number_text(path.min);
    entry["median"] = number_text(path.median);
    entry["p99"] = number_text(path.p99);
  }

  data one_strip(const Path& path) const {
    const Strip strip = html::strip(path);
    data entry;
    entry["anchor"] = anchors_.at(&path);
    entry["id"] = path.id;
    entry["what"] = unless_empty(path.what);
    entry["unit"] = path.unit;
    set_figures(entry, path);
    entry["overhead"] = number_text(path.overhead);
    entry["method"] = common_method_ == path.method ? data(false) : unless_empty(path.method);
    entry["note"] = note(strip, path);
    entry["drawn"] = data(strip.axis.has_value());
    if (!strip.axis) return entry;
    entry["at_min"] = place_text(strip.axis->place(path.min));
    entry["at_median"] = place_text(strip.axis->place(path.median));
    entry["at_p99"] = place_text(strip.axis->place(path.p99));
    entry["beyond"] = data(strip.beyond > 0);
    entry["beyond_count"] = number(strip.beyond);
    data dots(data::type::list);
    constexpr std::size_t kFewDots = 40;  // these may be larger
    constexpr double kTop = 27;
    constexpr double kHeight = 32;
    for (const Dot& dot : strip.dots) {
      data mark;
      mark["x"] = place_text(dot.x);
      mark["y"] = fmt::format("{:.1f}", kTop + dot.y * kHeight);
      dots << mark;
    }
    entry["dots"] = std::move(dots);
    entry["radius"] = strip.dots.size() > kFewDots ? "1.7" : "3";
    entry["ticks"] = tick_list(*strip.axis);
    return entry;
  }

  const Results& results_;
  const std::string_view common_method_;
  std::unordered_map<const Path*, std::string> anchors_;
  std::unordered_map<std::string, const Path*> by_id_;
};

}  // namespace

void set_paths(data& page, const Results& results) {
  page["has_paths"] = data(!results.paths.empty());
  if (!results.paths.empty()) Section(results).set(page);
}

data tick_list(const Axis& axis, std::string_view suffix) {
  data list(data::type::list);
  for (const double tick : axis.ticks()) {
    data entry;
    entry["x"] = place_text(axis.place(tick));
    entry["label"] = number_text(tick) + std::string(suffix);
    list << entry;
  }
  return list;
}

}  // namespace hypervet::reports::html
