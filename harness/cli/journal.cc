// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/journal.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "harness/cli/application.h"
#include "reports/stream/reader.h"

namespace hypervet::cli {

namespace fs = std::filesystem;

Journal::Journal(std::string path, bool resuming, const reports::Run& run,
                 std::vector<reports::Interface> interfaces)
    : path_(std::move(path)) {
  if (resuming) {
    resume(run);
  } else {
    begin(run, std::move(interfaces));
  }
}

bool Journal::add(const reports::Case& record) {
  if (!write(record)) return false;
  results_.cases.push_back(record);
  return true;
}

bool Journal::add(const reports::Log& log) {
  if (!write(log)) return false;
  results_.logs.push_back(log);
  return true;
}

void Journal::finish(const reports::Summary& summary) {
  if (write(summary)) results_.summary = summary;
  if (auto closed = writer_->close(); !closed && !error_) error_ = closed.error();
}

void Journal::begin(const reports::Run& run, std::vector<reports::Interface> interfaces) {
  if (const auto folder = fs::path(path_).parent_path(); !folder.empty()) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw Exit{kBroken, fmt::format("{}: {}", folder.string(), error.message())};
  }
  auto writer = reports::StreamWriter::create(path_);
  if (!writer) throw Exit{kBroken, writer.error()};
  writer_.emplace(std::move(*writer));
  results_.run = run;
  results_.interfaces = std::move(interfaces);
  write(results_.run);
  for (const auto& interface : results_.interfaces) write(interface);
  if (error_) throw Exit{kBroken, *error_};
}

std::set<std::string> Journal::judged(const std::string& path) {
  const auto read = reports::read_results_file(path);
  if (!read) throw Exit{kUsage, reports::to_string(read.error())};
  std::set<std::string> ids;
  for (const auto& record : read->results.cases) ids.insert(record.id);
  return ids;
}

void Journal::resume(const reports::Run& run) {
  auto read = reports::read_results_file(path_);
  if (!read) throw Exit{kUsage, reports::to_string(read.error())};
  const auto& old = read->results.run;
  const auto same = [&](std::string_view what, const std::string& was, const std::string& is) {
    if (was != is) {
      throw Exit{kUsage, fmt::format("{}: cannot be continued: its {} is {}, now it is {}", path_,
                                     what, was, is)};
    }
  };
  same("spec hash", old.spec_hash, run.spec_hash);
  same("payload hash", old.payload_hash, run.payload_hash);
  same("backend", old.backend, run.backend);
  same("lab", old.lab, run.lab);
  same("target", old.target, run.target);
  same("seed", std::to_string(old.seed), std::to_string(run.seed));
  auto writer = reports::StreamWriter::resume(path_, read->resume_offset);
  if (!writer) throw Exit{kBroken, writer.error()};
  writer_.emplace(std::move(*writer));
  results_ = std::move(read->results);
  results_.summary.reset();
  results_.truncated = false;
}

bool Journal::write(const reports::Record& record) {
  if (error_) return false;
  if (auto written = writer_->write(record); !written) error_ = written.error();
  return !error_;
}

}  // namespace hypervet::cli
