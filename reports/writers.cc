// SPDX-License-Identifier: Apache-2.0
#include "reports/writers.h"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <fstream>
#include <iostream>
#include <ranges>
#include <system_error>

namespace hypervet::reports {
namespace {

constexpr std::array<Format, 6> kFormats = {{
    {"console", "txt", "plain text for a terminal or a log", write_console},
    {"html", "html", "one self-contained page to read and publish", write_html},
    {"json", "json", "one JSON document with all records and the digest", write_json},
    {"junit", "xml", "JUnit XML, for CI servers", write_junit},
    {"ktap", "ktap", "KTAP version 1, for kernel CI", write_ktap},
    {"sarif", "sarif", "SARIF 2.1.0, for code scanning", write_sarif},
}};

}  // namespace

std::span<const Format> formats() { return kFormats; }

const Format* find_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &Format::name);
  return found == kFormats.end() ? nullptr : &*found;
}

std::string format_names() {
  return fmt::format("{}", fmt::join(kFormats | std::views::transform(&Format::name), ", "));
}

std::expected<void, std::string> write_report(const Format& format, const Results& results,
                                              const std::string& path,
                                              const WriterOptions& options) {
  return write_file(format.name, path,
                    [&](std::ostream& out) { return format.write(results, out, options); });
}

std::expected<void, std::string> write_file(
    std::string_view name, const std::string& path,
    const std::function<WriterStatus(std::ostream&)>& write) {
  const auto failed = [&](std::string_view file, std::string_view action) {
    const std::string why = errno != 0 ? std::generic_category().message(errno) : "output error";
    return std::unexpected(fmt::format("{}: cannot {} the {} report: {}", file, action, name, why));
  };
  errno = 0;
  if (path == "-") {
    if (!write(std::cout)) return failed("standard output", "write");
    return {};
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) return failed(path, "create");
  errno = 0;
  const WriterStatus written = write(file);
  if (!written && file) {  // not the file's fault
    return std::unexpected(fmt::format("{}: {}", path, written.error()));
  }
  if (file) file.close();
  if (!file) return failed(path, "write");
  return {};
}

WriterStatus finish(std::ostream& out) {
  out.flush();
  if (!out) return std::unexpected("the output takes no more");
  return {};
}

}  // namespace hypervet::reports
