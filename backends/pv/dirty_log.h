// SPDX-License-Identifier: Apache-2.0
// What a reading of the dirty log gives the VMM. KVM keeps the log; here the machine does, and
// this is where a violation of it is committed. Stateless.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/violations/interposer.h"

namespace hypervet::pv {

// Page numbers, ascending: `written` since the last reading, whose answer was `before`, in a
// machine of `page_count` pages.
std::vector<std::uint32_t> read_dirty_log(violations::Interposer& interposer,
                                          std::vector<std::uint32_t> written,
                                          const std::vector<std::uint32_t>& before,
                                          std::uint64_t page_count);

}  // namespace hypervet::pv
