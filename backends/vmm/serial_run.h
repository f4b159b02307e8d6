// SPDX-License-Identifier: Apache-2.0
// One program, one boot: the VMM gives the program to the guest as module 0, and the frames come
// out of its serial line. Works with every VMM that has a 16550 at COM1.
#pragma once

#include "backends/backend.h"
#include "backends/vmm/vmm_process.h"

namespace hypervet::vmm {

// `job.limits.deadline` begins when the agent says hello. All bytes of the line are hostile.
backends::Outcome run_over_serial(const Surroundings& surroundings, const Plan& plan,
                                  const backends::Job& job);

}  // namespace hypervet::vmm
