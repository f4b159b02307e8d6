// SPDX-License-Identifier: Apache-2.0
// The reference devices' named switches: violations that no seam can express, each with the device,
// the clause that it breaks and why no seam does. The one table; a device asks for a switch
// (DeviceHost::switched) by the name that stands here, at one place.
#pragma once

#include <algorithm>
#include <string_view>

namespace hypervet::devices {

struct Switch {
  std::string_view name;
  std::string_view clause;  // that it breaks
  std::string_view what;    // the device or transport then does
  std::string_view why;     // no seam can express it
};

inline constexpr Switch kSwitches[] = {
    {"virtio-broken-ring-goes-on", "virtio.status.needs-reset-on-error",
     "a ring that breaks the rules stops its queue, but the device never says DEVICE_NEEDS_RESET",
     "the bit is set by the device itself, not by a driver's access"},
};

constexpr const Switch* find_switch(std::string_view name) {
  const auto* found = std::ranges::find(kSwitches, name, &Switch::name);
  return found == std::end(kSwitches) ? nullptr : found;
}

}  // namespace hypervet::devices
