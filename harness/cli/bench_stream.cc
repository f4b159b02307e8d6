// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/bench_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "harness/measure/paths.h"
#include "reports/stream/writer.h"

namespace hypervet::cli {

reports::Results results_of(Benched benched, const std::string& notes) {
  reports::Results results;
  results.run = std::move(benched.run);
  if (!notes.empty())
    results.run.notes += fmt::format("{}{}", results.run.notes.empty() ? "" : "\n", notes);
  results.paths = std::move(benched.paths);
  results.logs = std::move(benched.logs);
  measure::complete(results.paths);
  return results;
}

int bench_status(const std::vector<reports::Path>& paths) {
  const auto failed = [](const auto& path) { return path.reason.contains("failed: "); };
  if (std::ranges::any_of(paths, failed)) return kFailure;
  return std::ranges::any_of(paths, &reports::Path::measured) ? kConformant : kBroken;
}

void write_stream(const reports::Results& results, const std::string& path) {
  namespace fs = std::filesystem;
  if (const auto folder = fs::path(path).parent_path(); !folder.empty()) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw Exit{kBroken, fmt::format("{}: {}", folder.string(), error.message())};
  }
  auto writer = reports::StreamWriter::create(path);
  if (!writer) throw Exit{kBroken, writer.error()};
  const auto write = [&](const reports::Record& record) {
    if (auto written = writer->write(record); !written) throw Exit{kBroken, written.error()};
  };
  write(results.run);
  for (const auto& timed : results.paths) write(timed);
  for (const auto& log : results.logs) write(log);
  if (results.summary) write(*results.summary);
  if (auto closed = writer->close(); !closed) throw Exit{kBroken, closed.error()};
}

}  // namespace hypervet::cli
