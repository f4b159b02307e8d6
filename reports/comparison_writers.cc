// SPDX-License-Identifier: Apache-2.0
#include "reports/comparison_writers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ranges>

#include "reports/path_table.h"
#include "reports/text.h"

namespace hypervet::reports {
namespace {

constexpr std::array kFormats = {
    ComparisonFormat{"html", write_comparison_html},
    ComparisonFormat{"json", write_comparison_json},
};

// "+5.0 % (+4.1..+6.2)"; of counted costs "+51 (+4.2 %)".
std::string difference_of(const TimingRow& row) {
  const auto change = [](double ratio) { return 100 * (ratio - 1); };
  if (!row.has_figures() || row.a.median <= 0) return "-";
  if (row.exact) {
    const std::string_view sign = row.difference > 0 ? "+" : "";
    return fmt::format("{}{} ({:+.2f} %)", sign, figure(row.difference), change(row.ratio.value));
  }
  if (row.outcome == Outcome::kNotComparable && row.ratio.low == row.ratio.high)
    return fmt::format("{:+.1f} %", change(row.ratio.value));
  return fmt::format("{:+.1f} % ({:+.1f}..{:+.1f})", change(row.ratio.value), change(row.ratio.low),
                     change(row.ratio.high));
}

std::string median_of(const TimingSide& side) {
  return side.samples == 0 ? "-" : figure(side.median);
}

}  // namespace

const ComparisonFormat* find_comparison_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &ComparisonFormat::name);
  return found == kFormats.end() ? nullptr : &*found;
}

std::string comparison_format_names() {
  return fmt::format("{}",
                     fmt::join(kFormats | std::views::transform(&ComparisonFormat::name), ", "));
}

std::expected<void, std::string> write_comparison(const ComparisonFormat& format,
                                                  const TimingComparison& comparison,
                                                  const std::string& path) {
  return write_file(format.name, path,
                    [&](std::ostream& out) { return format.write(comparison, out); });
}

std::vector<ComparisonLine> comparison_table(const TimingComparison& comparison) {
  std::size_t width = 4;
  for (const TimingRow& row : comparison.rows)
    width = std::max(width, std::min<std::size_t>(visible(row.id, Breaks::kSpell).size(), 60));
  constexpr std::string_view kLine = "  {:<{}}  {:>10} {:>10}  {:<12} {:>22}  {:>7}  ";
  std::vector<ComparisonLine> lines;
  lines.push_back(
      {fmt::format(fmt::runtime(kLine), "path", width, "A", "B", "unit",
                   fmt::format("B to A ({:.0f} %)", 100 * comparison.confidence), "noise"),
       "", Outcome::kNotComparable, ""});
  for (const TimingRow& row : comparison.rows) {
    const bool measured = row.has_figures() && !row.exact;
    lines.push_back(
        {fmt::format(fmt::runtime(kLine), visible(row.id, Breaks::kSpell), width, median_of(row.a),
                     median_of(row.b), visible(row.unit, Breaks::kSpell), difference_of(row),
                     row.exact  ? "none"
                     : measured ? percent(row.noise_floor)
                                : "-"),
         std::string(name(row.outcome)), row.outcome, visible(row.reason, Breaks::kSpell)});
  }
  return lines;
}

}  // namespace hypervet::reports
