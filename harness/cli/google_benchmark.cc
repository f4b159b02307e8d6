// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/google_benchmark.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <memory>

namespace hypervet::cli {
namespace {

// What the library wants to show is shown better elsewhere.
class Silence : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>&) override {}
};

// Replays the samples of a path: the library calls the body once per repetition.
void enlist(const reports::Path& path) {
  std::size_t fewest = path.launches.front().size();
  for (const auto& launch : path.launches) fewest = std::min(fewest, launch.size());
  if (fewest == 0) return;
  auto next = std::make_shared<std::size_t>(0);
  benchmark::RegisterBenchmark(path.id.c_str(),
                               [&path, next](benchmark::State& state) {
                                 const auto& samples =
                                     path.launches[(*next)++ % path.launches.size()];
                                 std::size_t i = 0;
                                 // A batch that took less than the empty loop is a time below
                                 // nothing, which it is not.
                                 for (auto _ : state)
                                   state.SetIterationTime(std::max(0.0, samples[i++]) * 1e-9);
                               })
      ->UseManualTime()
      ->Unit(benchmark::kNanosecond)
      ->Iterations(static_cast<benchmark::IterationCount>(fewest))
      ->Repetitions(static_cast<int>(path.launches.size()));
}

}  // namespace

std::expected<void, std::string> write_google_benchmark(const std::vector<reports::Path>& paths,
                                                        const std::string& file) {
  // The library ends the process when it cannot write.
  if (std::ofstream probe(file, std::ios::app); !probe)
    return std::unexpected(fmt::format("{}: {}", file, std::strerror(errno)));
  for (const auto& path : paths) {
    if (path.measured()) enlist(path);
  }
  auto out = "--benchmark_out=" + file;
  std::string name = "hypervet";
  std::string format = "--benchmark_out_format=json";
  std::array<char*, 3> arguments = {name.data(), out.data(), format.data()};
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  Silence silence;
  benchmark::RunSpecifiedBenchmarks(&silence);
  benchmark::ClearRegisteredBenchmarks();
  return {};
}

}  // namespace hypervet::cli
