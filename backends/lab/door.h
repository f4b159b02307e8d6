// SPDX-License-Identifier: Apache-2.0
// The inner side of a lab: runs in the emulated machine as the last step of its init. It says on
// the console that the machine is ready, stops the machine so that it can be saved, takes the job
// when the machine goes on, has it done, and says how it ended. What was loaded before it is called
// is part of the saved machine.
//
// Touches I/O ports of QEMU's devices: run it nowhere else. Main thread only.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace hypervet::lab {

// Does a job by its arguments and returns its exit status. Called in a process of its own, whose
// working folder, environment and output are the job's.
using Doer = std::function<int(const std::vector<std::string>& arguments)>;

// Returns the exit status of the job, or 3 after a `fail` line. `folder` is an existing folder for
// the job's files.
int serve_door(const Doer& doer, const std::filesystem::path& folder);

}  // namespace hypervet::lab
