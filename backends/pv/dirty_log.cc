// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/dirty_log.h"

#include <algorithm>
#include <iterator>
#include <numeric>

namespace hypervet::pv {

std::vector<std::uint32_t> read_dirty_log(violations::Interposer& interposer,
                                          std::vector<std::uint32_t> written,
                                          const std::vector<std::uint32_t>& before,
                                          std::uint64_t page_count) {
  if (interposer.switched("dirty-log-empty")) return {};
  if (interposer.switched("dirty-log-all")) {
    written.resize(page_count);
    std::iota(written.begin(), written.end(), 0u);
  }
  if (interposer.switched("dirty-log-keeps")) {
    std::vector<std::uint32_t> both;
    std::ranges::set_union(written, before, std::back_inserter(both));
    return both;
  }
  return written;
}

}  // namespace hypervet::pv
