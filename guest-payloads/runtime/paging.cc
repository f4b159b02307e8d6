// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/paging.h"

#include "guest-payloads/protocol/program.h"
#include "guest-payloads/runtime/instructions.h"
#include "guest-payloads/runtime/words.h"

namespace hypervet::guest {

extern "C" std::uint64_t hv_window[protocol::kWindowPages];

void map_window(std::uint64_t address, std::uint64_t physical, std::uint64_t flags) {
  constexpr std::uint64_t kFrame = 0x000f'ffff'ffff'f000;  // SDM vol. 3, table 4-20
  std::uint64_t entry = physical & kFrame;
  // MapFlags have the bits of a page-table entry but for the last.
  entry |= flags & (protocol::kMapPresent | protocol::kMapWritable | protocol::kMapUser);
  if ((flags & protocol::kMapNoExecute) != 0) entry |= 1ull << 63;
  const std::uint64_t index = (address - protocol::kWindowAddress) / 4096;
  __atomic_store_n(&hv_window[index], entry, __ATOMIC_RELAXED);
  invlpg(address);
}

void clear_window() { clear_words(hv_window, protocol::kWindowPages); }

void flush_tlb() {
  std::uint64_t cr3;
  asm volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "=r"(cr3) : : "memory");
}

}  // namespace hypervet::guest
