// SPDX-License-Identifier: Apache-2.0
//
// Decoded instructions of one machine, by physical page, offset and code width. The processors of
// the machine share it; a store to a decoded byte, by whomever, drops the records of its page.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "backends/machine/guest_memory.h"
#include "backends/sim/cpu/op.h"
#include "backends/sim/cpu/state.h"

namespace hypervet::sim {

// An instruction that starts in this page and ends in the next: valid only while the bytes match,
// since the second half may change or be mapped elsewhere.
struct CrossingCode {
  std::array<std::uint8_t, 15> bytes{};
  std::uint8_t length = 0;
  std::array<Op, 2> ops;  // the instruction, then the end of the run
};

struct CodePage {
  const std::uint8_t* host = nullptr;                     // the page's bytes
  std::array<std::uint16_t, machine::kPageSize> entry{};  // index into ops plus one; 0: not decoded
  std::vector<Op> ops;
  std::bitset<machine::kPageSize> decoded;                 // bytes that belong to some record
  std::array<std::unique_ptr<CrossingCode>, 15> crossing;  // by the bytes in this page, 1 to 14
};

class CodeCache final : public machine::CodeWatcher {
 public:
  explicit CodeCache(machine::GuestMemory& memory);
  ~CodeCache() override;
  CodeCache(const CodeCache&) = delete;
  CodeCache& operator=(const CodeCache&) = delete;

  // The records of a page that is RAM; marks the page, so that stores to it are noticed.
  CodePage& page(std::uint64_t number, CodeWidth width);
  void code_written(std::uint64_t gpa, std::size_t length) override;

  // kChanged is set in the running processor's attention word whenever records are dropped; they
  // are freed by collect(), since the processor may be executing one of them.
  static constexpr std::uint32_t kChanged = 1;
  void set_active(std::uint32_t* attention) { attention_ = attention; }
  void collect() { dropped_.clear(); }

  // Pages dropped because of stores, for tests.
  std::uint64_t drops() const { return drops_; }

 private:
  using Widths = std::array<std::unique_ptr<CodePage>, 3>;
  machine::GuestMemory& memory_;
  std::vector<std::unique_ptr<Widths>> pages_;
  std::vector<std::unique_ptr<Widths>> dropped_;
  std::uint32_t* attention_ = nullptr;
  std::uint64_t drops_ = 0;
};

}  // namespace hypervet::sim
