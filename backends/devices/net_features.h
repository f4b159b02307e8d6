// SPDX-License-Identifier: Apache-2.0
// Feature bits of the network device (virtio 1.4, 5.1.3) and what they require of each other.
#pragma once

#include <cstdint>

#include "backends/devices/device.h"

namespace hypervet::devices::net {

inline constexpr unsigned kCsum = 0, kGuestCsum = 1, kCtrlGuestOffloads = 2, kMtu = 3, kMac = 5,
                          kGuestTso4 = 7, kGuestTso6 = 8, kGuestEcn = 9, kGuestUfo = 10,
                          kHostTso4 = 11, kHostTso6 = 12, kHostEcn = 13, kHostUfo = 14,
                          kMrgRxbuf = 15, kStatus = 16, kCtrlVq = 17, kCtrlRx = 18, kCtrlVlan = 19,
                          kCtrlRxExtra = 20, kGuestAnnounce = 21, kMq = 22, kCtrlMacAddr = 23,
                          kDeviceStats = 50, kHashTunnel = 51, kVqNotfCoal = 52, kNotfCoal = 53,
                          kGuestUso4 = 54, kGuestUso6 = 55, kHostUso = 56, kHashReport = 57,
                          kGuestHdrlen = 59, kRss = 60, kRscExt = 61, kSpeedDuplex = 63;

template <typename... Features>
constexpr std::uint64_t bits(Features... features) {
  return (bit(features) | ...);
}

// What the driver may switch on and off by CTRL_GUEST_OFFLOADS_SET, 5.1.9.5.9.
inline constexpr std::uint64_t kGuestOffloads =
    bits(kGuestCsum, kGuestTso4, kGuestTso6, kGuestEcn, kGuestUfo, kGuestUso4, kGuestUso6);

// What the device has. Not: tunnels, outer header offsets, IPsec, RSS contexts, flow filters,
// STANDBY.
inline constexpr std::uint64_t kOffered =
    kGuestOffloads | bits(kCsum, kCtrlGuestOffloads, kMtu, kMac, kHostTso4, kHostTso6, kHostEcn,
                          kHostUfo, kMrgRxbuf, kStatus, kCtrlVq, kCtrlRx, kCtrlVlan, kCtrlRxExtra,
                          kGuestAnnounce, kMq, kCtrlMacAddr, kVqNotfCoal, kNotfCoal, kHostUso,
                          kDeviceStats, kHashTunnel, kHashReport, kGuestHdrlen, kRss, kRscExt,
                          kSpeedDuplex);

// A feature and the set of which it requires one, 5.1.3.1.
struct Requirement {
  unsigned feature;
  std::uint64_t one_of;
};
inline constexpr Requirement kRequirements[] = {
    {kGuestTso4, bit(kGuestCsum)},
    {kGuestTso6, bit(kGuestCsum)},
    {kGuestUfo, bit(kGuestCsum)},
    {kGuestUso4, bit(kGuestCsum)},
    {kGuestUso6, bit(kGuestCsum)},
    {kGuestEcn, bits(kGuestTso4, kGuestTso6)},
    {kHostTso4, bit(kCsum)},
    {kHostTso6, bit(kCsum)},
    {kHostUfo, bit(kCsum)},
    {kHostUso, bit(kCsum)},
    {kHostEcn, bits(kHostTso4, kHostTso6)},
    {kRscExt, bits(kHostTso4, kHostTso6)},
    {kCtrlRx, bit(kCtrlVq)},
    {kCtrlVlan, bit(kCtrlVq)},
    {kGuestAnnounce, bit(kCtrlVq)},
    {kMq, bit(kCtrlVq)},
    {kCtrlMacAddr, bit(kCtrlVq)},
    {kNotfCoal, bit(kCtrlVq)},
    {kVqNotfCoal, bit(kCtrlVq)},
    {kRss, bit(kCtrlVq)},
    {kHashTunnel, bit(kCtrlVq)},
    {kHashTunnel, bits(kRss, kHashReport)},
    {kDeviceStats, bit(kCtrlVq)},
};

constexpr bool requirements_met(std::uint64_t features) {
  for (const Requirement& each : kRequirements)
    if ((features & bit(each.feature)) != 0 && (features & each.one_of) == 0) return false;
  return true;
}

}  // namespace hypervet::devices::net
