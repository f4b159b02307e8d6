// SPDX-License-Identifier: Apache-2.0
#include "harness/program/virtio/driver.h"

#include <algorithm>

#include "harness/spec/on.h"

namespace hypervet::program::virtio {
namespace {

std::uint64_t parameter(const spec::Binding& binding, std::string_view name) {
  const auto found =
      std::ranges::find(binding.values, name, [](const auto& each) { return each.first; });
  return found == binding.values.end() ? 0 : found->second;
}

}  // namespace

// `rings: any` makes no parameter: then it is the split ring, 0.
Driver::Driver(const spec::Binding& binding)
    : device(parameter(binding, spec::kDeviceParameter)),
      pci(parameter(binding, spec::kTransportParameter) ==
          static_cast<std::uint64_t>(protocol::VirtioTransport::kPci)),
      packed(parameter(binding, spec::kRingParameter) != 0) {}

std::string_view Driver::device_word() const {
  return spec::word_text(spec::device_words(), device);
}

}  // namespace hypervet::program::virtio
