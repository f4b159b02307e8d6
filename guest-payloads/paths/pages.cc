// SPDX-License-Identifier: Apache-2.0
// Stores to pages: to ones that nobody has touched since the machine was made, or to the same ones
// a second time.
#include "guest-payloads/paths/path.h"

namespace hypervet::guest {

namespace {

constexpr std::uint64_t kPage = 4096, kMark = 0x68'7970'6572'7665;

volatile std::uint64_t& word_of(std::uint64_t page) {
  return *reinterpret_cast<volatile std::uint64_t*>(protocol::kPathPagesAddress + page * kPage);
}

}  // namespace

void page_path(PathRun& path) {
  const std::uint64_t pages = path.operations();
  if (path.loop() == protocol::PathLoop::kPageTouchAgain && !path.empty()) {
    for (std::uint64_t i = 0; i < pages; ++i) word_of(i) = 0;
  }
  std::uint64_t next = 0;
  path.time([&next] {
    word_of(next) = kMark + next;
    ++next;
    return true;
  });
  for (std::uint64_t i = 0; i < pages && !path.empty(); ++i) path.sum += word_of(i) == kMark + i;
  path.done();
}

}  // namespace hypervet::guest
