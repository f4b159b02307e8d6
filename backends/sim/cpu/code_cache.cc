// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/cpu/code_cache.h"

namespace hypervet::sim {
namespace {

bool touches(const CodePage& page, std::size_t offset, std::size_t length) {
  for (std::size_t i = offset; i < offset + length; ++i) {
    if (page.decoded[i]) return true;
  }
  return false;
}

}  // namespace

CodeCache::CodeCache(machine::GuestMemory& memory) : memory_(memory) {
  pages_.resize(memory.page_count());
  memory_.set_code_watcher(this);
}

CodeCache::~CodeCache() {
  memory_.set_code_watcher(nullptr);
  for (std::size_t number = 0; number < pages_.size(); ++number) {
    if (pages_[number] != nullptr) memory_.clear_code(number);
  }
}

CodePage& CodeCache::page(std::uint64_t number, CodeWidth width) {
  std::unique_ptr<Widths>& slot = pages_[number];
  if (slot == nullptr) {
    slot = std::make_unique<Widths>();
    memory_.mark_code(number);
  }
  std::unique_ptr<CodePage>& page = (*slot)[static_cast<std::size_t>(width)];
  if (page == nullptr) page = std::make_unique<CodePage>();
  return *page;
}

void CodeCache::code_written(std::uint64_t gpa, std::size_t length) {
  const std::uint64_t number = gpa >> machine::kPageShift;
  std::unique_ptr<Widths>& slot = pages_[number];
  if (slot == nullptr) return;
  const std::size_t offset = gpa & (machine::kPageSize - 1);
  bool hit = false;
  for (const auto& page : *slot) hit |= page != nullptr && touches(*page, offset, length);
  if (!hit) return;
  dropped_.push_back(std::move(slot));
  memory_.clear_code(number);
  ++drops_;
  if (attention_ != nullptr) *attention_ |= kChanged;
}

}  // namespace hypervet::sim
