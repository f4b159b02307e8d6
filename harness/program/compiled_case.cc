// SPDX-License-Identifier: Apache-2.0
#include "harness/program/compiled_case.h"

#include <fmt/format.h>

#include "guest-payloads/protocol/layout.h"

namespace hypervet::program {

std::string to_string(const Context& context) {
  std::string text;
  if (context.on) text = fmt::format("cpu {}", *context.on);
  if (context.handler)
    text += fmt::format("{}handler of vector {:#x}", text.empty() ? "" : ", ", *context.handler);
  return text;
}

std::uint64_t physical(const std::map<std::uint64_t, std::uint64_t>& window,
                       std::uint64_t address) {
  constexpr std::uint64_t kOffset = 0xfff;
  if (address >= protocol::kHighAlias) return address - protocol::kHighAlias;
  const auto found = window.find(address & ~kOffset);
  return found == window.end() ? address : found->second + (address & kOffset);
}

}  // namespace hypervet::program
