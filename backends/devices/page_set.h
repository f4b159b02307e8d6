// SPDX-License-Identifier: Apache-2.0
// A set of guest pages below 4 GiB, where all RAM of hypervet's own machines is. Of constant size,
// whatever the guest puts in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hypervet::devices {

class PageSet {
 public:
  static constexpr std::uint64_t kPages = std::uint64_t{1} << 20;
  static constexpr std::uint64_t kPageSize = 4096;

  // Pages that the set cannot hold are ignored.
  void insert(std::uint64_t page) { put(page, true); }
  void erase(std::uint64_t page) { put(page, false); }
  // The pages that lie wholly in [address, address + length), `most` of them at most.
  void insert_range(std::uint64_t address, std::uint64_t length, std::uint64_t most) {
    const std::uint64_t first = address / kPageSize + (address % kPageSize != 0 ? 1 : 0);
    const std::uint64_t end = length > ~address ? 0 : (address + length) / kPageSize;
    for (std::uint64_t page = first; page < end && page < kPages && page - first < most; ++page)
      insert(page);
  }
  bool contains(std::uint64_t page) const { return page < pages_.size() && pages_[page]; }
  std::size_t size() const { return size_; }
  // The lowest page; the set has one.
  std::uint64_t first() const {
    return static_cast<std::uint64_t>(std::ranges::find(pages_, true) - pages_.begin());
  }
  void clear() {
    pages_.clear();
    size_ = 0;
  }

 private:
  void put(std::uint64_t page, bool in) {
    if (page >= kPages || contains(page) == in) return;
    if (pages_.size() <= page) pages_.resize(page + 1);
    pages_[page] = in;
    size_ += in ? 1 : std::size_t(-1);
  }

  std::vector<bool> pages_;
  std::size_t size_ = 0;
};

}  // namespace hypervet::devices
