// SPDX-License-Identifier: Apache-2.0
// Which frames of the wire the driver gets (virtio 1.4, 5.1.9.5.1 to 5.1.9.5.3).
#pragma once

#include <bitset>
#include <cstdint>
#include <set>

#include "backends/devices/net_packet.h"

namespace hypervet::devices::net {

struct Filter {
  static constexpr std::size_t kMaxAddresses = 64;  // of each table

  bool promiscuous = false;
  bool all_multicast = false;
  bool all_unicast = false;
  bool no_multicast = false;
  bool no_unicast = false;
  bool no_broadcast = false;
  MacAddress mac{};
  // The driver may have an address of its own that the device was not told of: then unicast cannot
  // be filtered.
  bool mac_known = false;
  std::set<MacAddress> unicast;
  std::set<MacAddress> multicast;
  bool unicast_overflow = false;  // the driver's table was larger than this one
  bool multicast_overflow = false;
  std::bitset<4096> vlans;

  // For a driver with these features; a frame of at least kEthernet bytes.
  bool admits(FrameView frame, std::uint64_t features) const;
};

}  // namespace hypervet::devices::net
