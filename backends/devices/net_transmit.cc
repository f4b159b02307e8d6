// SPDX-License-Identifier: Apache-2.0
// From the driver to the wire (virtio 1.4, 5.1.9.2).
#include <algorithm>
#include <utility>

#include "backends/devices/net.h"
#include "backends/devices/net_segments.h"

namespace hypervet::devices {

using net::Header;

namespace {

// outer_th_offset to resource_type, none of which this device offers.
constexpr std::size_t kUnsaidFields = 12;

bool says_tunnel(const Header& header) {
  return (header.gso() & (net::kGsoTunnel4 | net::kGsoTunnel6)) != 0 ||
         (header.flags & net::kUdpTunnelCsum) != 0;
}

}  // namespace

// What is no packet at all, or one that may not be sent, is used and lost.
void Net::transmit(unsigned pair) {
  if (pair >= transmit_pairs_) return;
  Queue* queue = host().queue(2 * pair + 1);
  while (host().running()) {
    const auto chain = queue->take();
    if (!chain) return;
    const std::uint64_t size = chain->readable_size();
    const std::size_t begin =
        header_size() + (host().switched("net-header-with-all-fields") ? kUnsaidFields : 0);
    std::array<std::uint8_t, Header::kSize> header;
    Frame frame;
    if (size >= begin + net::kEthernet && size <= begin + kMaxPacket) {
      frame.resize(size - begin);
      if (queue->read(*chain, 0, header) != header.size() ||
          queue->read(*chain, begin, frame) != frame.size())
        return host().needs_reset();
    }
    queue->give_back(*chain, 0);
    if (!frame.empty()) send(Header::parse(header), std::move(frame), pair);
  }
}

void Net::send(const Header& header, Frame frame, unsigned pair) {
  if (!link_up()) return;
  if (!may_send(header)) {
    if (says_tunnel(header) && host().switched("net-sends-tunnel-packets")) keep(std::move(frame));
    return;
  }
  auto frames = on_the_wire(header, frame);
  if (!frames) return;
  steering_.sent(frame, pair);
  statistics_.sent(2 * pair + 1, is_partial(header));
  for (Frame& each : *frames) keep(std::move(each));
  if (!loopback_) return;
  Header offload = header;
  if (!is_partial(header)) offload = {};
  arrive({.header = offload, .frame = std::move(frame)});
}

void Net::keep(Frame frame) {
  if (sent_.size() == kMaxFrames) sent_.pop_front();
  sent_.push_back(std::move(frame));
}

// Flags that the device does not know are ignored; types that were not negotiated are not sent, and
// neither is what says it were in a tunnel, which this device does not offer.
bool Net::may_send(const Header& header) const {
  if (says_tunnel(header)) return false;
  if (header.gso() == net::kGsoNone) return true;
  if (!is_partial(header) || (header.ecn() && !host().negotiated(net::kHostEcn))) return false;
  switch (header.gso()) {
    case net::kGsoTcp4:
      return host().negotiated(net::kHostTso4);
    case net::kGsoTcp6:
      return host().negotiated(net::kHostTso6);
    case net::kGsoUdp:
      return host().negotiated(net::kHostUfo);
    case net::kGsoUdpL4:
      return host().negotiated(net::kHostUso);
    default:
      return false;
  }
}

bool Net::is_partial(const Header& header) const {
  return (header.flags & net::kNeedsCsum) != 0 && host().negotiated(net::kCsum);
}

// The frames as they leave: nothing of them is left to offload.
std::optional<std::vector<Net::Frame>> Net::on_the_wire(const Header& header, const Frame& frame) {
  if (header.gso() != net::kGsoNone) {
    if (host().switched("net-sends-packet-uncut")) return std::vector<Frame>(1, frame);
    auto frames = net::segments(header, frame);
    if (frames && !std::ranges::all_of(*frames, fits_link)) return std::nullopt;
    return frames;
  }
  if (!fits_link(frame)) return std::nullopt;
  std::vector<Frame> one(1, frame);
  const bool wanted = is_partial(header)
                          ? !host().switched("net-leaves-checksum-partial")
                          : header.csum_start != 0 && host().switched("net-checksums-unasked");
  if (wanted && !net::complete_checksum(one.front(), header.csum_start, header.csum_offset))
    return std::nullopt;
  return one;
}

}  // namespace hypervet::devices
