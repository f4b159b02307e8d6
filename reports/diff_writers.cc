// SPDX-License-Identifier: Apache-2.0
#include "reports/diff_writers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ranges>

namespace hypervet::reports {
namespace {

constexpr std::array<DiffFormat, 2> kFormats = {{
    {"html", write_diff_html},
    {"json", write_diff_json},
}};

}  // namespace

const DiffFormat* find_diff_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &DiffFormat::name);
  return found == kFormats.end() ? nullptr : &*found;
}

std::string diff_format_names() {
  return fmt::format("{}", fmt::join(kFormats | std::views::transform(&DiffFormat::name), ", "));
}

std::expected<void, std::string> write_diff(const DiffFormat& format, const Comparison& comparison,
                                            const std::string& path) {
  return write_file(format.name, path,
                    [&](std::ostream& out) { return format.write(comparison, out); });
}

}  // namespace hypervet::reports
