// SPDX-License-Identifier: Apache-2.0
#include "reports/path_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/text.h"

namespace hypervet::reports {
namespace {

std::string dividend(const Path& path) {
  if (!path.dividend) return "";
  return fmt::format("{}x ({}..{})", figure(path.dividend->value), figure(path.dividend->low),
                     figure(path.dividend->high));
}

std::string line_of(const Path& path, std::string_view id, std::size_t width) {
  if (!path.measured()) {
    const std::string why = path.reason.empty() ? "no samples" : path.reason;
    return fmt::format("  {:<{}}  {}", id, width, visible(why, Breaks::kSpell));
  }
  return fmt::format("  {:<{}}  {:>10} {:>10} {:>10}  {:<12} {:>8} {:>8}  {}", id, width,
                     figure(path.median), figure(path.min), figure(path.p99),
                     visible(path.unit, Breaks::kSpell), percent(path.spread),
                     percent(path.noise_floor), dividend(path));
}

std::string without_trailing_blanks(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::string figure(double value) {
  constexpr double kExact = 1e15;  // whole numbers below are exact in a double
  if (std::abs(value) < kExact && value == std::trunc(value)) return fmt::format("{:.0f}", value);
  if (std::abs(value) >= 1000) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

std::string percent(double relative) { return fmt::format("{:.1f} %", 100 * relative); }

std::vector<std::string> path_table(const std::vector<Path>& paths) {
  if (paths.empty()) return {};
  constexpr std::size_t kWidest = 60;
  std::vector<std::string> ids;
  std::size_t width = std::string_view("path").size();
  for (const Path& path : paths) {
    ids.push_back(visible(path.id, Breaks::kSpell));
    width = std::max(width, std::min(ids.back().size(), kWidest));
  }
  std::vector<std::string> lines;
  lines.push_back(fmt::format("  {:<{}}  {:>10} {:>10} {:>10}  {:<12} {:>8} {:>8}  {}", "path",
                              width, "median", "min", "p99", "unit", "spread", "noise",
                              "dividend"));
  for (std::size_t i = 0; i < paths.size(); ++i)
    lines.push_back(without_trailing_blanks(line_of(paths[i], ids[i], width)));
  return lines;
}

std::string path_tally(const std::vector<Path>& paths) {
  const auto measured = static_cast<std::size_t>(std::ranges::count_if(paths, &Path::measured));
  return fmt::format("{}: {} measured, {} not", counted(paths.size(), "path"), measured,
                     paths.size() - measured);
}

}  // namespace hypervet::reports
