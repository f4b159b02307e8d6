// SPDX-License-Identifier: Apache-2.0
// A hot path at one point of its matrix, as a program for the agent. Pure: the same input gives the
// same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <set>
#include <vector>

#include "backends/backend.h"
#include "guest-payloads/protocol/host_verbs.h"
#include "harness/spec/path.h"

namespace hypervet::program {

// What a path wants of its machine and of the agent.
struct PathPlan {
  spec::Operation operation;
  backends::Configuration configuration;
  std::set<protocol::HostVerb> host_verbs;  // that the backend must have
};

std::expected<PathPlan, spec::Diagnostic> plan_path(const spec::Specs& specs,
                                                    const spec::Interface& an_interface,
                                                    const spec::Path& path,
                                                    const spec::Measure& measure,
                                                    const spec::Binding& binding);

// Sizes of one measurement, within the bounds of protocol/paths.h.
struct PathSizes {
  std::uint64_t samples = 0;
  std::uint64_t warmup = 0;
  std::uint64_t batch = 0;
};

// The ops of a path's program, in this order.
enum PathOp : std::uint32_t {
  kEmptyOp = 0,  // kMeasure, empty
  kLoopOp = 1,   // kMeasure
  kRingsOp = 2,  // kHost count-rings, if the loop's proof is kDoorbell
};

// For a loop that the host measures (PathProof::kHostClock): a program of no ops.
std::vector<std::byte> path_program(const spec::Operation& operation, const PathSizes& sizes);

}  // namespace hypervet::program
