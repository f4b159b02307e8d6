// SPDX-License-Identifier: Apache-2.0
// The window of 4 KiB pages that the Map op fills. All other mappings are fixed in tables.S.
#pragma once

#include <cstdint>

#include "guest-payloads/protocol/layout.h"

namespace hypervet::guest {

constexpr bool in_window(std::uint64_t address) {
  return address >= protocol::kWindowAddress &&
         address - protocol::kWindowAddress < protocol::kWindowPages * 4096ull;
}

// Maps the page at `address` (in the window) to `physical` with protocol::MapFlags and flushes its
// entry on this CPU.
void map_window(std::uint64_t address, std::uint64_t physical, std::uint64_t flags);

// Unmaps all of the window. Each CPU then flushes its own TLB.
void clear_window();
// All entries of this CPU but global ones, of which there are none.
void flush_tlb();

}  // namespace hypervet::guest
