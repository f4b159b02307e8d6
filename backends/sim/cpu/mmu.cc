// SPDX-License-Identifier: Apache-2.0
//
// Translation of linear addresses and every memory access that misses the inline path: page walks
// (Intel SDM vol. 3, chapter 4), page-crossing accesses, MMIO, stores to pages with decoded code.
#include <algorithm>
#include <cstring>

#include "backends/sim/cpu/core.h"

namespace hypervet::sim {
namespace {

constexpr std::uint64_t kPageMask = machine::kPageSize - 1;
constexpr std::uint64_t kLocalApicPage = 0xfee00000;

constexpr std::uint64_t kPresent = 1, kWritable = 2, kUserPage = 4, kAccessed = 0x20, kDirty = 0x40,
                        kLarge = 0x80, kNoExecute = std::uint64_t{1} << 63;
constexpr std::uint64_t kAddressBits = 0x000ffffffffff000;

bool crosses_page(std::uint64_t at, unsigned size) {
  return (at & kPageMask) + size > machine::kPageSize;
}

std::uint64_t low_bytes(std::uint64_t value, unsigned size) {
  return size >= 8 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1);
}

}  // namespace

void Core::flush_translations() {
  for (TlbBank& bank : banks) bank.flush();
  for (CodeTlbBank& bank : code_banks) bank.flush();
  code_page = nullptr;
  epoch = memory.epoch();
}

bool Core::page_fault(std::uint64_t address, std::uint32_t error) {
  s.cr2 = address;
  return fault(kPageFault, error);
}

// One four-level walk. `may_write`: a later store needs no further walk.
bool Core::walk(std::uint64_t at, Access access, bool user, std::uint64_t& gpa, bool& may_write) {
  const bool nx_enabled = s.efer & efer::kNxe;
  std::uint32_t error =
      (access == Access::write ? page_fault::kWrite : 0) | (user ? page_fault::kUser : 0);
  if (access == Access::fetch && (nx_enabled || (s.cr4 & cr4::kSmep))) error |= page_fault::kFetch;

  const std::uint64_t beyond_physical = kAddressBits & ~((std::uint64_t{1} << physical_bits) - 1);
  std::uint64_t table = s.cr3 & kAddressBits;
  std::uint64_t slots[4];
  bool writable = true, user_page = true, no_execute = false;
  std::uint64_t entry = 0;
  int level = 3;
  for (;; --level) {
    const std::uint64_t slot = table + ((at >> (12 + 9 * level)) & 511) * 8;
    slots[level] = slot;
    // A table outside RAM reads as all ones, as an unclaimed bus does: reserved bits are set.
    entry = memory.load<std::uint64_t>(slot).value_or(~std::uint64_t{0});
    if (!(entry & kPresent)) return page_fault(at, error);
    const bool leaf = level == 0 || (level < 3 && (entry & kLarge));
    std::uint64_t reserved = beyond_physical | (nx_enabled ? 0 : kNoExecute);
    if (level == 3) reserved |= kLarge;
    // Bit 12 of a large page is PAT.
    if (leaf && level > 0)
      reserved |= ((std::uint64_t{1} << (12 + 9 * level)) - 1) & 0xfffffffffe000;
    if (entry & reserved) {
      return page_fault(at, error | page_fault::kPresent | page_fault::kReserved);
    }
    writable &= (entry & kWritable) != 0;
    user_page &= (entry & kUserPage) != 0;
    no_execute |= (entry & kNoExecute) != 0;
    if (leaf) break;
    table = entry & kAddressBits;
  }

  const bool write_allowed = writable || (!user && !(s.cr0 & cr0::kWp));
  bool allowed = !user || user_page;
  if (access == Access::write) allowed &= write_allowed;
  if (access == Access::fetch) {
    allowed &= !no_execute && !(!user && user_page && (s.cr4 & cr4::kSmep));
  }
  if (!allowed) return page_fault(at, error | page_fault::kPresent);

  const std::uint64_t wanted = kAccessed | (access == Access::write ? kDirty : 0);
  for (int i = 3; i >= level; --i) {
    const std::uint64_t bits = i == level ? wanted : kAccessed;
    if (auto old = memory.load<std::uint64_t>(slots[i]); old && (*old & bits) != bits) {
      memory.store<std::uint64_t>(slots[i], *old | bits);
    }
  }
  const std::uint64_t inside = (std::uint64_t{1} << (12 + 9 * level)) - 1;
  gpa = (entry & kAddressBits & ~inside) | (at & inside);
  may_write = write_allowed && ((entry | wanted) & kDirty);
  return true;
}

bool Core::page_present(std::uint64_t gpa, bool write) {
  synchronise();
  const AbsentPage answer = platform.page_absent(cpu, gpa, write);
  after_platform();
  switch (answer.action) {
    case AbsentPage::Action::present:
      return true;
    case AbsentPage::Action::retry:
      stop = StopReason::waiting;
      attention |= attention::kAbort;
      return false;
    case AbsentPage::Action::inject:
      return page_fault(answer.cr2, answer.error_code);
  }
  return true;
}

