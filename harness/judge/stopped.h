// SPDX-License-Identifier: Apache-2.0
// What a machine that did not finish was doing: for the reason and detail of hang, crash and error.
// Pure, any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "harness/program/compiled_case.h"
#include "harness/program/observations.h"

namespace hypervet::judge {

// The op that each CPU was in, by the backend's word or else by the frames; an index that the
// program has, or nothing.
std::vector<std::optional<std::uint32_t>> last_ops(
    const program::CompiledCase& compiled, const backends::Outcome& outcome,
    std::span<const program::Observation> observations);

// "cpu 0 in op 4: wrmsr ... (file:33); cpu 1 in no op"
std::string whereabouts(const program::CompiledCase& compiled,
                        const std::vector<std::optional<std::uint32_t>>& ops);

// Registers and instruction bytes of each CPU; "" if they are not known.
std::string states(const backends::Outcome& outcome);

// The Refused or Panic frame in words; "" if there is none.
std::string refusal(const program::CompiledCase& compiled,
                    std::span<const program::Observation> observations);
std::string panic(const program::CompiledCase& compiled,
                  std::span<const program::Observation> observations);

}  // namespace hypervet::judge
