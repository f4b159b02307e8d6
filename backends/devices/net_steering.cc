// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/net_steering.h"

#include <algorithm>

namespace hypervet::devices::net {

void Steering::use_flows(unsigned pairs) {
  pairs_ = pairs;
  table_.reset();
}

std::optional<Steering::Key> Steering::key_of(FrameView frame) {
  const Layers layers = layers_of(frame);
  if (layers.network == 0) return std::nullopt;
  const std::size_t width = layers.ipv6 ? 16 : 4;
  const std::size_t addresses = layers.network + (layers.ipv6 ? 8 : 12);
  std::array<std::array<std::uint8_t, 18>, 2> ends{};
  for (std::size_t i = 0; i < 2; ++i) {
    std::ranges::copy(frame.subspan(addresses + i * width, width), ends[i].begin());
    if (layers.transport != 0)
      std::ranges::copy(frame.subspan(layers.transport + 2 * i, 2), ends[i].begin() + 16);
  }
  std::ranges::sort(ends);
  Key key{layers.protocol, layers.ipv6 ? std::uint8_t{6} : std::uint8_t{4}};
  std::ranges::copy(ends[0], key.begin() + 2);
  std::ranges::copy(ends[1], key.begin() + 2 + ends[0].size());
  return key;
}

std::size_t Steering::place_of(const Key& key) {
  std::uint32_t hash = 2166136261;  // FNV-1a
  for (const std::uint8_t byte : key) hash = (hash ^ byte) * 16777619;
  return (hash ^ hash >> 16) % std::tuple_size_v<decltype(flows_)>;
}

void Steering::sent(FrameView frame, unsigned pair) {
  if (const auto key = key_of(frame)) flows_[place_of(*key)] = Flow{*key, pair};
}

unsigned Steering::queue_for(FrameView frame) const {
  if (table_) {
    const Hash hash = hash_of(frame, hash_);
    return hash.report == 0 ? table_->unclassified
                            : table_->queues[hash.value % table_->queues.size()];
  }
  const auto key = key_of(frame);
  if (!key) return 0;
  const auto& flow = flows_[place_of(*key)];
  return flow && flow->key == *key && flow->pair < pairs_ ? flow->pair : 0;
}

}  // namespace hypervet::devices::net
