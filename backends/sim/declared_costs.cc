// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/declared_costs.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace hypervet::sim {
namespace {

constexpr std::uint32_t kMostTicks = 1'000'000'000;

constexpr std::array<std::pair<std::string_view, std::uint32_t DeclaredCosts::*>, 5> kNames = {
    {{"hypercall", &DeclaredCosts::hypercall},
     {"cpuid", &DeclaredCosts::cpuid},
     {"pio", &DeclaredCosts::port_io},
     {"mmio", &DeclaredCosts::mmio},
     {"msr", &DeclaredCosts::msr}}};

std::uint32_t DeclaredCosts::* find(std::string_view name) {
  for (const auto& [known, member] : kNames) {
    if (known == name) return member;
  }
  return nullptr;
}

std::string names() {
  std::string list;
  for (const auto& [name, member] : kNames) {
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  return list;
}

}  // namespace

std::expected<DeclaredCosts, std::string> parse_costs(std::string_view text) {
  DeclaredCosts costs;
  for (;;) {
    const auto comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    const auto equals = one.find('=');
    const std::string_view name = one.substr(0, equals);
    const auto member = find(name);
    if (equals == one.npos || member == nullptr) {
      return std::unexpected(
          fmt::format("'{}' is no cost such as hypercall=1000; the names are {}", one, names()));
    }
    const std::string_view digits = one.substr(equals + 1);
    std::uint32_t ticks = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ticks);
    if (error != std::errc{} || end != digits.data() + digits.size() || ticks == 0 ||
        ticks > kMostTicks) {
      return std::unexpected(fmt::format("'{}': a cost is 1 to {} ticks", one, kMostTicks));
    }
    costs.*member = ticks;
    if (comma == text.npos) return costs;
    text.remove_prefix(comma + 1);
  }
}

void charge(const DeclaredCosts& declared, Costs& costs) {
  // The CPU adds its costs to the one tick of the instruction.
  costs.hypercall = declared.hypercall - 1;
  costs.cpuid = declared.cpuid - 1;
  costs.port_io = declared.port_io - 1;
  costs.mmio = declared.mmio - 1;
  costs.msr = declared.msr - 1;
}

}  // namespace hypervet::sim
