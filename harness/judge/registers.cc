// SPDX-License-Identifier: Apache-2.0
#include "harness/judge/registers.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <string_view>

#include "harness/program/fields.h"

namespace hypervet::judge {
namespace {

using protocol::RegisterFile;

constexpr std::array<std::string_view, 18> kNames = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                                     "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                                     "r12", "r13", "r14", "r15", "rip", "rflags"};
constexpr std::size_t kRip = 16, kRflags = 17;
constexpr std::uint64_t kRf = 1 << 16;

std::array<std::uint64_t, 18> as_array(const RegisterFile& registers) {
  std::array<std::uint64_t, 18> result;
  static_assert(sizeof result == sizeof registers);
  std::memcpy(result.data(), &registers, sizeof result);
  return result;
}

bool looks_at(const Watched& what, std::size_t index) {
  if (index == kRip) return what.rip;
  if (index == kRflags) return true;
  if (what.compat && index >= 8) return false;
  return ((what.general >> index) & 1) != 0;
}

}  // namespace

Watched watched(const protocol::Op& op, bool all, bool faulted) {
  Watched result;
  if (!all) result.general &= ~program::result_registers(op.code);
  result.rip = all && faulted;
  result.compat = (op.flags & protocol::kCompat) != 0;
  return result;
}

std::string changes(const RegisterFile& before, const RegisterFile& after, const Watched& what) {
  const auto was = as_array(before);
  const auto is = as_array(after);
  std::string result;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (!looks_at(what, i)) continue;
    std::uint64_t mask = what.compat ? 0xffff'ffff : ~std::uint64_t{0};
    if (i == kRflags) mask &= ~kRf;
    if (((was[i] ^ is[i]) & mask) == 0) continue;
    result += fmt::format("{}{} = {:#x} (was {:#x})", result.empty() ? "" : ", ", kNames[i],
                          is[i] & mask, was[i] & mask);
  }
  return result;
}

std::string dump(const RegisterFile& registers) {
  const auto values = as_array(registers);
  std::string result;
  for (std::size_t i = 0; i < values.size(); ++i)
    result += fmt::format("{}{:>6} {:016x}", i % 6 == 0 ? (i == 0 ? "  " : "\n  ") : " ", kNames[i],
                          values[i]);
  return result + "\n";
}

}  // namespace hypervet::judge
