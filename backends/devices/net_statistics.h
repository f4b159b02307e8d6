// SPDX-License-Identifier: Apache-2.0
// What the network device counts for its driver (virtio 1.4, 5.1.9.5.11): commands of the control
// queue, and checksums of receive and transmit queues. The other types it does not support.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backends/devices/net_header.h"
#include "backends/devices/net_packet.h"

namespace hypervet::devices::net {

class Statistics {
 public:
  // VIRTIO_NET_STATS_TYPE_..., as bits.
  static constexpr unsigned kReceiveCsum = 1, kTransmitCsum = 17, kControl = 32;
  static constexpr std::uint64_t kSupported = std::uint64_t{1} << kReceiveCsum |
                                              std::uint64_t{1} << kTransmitCsum |
                                              std::uint64_t{1} << kControl;

  explicit Statistics(unsigned queues = 0) : counts_(queues) {}

  void received(unsigned queue, const Header& header, FrameView frame);
  void sent(unsigned queue, bool partial);
  void command(unsigned queue) { ++counts_[queue][0]; }
  void command_done(unsigned queue) { ++counts_[queue][1]; }

  // VIRTIO_NET_CTRL_STATS_GET, which is itself a command that will be done. nullopt: something in
  // the request is wrong. `control_queue` is the last queue that there is for this driver.
  std::optional<std::vector<std::uint8_t>> reply(std::span<const std::uint8_t> request,
                                                 unsigned control_queue,
                                                 std::uint64_t features) const;

 private:
  // Of each queue, in the order of its structure.
  std::vector<std::array<std::uint64_t, 4>> counts_;
};

}  // namespace hypervet::devices::net
