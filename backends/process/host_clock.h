// SPDX-License-Identifier: Apache-2.0
// How fast this machine's time-stamp counter runs: an emulated machine without an instruction
// clock hands it through, and its kernel is to be told rather than left to measure on a busy host.
#pragma once

#include <cstdint>

namespace hypervet::process {

// In kHz, measured over about 50 ms; any thread.
std::uint64_t host_tsc_khz();

}  // namespace hypervet::process
