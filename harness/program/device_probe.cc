// SPDX-License-Identifier: Apache-2.0
#include "harness/program/device_probe.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-payloads/protocol/virtio.h"
#include "harness/program/builder.h"
#include "harness/program/virtio/driver.h"
#include "harness/spec/on.h"

namespace hypervet::program {
namespace {

constexpr std::uint32_t kReadOp = 1;  // of the probe's two ops

std::string setting(const backends::Configuration& configuration, std::string_view name) {
  const auto found = configuration.settings.find(name);
  return found == configuration.settings.end() ? "" : found->second;
}

// The innermost feature of a device, of those that `name` requires, whose bit is not offered.
const spec::Feature* missing(const spec::Specs& specs, const std::string& name, std::uint64_t bits,
                             std::set<std::string>& path) {
  const auto found = specs.features.find(name);
  if (found == specs.features.end() || !path.insert(name).second) return nullptr;
  const spec::Feature& feature = found->second;
  for (const std::string& each : feature.requires_)
    if (const auto* inner = missing(specs, each, bits, path)) return inner;
  const bool absent = feature.virtio && (bits >> *feature.virtio & 1) == 0;
  return absent ? &feature : nullptr;
}

}  // namespace

DeviceProbe make_device_probe(const backends::Configuration& configuration) {
  DeviceProbe probe;
  for (const std::string_view name : {"device", "transport", "variant"}) {
    const std::string value = setting(configuration, name);
    if (!value.empty()) probe.configuration.settings.emplace(name, value);
  }
  const auto device = spec::word_value(spec::device_words(), setting(configuration, "device"));
  const auto transport =
      spec::word_value(spec::transport_words(), setting(configuration, "transport"));
  const auto features = static_cast<std::uint64_t>(protocol::VirtioRegister::kDeviceFeatures);
  Builder builder;
  builder.add(
      make_op(protocol::OpCode::kVirtioFind, {{device.value_or(0)}, {transport.value_or(0)}}));
  builder.add(make_op(protocol::OpCode::kVirtioRead, {{features}, {0}}));
  probe.program = builder.finish(probe.configuration.cpus, 0, 0);
  return probe;
}

std::optional<std::uint64_t> device_features(std::span<const Observation> observations) {
  for (const Observation& each : observations) {
    const auto* values = std::get_if<Values>(&each.payload);
    if (values == nullptr || each.header.kind != protocol::FrameKind::kValues ||
        each.header.op != kReadOp || values->size() < 2 || (*values)[1] == 0)
      continue;
    return values->front();
  }
  return std::nullopt;
}

std::string missing_of_device(const spec::Specs& specs, const spec::Case& a_case,
                              const spec::Binding& binding,
                              const backends::Configuration& configuration, std::uint64_t bits) {
  const auto reason = [&](std::string_view what, unsigned bit) {
    return fmt::format("the target's {} ({}) does not offer {} (bit {})",
                       setting(configuration, "device"), setting(configuration, "transport"), what,
                       bit);
  };
  if (virtio::Driver(binding).packed && (bits >> virtio::kRingPacked & 1) == 0)
    return reason("RING_PACKED", virtio::kRingPacked);
  for (const std::string& name : a_case.requires_) {
    std::set<std::string> path;
    const spec::Feature* absent = missing(specs, name, bits, path);
    if (absent == nullptr) continue;
    std::string text = reason(absent->name, *absent->virtio);
    if (absent->name != name) text += fmt::format(", which {} requires", name);
    return text;
  }
  return {};
}

}  // namespace hypervet::program
