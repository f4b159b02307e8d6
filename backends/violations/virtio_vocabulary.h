// SPDX-License-Identifier: Apache-2.0
// The rows of the vocabulary that are about virtio devices.
#pragma once

#include <span>

#include "backends/violations/vocabulary.h"

namespace hypervet::violations {

// In the order of the enumeration, from Seam::kRegister on.
std::span<const SeamEntry> virtio_seams();

}  // namespace hypervet::violations
