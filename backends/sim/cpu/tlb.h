// SPDX-License-Identifier: Apache-2.0
//
// Translation caches of one processor. Data entries hold a host pointer and exist for plain RAM
// only; writing is granted only where neither the accessed/dirty bits, the snapshot's dirty mark
// nor decoded code needs to hear of a store. One bank per privilege (supervisor, user), so a change
// of CPL flushes nothing.
#pragma once

#include <array>
#include <cstdint>

namespace hypervet::sim {

struct CodePage;

struct TlbEntry {
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::uint64_t read_tag = kNone;   // virtual page number
  std::uint64_t write_tag = kNone;  // virtual page number
  std::uintptr_t addend = 0;        // host address minus virtual address
};

struct TlbBank {
  static constexpr std::size_t kEntries = 256;
  std::array<TlbEntry, kEntries> entry;
  // Indexed by the first byte's page, compared with the last byte's: an access across a page
  // boundary never matches.
  TlbEntry& at(std::uint64_t address) { return entry[(address >> 12) % kEntries]; }
  void flush() { entry.fill(TlbEntry{}); }
};

struct CodeTlbEntry {
  std::uint64_t tag = TlbEntry::kNone;  // linear page number
  CodePage* page = nullptr;
};

struct CodeTlbBank {
  static constexpr std::size_t kEntries = 64;
  std::array<CodeTlbEntry, kEntries> entry;
  CodeTlbEntry& at(std::uint64_t address) { return entry[(address >> 12) % kEntries]; }
  void flush() { entry.fill(CodeTlbEntry{}); }
};

}  // namespace hypervet::sim
