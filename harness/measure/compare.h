// SPDX-License-Identifier: Apache-2.0
// Judges build B against build A, path by path: the one entry for stored runs and for builds that
// were launched in turn. Pure: the same input and seed give the same answer; any thread.
//
// A path is compared in one of two ways. Costs that are counted (instructions under an emulator's
// clock, ticks of the simulator) and agree in all launches of a side are compared as they are, to
// the last digit. All others are measured: the launch is the sample, the ratio of the medians gets
// an interval by hierarchical bootstrap (bootstrap.h), and the interval decides (verdict.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/measure/paths.h"
#include "reports/comparison.h"
#include "reports/stream/records.h"

namespace hypervet::measure {

// One build: where its paths were timed, and the paths with their launches.
struct Build {
  std::string name;  // as the user named it
  reports::Run run;
  std::vector<reports::Path> paths;
};

// Build A launched as two sides, in turn like A and B.
struct AgainstItself {
  std::vector<reports::Path> first;
  std::vector<reports::Path> second;
};

struct CompareOptions {
  double margin = 0.02;     // changes of measured paths below are of no interest
  double exact_margin = 0;  // the same of counted paths
  double noisiest = 0.10;   // a noise floor above it makes a path that shows no change too noisy
  std::uint64_t draws = kDraws;  // of the bootstrap, per path
  std::uint64_t seed = kSeed;
  // A and B were launched in the order of plan(), and the launches of each stand in their order.
  // Then those that ran next to each other are compared as pairs, and drift and bursts cancel.
  bool in_turn = false;
};

// Rows for every path that has figures on at least one side. Without `aa`, or for a path that it
// lacks, the noise floor is the largest of those that the launches of either side show and those
// that the records state.
reports::TimingComparison compare(const Build& a, const Build& b,
                                  const std::optional<AgainstItself>& aa = std::nullopt,
                                  const CompareOptions& options = {});

// Why the two runs cannot be compared at all, in one line: another CPU, payload, kind of backend or
// lab. Empty: they can.
std::string obstacle(const reports::Run& a, const reports::Run& b);

}  // namespace hypervet::measure
