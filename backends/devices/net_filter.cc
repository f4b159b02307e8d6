// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/net_filter.h"

#include <algorithm>

#include "backends/devices/net_features.h"

namespace hypervet::devices::net {

bool Filter::admits(FrameView frame, std::uint64_t features) const {
  if (promiscuous) return true;
  const auto vlan = layers_of(frame).vlan;
  if (vlan && (features & bit(kCtrlVlan)) != 0 && !vlans[*vlan]) return false;
  const MacAddress to = destination_of(frame);
  if (std::ranges::all_of(to, [](std::uint8_t byte) { return byte == 0xff; })) return !no_broadcast;
  if ((to[0] & 1) != 0) {
    // A driver that cannot fill the table gets them all.
    const bool cannot_ask = (features & bit(kCtrlRx)) == 0;
    return !no_multicast &&
           (all_multicast || cannot_ask || multicast_overflow || multicast.contains(to));
  }
  return !no_unicast &&
         (all_unicast || !mac_known || unicast_overflow || to == mac || unicast.contains(to));
}

}  // namespace hypervet::devices::net
