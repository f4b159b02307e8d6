// SPDX-License-Identifier: Apache-2.0
// Machines to compare builds on, for tests of the statistics: a model of what shared machines do to
// timings, and one recording of what a real one did.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/measure/compare.h"
#include "harness/measure/figures.h"
#include "harness/measure/random.h"

namespace hypervet::measure::testing {

// Relative to a cost of 1,000 per operation.
struct Machine {
  double body = 0.03;          // of the log-normal body of the samples of a launch
  double interrupts = 0.01;    // share of samples that were interrupted: several times the cost
  double launch_shift = 0.01;  // standard deviation from launch to launch
  double drift = 0.02;         // over the whole session, linear
  double burst = 0;            // share of launches while a neighbour is awake ...
  double burst_cost = 0.2;     // ... which are dearer by about this
  double quantum = 1.0 / 64;   // samples are multiples of it: a tick over the batch
};

// What one comparison is made of: A/A first, then A and B, each in the order of plan().
struct Session {
  AgainstItself aa;
  Build a;
  Build b;
};

// One path `id`, in which B costs `change` times as much as A.
Session simulate(const Machine& machine, double change, std::size_t launches, std::size_t samples,
                 std::uint64_t seed, const std::string& id = "kvm.path.x");

// 60 launches in a row of batches of 64 getppid system calls (record_samples.cc) on a shared
// virtual machine with two processors, in TSC ticks. Launches agree within 1 % but for those with a
// neighbour on the other hardware thread, which are dearer by 5 to 25 %; single batches take up to
// 8,000 times the median.
enum class Recording {
  kOrdinary,  // 5 launches of 60 with a neighbour, the median of 640 places in a run of 700
  kBusy,      // 14 of 60, most of them in a row
};

// A session from a recording: blocks of four launches in their order go to A/A or to A and B at
// random, each as ABBA or BAAB at random; the samples of B are scaled by `change`.
Session resession(Recording recording, double change, std::uint64_t seed);

}  // namespace hypervet::measure::testing
