// SPDX-License-Identifier: Apache-2.0
// Which receive queue a frame goes to (virtio 1.4, 5.1.9.5.5 to 5.1.9.5.7): the one whose transmit
// queue last sent of its flow, or as the driver's indirection table says.
//
// Of constant size: flows that share a place in the table displace each other.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "backends/devices/net_hash.h"
#include "backends/devices/net_packet.h"

namespace hypervet::devices::net {

inline constexpr std::size_t kMaxIndirection = 128;  // rss_max_indirection_table_length

// virtio_net_rss_config without the hash's settings; receive queues are numbered from 0.
struct RssTable {
  std::uint16_t unclassified = 0;
  std::vector<std::uint16_t> queues;  // a power of two of them
};

class Steering {
 public:
  // Steering by flow among the first `pairs` receive queues, or by the table.
  void use_flows(unsigned pairs);
  void use_table(RssTable table) { table_ = std::move(table); }
  bool by_table() const { return table_.has_value(); }
  HashSettings& hash() { return hash_; }
  const HashSettings& hash() const { return hash_; }

  // A frame of this flow left through that transmit queue.
  void sent(FrameView frame, unsigned pair);
  unsigned queue_for(FrameView frame) const;

 private:
  // Protocol and both ends, the lesser first: the same for both directions.
  using Key = std::array<std::uint8_t, 38>;
  struct Flow {
    Key key{};
    unsigned pair = 0;
  };
  static std::optional<Key> key_of(FrameView frame);
  static std::size_t place_of(const Key& key);

  unsigned pairs_ = 1;
  std::optional<RssTable> table_;
  HashSettings hash_;
  std::array<std::optional<Flow>, 256> flows_{};
};

}  // namespace hypervet::devices::net