bool Core::translate(std::uint64_t at, Access access, bool user, std::uint64_t& gpa) {
  bool may_write = true;
  if (!(s.cr0 & cr0::kPg)) {
    gpa = at & 0xffffffff;
  } else {
    if (!canonical(at)) {
      return current != nullptr && inside_op && current->stack && access != Access::fetch
                 ? fault(kStackFault, 0)
                 : general_protection();
    }
    if (!walk(at, access, user, gpa, may_write)) return false;
  }
  const std::uint64_t page = gpa >> machine::kPageShift;
  if (page >= memory.page_count() || (gpa & ~kPageMask) == kLocalApicPage) return true;
  if (memory.is_absent(page)) {
    // Never cached: the next access must ask again.
    return page_present(gpa, access == Access::write);
  }
  if (access == Access::fetch) return true;
  if (access == Access::write) memory.mark_dirty(page);
  TlbEntry& e = banks[user].at(at);
  const std::uint64_t number = at >> machine::kPageShift;
  e.read_tag = number;
  e.write_tag =
      may_write && memory.is_dirty(page) && !memory.has_code(page) ? number : TlbEntry::kNone;
  e.addend = reinterpret_cast<std::uintptr_t>(memory.raw()) + (gpa & ~kPageMask) -
             (number << machine::kPageShift);
  return true;
}

bool Core::load_slow(std::uint64_t at, unsigned size, bool user, std::uint64_t& value) {
  const TlbEntry& cached = banks[user].at(at);
  if (cached.read_tag == (at + size - 1) >> machine::kPageShift) {
    value = 0;
    std::memcpy(&value, reinterpret_cast<const void*>(cached.addend + at), size);
    return true;
  }
  if (crosses_page(at, size)) {
    const unsigned first_part = static_cast<unsigned>(machine::kPageSize - (at & kPageMask));
    std::uint64_t low = 0, high = 0, unused;
    // Both pages are checked before either is read: a read of MMIO may have an effect.
    if (!translate(at, Access::read, user, unused) ||
        !translate(at + first_part, Access::read, user, unused)) {
      return false;
    }
    for (unsigned i = 0; i < first_part; ++i) {
      std::uint64_t byte;
      if (!load_slow(at + i, 1, user, byte)) return false;
      low |= byte << (8 * i);
    }
    for (unsigned i = first_part; i < size; ++i) {
      std::uint64_t byte;
      if (!load_slow(at + i, 1, user, byte)) return false;
      high |= byte << (8 * i);
    }
    value = low | high;
    return true;
  }
  std::uint64_t gpa;
  if (!translate(at, Access::read, user, gpa)) return false;
  if (memory.contains(gpa, size) && (gpa & ~kPageMask) != kLocalApicPage) {
    value = 0;
    std::memcpy(&value, memory.data() + gpa, size);
    return true;
  }
  synchronise();
  value = low_bytes(platform.mmio_read(cpu, gpa, size), size);
  charge(costs.mmio);
  after_platform();
  return true;
}

bool Core::store_slow(std::uint64_t at, unsigned size, bool user, std::uint64_t value) {
  const TlbEntry& cached = banks[user].at(at);
  if (cached.write_tag == (at + size - 1) >> machine::kPageShift) {
    std::memcpy(reinterpret_cast<void*>(cached.addend + at), &value, size);
    return true;
  }
  if (crosses_page(at, size)) {
    if (!probe_write(at, size, user)) return false;
    for (unsigned i = 0; i < size; ++i) {
      if (!store_slow(at + i, 1, user, (value >> (8 * i)) & 0xff)) return false;
    }
    return true;
  }
  std::uint64_t gpa;
  if (!translate(at, Access::write, user, gpa)) return false;
  if (memory.contains(gpa, size) && (gpa & ~kPageMask) != kLocalApicPage) {
    memory.note_write(gpa, size);
    std::memcpy(memory.raw() + gpa, &value, size);
    return true;
  }
  synchronise();
  platform.mmio_write(cpu, gpa, size, low_bytes(value, size));
  charge(costs.mmio);
  after_platform();
  return true;
}

bool Core::probe_write(std::uint64_t at, unsigned size, bool user) {
  std::uint64_t unused;
  if (!translate(at, Access::write, user, unused)) return false;
  return !crosses_page(at, size) || translate((at | kPageMask) + 1, Access::write, user, unused);
}

std::optional<std::uint64_t> Core::inspect(std::uint64_t at) const {
  if (!(s.cr0 & cr0::kPg)) return at & 0xffffffff;
  if (!canonical(at)) return std::nullopt;
  std::uint64_t table = s.cr3 & kAddressBits;
  for (int level = 3;; --level) {
    const auto entry = memory.load<std::uint64_t>(table + ((at >> (12 + 9 * level)) & 511) * 8);
    if (!entry || !(*entry & kPresent)) return std::nullopt;
    if (level == 0 || (level < 3 && (*entry & kLarge))) {
      const std::uint64_t inside = (std::uint64_t{1} << (12 + 9 * level)) - 1;
      return (*entry & kAddressBits & ~inside) | (at & inside);
    }
    table = *entry & kAddressBits;
  }
}

}  // namespace hypervet::sim
