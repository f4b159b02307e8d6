// SPDX-License-Identifier: Apache-2.0
#include "harness/program/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "harness/program/builder.h"

namespace hypervet::program {
namespace {

using Registers = std::array<std::uint32_t, 4>;  // EAX EBX ECX EDX
using Leaves = std::map<std::uint32_t, Registers>;

// Hypervisor leaves lie in blocks of 0x100 from here; a host with two interfaces offers the second
// one a block higher.
constexpr std::uint32_t kHypervisorLeaves = 0x4000'0000;
constexpr std::uint32_t kBlock = 0x100;

bool moves(std::uint32_t leaf) { return (leaf & ~(kBlock - 1)) == kHypervisorLeaves; }
std::uint32_t moved(std::uint32_t leaf, std::uint32_t by) { return moves(leaf) ? leaf + by : leaf; }

bool condition_holds(const spec::Feature& feature, const Leaves& leaves, std::uint32_t by) {
  if (feature.virtio) return false;
  const auto found = leaves.find(moved(feature.leaf, by));
  if (found == leaves.end()) return false;
  const Registers& registers = found->second;
  if (feature.signature)
    return std::equal(feature.signature->begin(), feature.signature->end(), registers.begin() + 1);
  return feature.reg < 4 && feature.bit < 32 && ((registers[feature.reg] >> feature.bit) & 1) != 0;
}

// With all that it requires. `path` cuts circles: a feature that requires itself never holds.
bool holds(const spec::Specs& specs, const std::string& name, const Leaves& leaves,
           std::uint32_t by, std::set<std::string>& path) {
  const auto found = specs.features.find(name);
  if (found == specs.features.end() || !path.insert(name).second) return false;
  bool result = condition_holds(found->second, leaves, by);
  for (const std::string& each : found->second.requires_)
    result = result && holds(specs, each, leaves, by, path);
  path.erase(name);
  return result;
}

std::string condition_text(const spec::Feature& feature) {
  constexpr std::array<std::string_view, 4> kNames = {"EAX", "EBX", "ECX", "EDX"};
  if (feature.signature) return fmt::format("CPUID {:#x} signature", feature.leaf);
  return fmt::format("CPUID {:#x} {} bit {}", feature.leaf, kNames.at(feature.reg & 3),
                     feature.bit);
}

// The innermost absent feature that explains why `name` is not offered.
const spec::Feature* culprit(const spec::Specs& specs, const std::set<std::string>& offered,
                             const std::string& name, std::set<std::string>& path) {
  const auto found = specs.features.find(name);
  if (found == specs.features.end() || !path.insert(name).second) return nullptr;
  for (const std::string& each : found->second.requires_)
    if (!offered.contains(each))
      if (const auto* inner = culprit(specs, offered, each, path)) return inner;
  return &found->second;
}

}  // namespace

Probe make_probe(const spec::Specs& specs, const backends::Configuration& configuration) {
  std::set<std::uint32_t> leaves;
  for (const auto& [name, feature] : specs.features) {
    if (feature.virtio) continue;  // asked of each device
    leaves.insert(feature.leaf);
    if (moves(feature.leaf)) leaves.insert(feature.leaf + kBlock);
  }
  Probe probe;
  probe.configuration = configuration;
  probe.leaves.assign(leaves.begin(), leaves.end());
  Builder builder;
  for (const std::uint32_t leaf : probe.leaves)
    builder.add(make_op(protocol::OpCode::kCpuid, {{leaf}, {0}}));
  probe.program = builder.finish(configuration.cpus, 0, 0);
  return probe;
}

std::expected<std::set<std::string>, std::string> offered_features(
    const spec::Specs& specs, const Probe& probe, std::span<const Observation> observations) {
  Leaves leaves;
  for (const Observation& each : observations) {
    const protocol::ExecutedPayload* executed = each.executed();
    if (executed == nullptr || each.header.kind != protocol::FrameKind::kExecuted) continue;
    if (each.header.op >= probe.leaves.size())
      return std::unexpected(fmt::format("the probe has no op {}", each.header.op));
    const std::uint32_t leaf = probe.leaves[each.header.op];
    if (each.fault() != nullptr)
      return std::unexpected(fmt::format("CPUID {:#x} raised vector {}", leaf, executed->vector));
    const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    leaves[leaf] = {low(executed->after.rax), low(executed->after.rbx), low(executed->after.rcx),
                    low(executed->after.rdx)};
  }
  for (const std::uint32_t leaf : probe.leaves)
    if (!leaves.contains(leaf))
      return std::unexpected(fmt::format("the agent did not report CPUID {:#x}", leaf));
  std::set<std::string> offered;
  for (const auto& [name, feature] : specs.features)
    for (const std::uint32_t by : {std::uint32_t{0}, kBlock}) {
      std::set<std::string> path;
      if (holds(specs, name, leaves, by, path)) offered.insert(name);
    }
  return offered;
}

std::string missing_reason(const spec::Specs& specs, const std::set<std::string>& offered,
                           std::string_view feature) {
  std::set<std::string> path;
  const spec::Feature* absent = culprit(specs, offered, std::string(feature), path);
  if (absent == nullptr) return fmt::format("the target does not offer {}", feature);
  const std::string what =
      fmt::format("the target does not offer {} ({})", absent->name, condition_text(*absent));
  return absent->name == feature ? what : fmt::format("{}, which {} requires", what, feature);
}

}  // namespace hypervet::program
