// SPDX-License-Identifier: Apache-2.0
// The parts of the table of verbs, a file each. Internal to verbs.cc; constant data.
#pragma once

#include <span>

#include "harness/spec/verbs.h"

namespace hypervet::spec {

std::span<const Verb> machine_verbs();  // verbs_machine.cc
std::span<const Verb> virtio_verbs();   // verbs_virtio.cc

}  // namespace hypervet::spec
