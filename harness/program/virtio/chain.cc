// SPDX-License-Identifier: Apache-2.0
#include "harness/program/virtio/chain.h"

#include <fmt/format.h>

#include <cstring>

namespace hypervet::program::virtio {
namespace {

constexpr std::uint64_t kAlign = 16;
constexpr std::uint64_t kImageSize = 1024;  // an area up to that is written as one

constexpr std::uint64_t aligned(std::uint64_t at) { return (at + kAlign - 1) & ~(kAlign - 1); }

std::vector<std::byte> canary_bytes(const Canary& canary) {
  std::vector<std::byte> bytes;
  for (std::uint64_t i = 0; i < canary.size; ++i)
    bytes.push_back(std::byte{canary_byte(canary.address + i)});
  return bytes;
}

}  // namespace

void lay_out(const std::string& name, std::uint64_t area, Chain& chain) {
  chain.area = area;
  std::uint64_t at = area;
  const auto canary = [&](const Part& part, std::uint64_t address, std::string_view side,
                          std::size_t index) {
    if (part.canary == 0) return;
    const std::string which =
        part.name.empty() ? fmt::format("part {} of {}", index, name) : name + "." + part.name;
    chain.canaries.push_back(
        {address - area, part.canary, address, fmt::format("{} {}", side, which)});
  };
  for (std::size_t i = 0; i < chain.parts.size(); ++i) {
    Part& part = chain.parts[i];
    if (part.elsewhere) continue;
    part.address = aligned(at + part.canary);
    canary(part, part.address - part.canary, "before", i);
    at = part.address + part.size;
    canary(part, at, "behind", i);
    at += part.canary;
  }
  if (chain.indirect) {
    chain.table = aligned(at);
    at = chain.table + kDescriptorSize * chain.parts.size();
  }
  chain.size = at - area;
}

std::vector<Descriptor> part_descriptors(const Chain& chain) {
  std::vector<Descriptor> descriptors;
  for (const Part& part : chain.parts)
    descriptors.push_back({part.address, static_cast<std::uint32_t>(part.size),
                           part.writable ? kWrite : std::uint16_t{0}});
  return descriptors;
}

std::vector<Descriptor> ring_descriptors(const Chain& chain) {
  if (!chain.indirect) return part_descriptors(chain);
  const auto length = static_cast<std::uint32_t>(kDescriptorSize * chain.parts.size());
  return {{chain.table, length, kIndirect}};
}

Content content_of(const Chain& chain, bool packed) {
  Content content;
  Stores stores;
  std::vector<std::byte> image(chain.size <= kImageSize ? chain.size : 0);
  const bool one = !image.empty();
  const auto put = [&](std::uint64_t address, const std::vector<std::byte>& bytes) {
    if (bytes.empty()) return;
    if (one)
      std::memcpy(image.data() + (address - chain.area), bytes.data(), bytes.size());
    else
      stores.put(address, bytes);
  };
  bool anything = false;
  for (const Part& part : chain.parts) {
    if (part.elsewhere) continue;
    anything = anything || !part.content.empty() || part.fill != 0 || part.canary != 0;
    if (!part.content.empty()) {
      put(part.address, part.content);
    } else if (part.fill != 0 && one) {
      put(part.address, std::vector<std::byte>(part.size, std::byte{part.fill}));
    } else if (part.fill != 0) {
      content.fills.push_back({part.address, part.size, part.fill});
    }
  }
  for (const Canary& each : chain.canaries) put(each.address, canary_bytes(each));
  if (chain.indirect) put(chain.table, indirect_table(part_descriptors(chain), packed));
  if (one && (anything || chain.indirect)) stores.put(chain.area, image);
  content.stores = stores.take();
  return content;
}

}  // namespace hypervet::program::virtio
