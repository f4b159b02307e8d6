// SPDX-License-Identifier: Apache-2.0
// The I/O APIC at its usual place (82093AA datasheet, 3.0).
#pragma once

#include <cstdint>

namespace hypervet::guest {

// Leads a level-triggered line, active high, to this CPU. False: there is no I/O APIC, or it has no
// such pin.
bool open_line(std::uint64_t gsi, std::uint8_t vector);
void close_line(std::uint64_t gsi);

}  // namespace hypervet::guest
