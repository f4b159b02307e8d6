// SPDX-License-Identifier: Apache-2.0
// The inner side of a lab: runs in the emulated machine as the last step of its init. It says on
// the console that the machine is ready, stops the machine so that it can be saved, takes the job
// when the machine goes on, does it, and says how it ended.
//
// Touches I/O ports of QEMU's devices: run it nowhere else. Main thread only.
#pragma once

#include <filesystem>

namespace hypervet::lab {

// Returns the exit status of the job, or 3 after a `fail` line. `hypervet` is the program that does
// the job, `folder` an existing empty folder for the job's files.
int serve_door(const std::filesystem::path& hypervet, const std::filesystem::path& folder);

}  // namespace hypervet::lab
