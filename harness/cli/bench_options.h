// SPDX-License-Identifier: Apache-2.0
// What to time, where and how: the options that bench and compare share. Main thread only.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/cli/execution.h"
#include "harness/measure/sampling.h"

namespace hypervet::cli {

inline constexpr int kNoisy = 6;  // exit status under --strict-env
// Raw samples of a path, over all launches, unless the user says otherwise.
inline constexpr std::size_t kUsualSamples = 1000;

struct BenchOptions {
  std::vector<std::string> globs;
  ExecutionOptions where;
  measure::SamplingOptions sampling{.samples = 0};  // 0 until settle()
  bool strict_environment = false;
  bool no_preflight = false;
};

// Costs are instructions there, which repeat, and no times.
bool counts_instructions(const ExecutionOptions& where);

void add_bench_options(const Application& application, CLI::App* verb, BenchOptions& options);

// Sizes that the user did not choose: as many samples a launch as give kUsualSamples in all, and
// batches of one operation where instructions are counted.
void settle(BenchOptions& options, std::size_t launches);

// What may spoil times on this machine, for the stream's notes; "" where instructions are counted,
// which nothing spoils. Throws Exit{kNoisy} under --strict-env.
std::string look_around(Application& application, const BenchOptions& options);

}  // namespace hypervet::cli
