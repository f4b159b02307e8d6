// SPDX-License-Identifier: Apache-2.0
// Segmentation and fragmentation offload (virtio 1.4, 5.1.9.2): one large packet becomes the frames
// that go over the wire, each with headers and checksums of its own.
#pragma once

#include <optional>
#include <vector>

#include "backends/devices/net_header.h"
#include "backends/devices/net_packet.h"

namespace hypervet::devices::net {

// More frames than these are not made of one packet.
inline constexpr std::size_t kMaxSegments = 128;

// Is the packet one that gso_type may stand for, with something to cut? hdr_len is not believed.
bool segmentable(const Header& header, const Layers& layers);
// nullopt: not segmentable, or into too many.
std::optional<std::vector<Frame>> segments(const Header& header, FrameView packet);

}  // namespace hypervet::devices::net
