// SPDX-License-Identifier: Apache-2.0
// hypervet report: any report from stored streams. Needs neither specs nor a backend.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <unordered_map>

#include "harness/cli/application.h"
#include "reports/stream/reader.h"
#include "reports/writers.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::vector<std::string> results;
  std::string format = "console";
  std::string output = "-";
  bool keep_going = false;
};

// Of the statuses of two shards the one that the whole run would have had.
int graver(int a, int b) {
  for (const int status : {kFailure, kBroken, kWaiver}) {
    if (a == status || b == status) return status;
  }
  return std::max(a, b);
}

void merge_clauses(std::vector<reports::Clause>& whole, std::vector<reports::Clause> part) {
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < whole.size(); ++i) places.emplace(whole[i].id, i);
  for (auto& clause : part) {
    const auto [place, is_new] = places.try_emplace(clause.id, whole.size());
    if (is_new) {
      whole.push_back(std::move(clause));
    } else {
      whole[place->second].cases += clause.cases;
    }
  }
}

void merge_interfaces(std::vector<reports::Interface>& whole,
                      std::vector<reports::Interface> part) {
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < whole.size(); ++i) places.emplace(whole[i].id, i);
  for (auto& interface : part) {
    const auto [place, is_new] = places.try_emplace(interface.id, whole.size());
    if (is_new) {
      whole.push_back(std::move(interface));
    } else {
      merge_clauses(whole[place->second].clauses, std::move(interface.clauses));
    }
  }
}

// Shards of one run become one: same target, specs, payload and seed, each case once.
void merge(reports::Results& whole, reports::Results part, const std::string& path) {
  const auto same = [&](std::string_view what, const std::string& a, const std::string& b) {
    if (a != b)
      throw Exit{kUsage, fmt::format("{}: another run: its {} is {}, not {}", path, what, b, a)};
  };
  same("target", whole.run.target, part.run.target);
  same("backend", whole.run.backend, part.run.backend);
  same("spec hash", whole.run.spec_hash, part.run.spec_hash);
  same("payload hash", whole.run.payload_hash, part.run.payload_hash);
  std::set<std::string> ids;
  for (const auto& record : whole.cases) ids.insert(record.id);
  for (auto& record : part.cases) {
    if (!ids.insert(record.id).second)
      throw Exit{kUsage, fmt::format("{}: {} stands in another stream too", path, record.id)};
    whole.cases.push_back(std::move(record));
  }
  ids.clear();
  for (const auto& record : whole.paths) ids.insert(record.id);
  for (auto& record : part.paths) {
    if (!ids.insert(record.id).second)
      throw Exit{kUsage, fmt::format("{}: {} stands in another stream too", path, record.id)};
    whole.paths.push_back(std::move(record));
  }
  merge_interfaces(whole.interfaces, std::move(part.interfaces));
  std::ranges::move(part.logs, std::back_inserter(whole.logs));
  std::ranges::move(part.others, std::back_inserter(whole.others));
  whole.run.planned += part.run.planned;
  if (!part.complete()) whole.summary.reset();
  if (whole.summary && part.summary) {
    whole.summary->counts = reports::count(whole.cases);
    whole.summary->planned += part.summary->planned;
    whole.summary->executed += part.summary->executed;
    whole.summary->waived += part.summary->waived;
    whole.summary->unexpected_pass += part.summary->unexpected_pass;
    whole.summary->conformant = whole.summary->conformant && part.summary->conformant;
    whole.summary->exit_status = graver(whole.summary->exit_status, part.summary->exit_status);
    whole.summary->wall_ns += part.summary->wall_ns;
  }
}

int execute(Application& application, const Options& options) {
  const auto* format = reports::find_format(options.format);
  if (format == nullptr) {
    throw Exit{kUsage, fmt::format("unknown report format '{}'; there are {}", options.format,
                                   reports::format_names())};
  }
  auto& terminal = application.terminal();
  std::optional<reports::Results> whole;
  for (const auto& path : options.results) {
    auto read = reports::read_results_file(
        path, options.keep_going ? reports::OnBadLine::kKeep : reports::OnBadLine::kStop);
    if (!read) throw Exit{kUsage, reports::to_string(read.error())};
    for (const auto& flaw : read->flaws) terminal.error("hypervet: " + reports::to_string(flaw));
    if (read->results.truncated)
      terminal.error(fmt::format("hypervet: {}: the last line is cut; the rest is reported", path));
    if (!whole) {
      whole = std::move(read->results);
    } else {
      merge(*whole, std::move(read->results), path);
    }
  }
  const auto written = reports::write_report(*format, *whole, options.output,
                                             {options.output == "-" && terminal.colour()});
  if (!written) throw Exit{kBroken, written.error()};
  return kConformant;
}

}  // namespace

void add_report(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb = application.verb(
      "report", "Make a report from stored results; several streams are shards of one run",
      [&application, options] { return execute(application, *options); });
  verb->add_option("RESULTS", options->results, "Streams; - is standard input")->required();
  verb->add_option("--format", options->format, "Format: " + reports::format_names())
      ->capture_default_str();
  verb->add_option("-o,--output", options->output, "File; - is standard output")
      ->capture_default_str();
  verb->add_flag("--keep-going", options->keep_going,
                 "Leave bad lines out instead of stopping at the first");
}

}  // namespace hypervet::cli
