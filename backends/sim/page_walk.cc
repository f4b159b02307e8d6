// SPDX-License-Identifier: Apache-2.0
// Intel SDM vol. 3, 4.5 (4-level paging) and 4.6 (access rights).
#include "backends/sim/page_walk.h"

namespace hypervet::sim {
namespace {

constexpr std::uint64_t kPresent = 1, kWritable = 2, kUser = 4, kLarge = 0x80;
constexpr std::uint64_t kAddress = 0x000f'ffff'ffff'f000;

}  // namespace

std::expected<std::uint64_t, WalkFault> walk_for_write(const machine::GuestMemory& memory,
                                                       const CpuState& state, unsigned cpl,
                                                       std::uint64_t linear) {
  if (!(state.cr0 & cr0::kPg)) return linear & 0xffff'ffff;
  const std::uint32_t access = page_fault::kWrite | (cpl == 3 ? page_fault::kUser : 0);
  if (!(state.efer & efer::kLma)) return std::unexpected(WalkFault{access, true});

  std::uint64_t table = state.cr3 & kAddress;
  std::uint64_t rights = kWritable | kUser;
  for (unsigned shift = 39;; shift -= 9) {
    const auto entry = memory.load<std::uint64_t>(table + ((linear >> shift) & 0x1ff) * 8);
    if (!entry) return std::unexpected(WalkFault{access, true});
    if (!(*entry & kPresent)) return std::unexpected(WalkFault{access, false});
    rights &= *entry;
    const bool leaf = shift == 12 || (shift <= 30 && (*entry & kLarge));
    if (!leaf) {
      table = *entry & kAddress;
      continue;
    }
    const bool writable = (rights & kWritable) || (cpl != 3 && !(state.cr0 & cr0::kWp));
    if (!writable || (cpl == 3 && !(rights & kUser))) {
      return std::unexpected(WalkFault{access | page_fault::kPresent, false});
    }
    const std::uint64_t low = (std::uint64_t{1} << shift) - 1;
    return (*entry & kAddress & ~low) | (linear & low);
  }
}

}  // namespace hypervet::sim
