// SPDX-License-Identifier: Apache-2.0
// From the wire to the driver (virtio 1.4, 5.1.9.3 and 5.1.9.4).
#include <algorithm>
#include <set>
#include <utility>

#include "backends/devices/net.h"
#include "backends/devices/net_segments.h"

namespace hypervet::devices {

using net::Header;
using net::Layers;

namespace {

// A driver with one of these gets hdr_len with every packet, 5.1.9.4.1.
constexpr std::uint64_t kLargePackets =
    net::bits(net::kGuestTso4, net::kGuestTso6, net::kGuestUfo, net::kGuestUso4, net::kGuestUso6);

// The packet tells of congestion, or its sender says so.
bool has_ecn(const Header& header, net::FrameView frame, const Layers& layers) {
  constexpr std::uint8_t kCongestionReduced = 0x80;
  return header.ecn() || (layers.tcp() && (frame[layers.transport + 13] & kCongestionReduced) != 0);
}

// With RSC_EXT the place of the checksum is not told, but how many segments there were (5.1.9.4.1);
// the acknowledgements among them are none that came twice.
void tell_segments(Header& header, const net::Frame& frame) {
  const Layers layers = net::layers_of(frame);
  const std::size_t payload = frame.size() - layers.payload;
  header.flags |= net::kRscInfo;
  header.csum_start =
      layers.tcp() ? static_cast<std::uint16_t>((payload + header.gso_size - 1) / header.gso_size)
                   : std::uint16_t{0};
  header.csum_offset = 0;
}

}  // namespace

// False: nobody is there, or the filter does not want it, or no room is left for it.
bool Net::arrive(Incoming incoming) {
  if (!host().running() || !link_up() || incoming.frame.size() < net::kEthernet) return false;
  if (!filter_.admits(incoming.frame, features()) && !host().switched("net-ignores-filter"))
    return false;
  bool taken = false;
  for (Incoming& each : fitted(std::move(incoming))) {
    if (incoming_.size() == kMaxFrames) break;
    incoming_.push_back(std::move(each));
    taken = true;
  }
  deliver();
  return taken;
}

// The packet as this driver can take it: cut, completed, or with its offloads described anew from
// what is in it, for the sender may have said anything.
std::vector<Net::Incoming> Net::fitted(Incoming incoming) {
  const Layers layers = net::layers_of(incoming.frame);
  const bool partial = (incoming.header.flags & net::kNeedsCsum) != 0;
  const Header asked = std::exchange(incoming.header, {});
  std::vector<Incoming> made;
  if (asked.gso() != net::kGsoNone && !takes(asked, incoming.frame, layers)) {
    for (Frame& each : net::segments(asked, incoming.frame).value_or(std::vector<Frame>{}))
      for (Incoming& whole : fitted({.header = {}, .frame = std::move(each)}))
        made.push_back(std::move(whole));
    return made;
  }
  if (asked.gso() == net::kGsoNone && !fits_link(incoming.frame) &&
      !host().switched("net-exceeds-mtu"))
    return made;
  if (partial) {
    if (const auto header = described(asked, incoming.frame, layers)) {
      made.push_back({.header = *header, .frame = std::move(incoming.frame)});
      return made;
    }
  }
  if (partial && host().switched("net-leaves-checksum-partial")) return {std::move(incoming)};
  if (partial && !net::complete_checksum(incoming.frame, asked.csum_start, asked.csum_offset))
    return made;
  if ((offloads_ & bit(net::kGuestCsum)) != 0 && net::checksum_valid(incoming.frame, layers))
    incoming.header.flags = net::kDataValid;
  // Not less than the headers: where they end is not known, it is all of the frame.
  if ((offloads_ & kLargePackets) != 0)
    incoming.header.hdr_len =
        static_cast<std::uint16_t>(layers.payload != 0 ? layers.payload : incoming.frame.size());
  made.push_back(std::move(incoming));
  return made;
}

// The header of a packet whose checksum the driver can complete itself, with the sum of the pseudo
// header in its place. nullopt: it cannot, or the sender meant no transport checksum.
std::optional<Header> Net::described(const Header& asked, Frame& frame, const Layers& layers) {
  const bool large = asked.gso() != net::kGsoNone;
  const std::size_t end = large ? frame.size() : layers.end;
  if ((offloads_ & bit(net::kGuestCsum)) == 0 || layers.transport == 0 || end < layers.payload ||
      asked.csum_start != layers.transport ||
      asked.csum_start + asked.csum_offset != layers.checksum_at())
    return std::nullopt;
  const bool ecn = large && has_ecn(asked, frame, layers);
  net::write_pseudo_sum(frame, layers, end);
  return Header{.flags = net::kNeedsCsum,
                .gso_type = static_cast<std::uint8_t>(asked.gso() | (ecn ? net::kGsoEcn : 0)),
                .hdr_len = static_cast<std::uint16_t>(layers.payload),
                .gso_size = large ? asked.gso_size : std::uint16_t{0},
                .csum_start = asked.csum_start,
                .csum_offset = asked.csum_offset};
}

// Does the driver take a packet of this type uncut?
bool Net::takes(const Header& header, const Frame& frame, const Layers& layers) const {
  if (!net::segmentable(header, layers) || header.csum_start != layers.transport ||
      header.csum_start + header.csum_offset != layers.checksum_at())
    return false;
  if (has_ecn(header, frame, layers) && (offloads_ & bit(net::kGuestEcn)) == 0) return false;
  const unsigned needed = header.gso() == net::kGsoTcp4   ? net::kGuestTso4
                          : header.gso() == net::kGsoTcp6 ? net::kGuestTso6
                          : header.gso() == net::kGsoUdp  ? net::kGuestUfo
                          : layers.ipv6                   ? net::kGuestUso6
                                                          : net::kGuestUso4;
  return (offloads_ & net::bits(net::kGuestCsum, needed)) == net::bits(net::kGuestCsum, needed);
}

// The driver's offloads are other ones now: what waits is made to fit them.
void Net::refit() {
  for (Incoming& each : std::exchange(incoming_, {}))
    for (Incoming& one : fitted(std::move(each)))
      if (incoming_.size() < kMaxFrames) incoming_.push_back(std::move(one));
}

// In order for each queue; a queue without buffers holds up no other one.
void Net::deliver() {
  std::set<unsigned> waiting;
  for (auto at = incoming_.begin(); at != incoming_.end() && host().running();) {
    const auto queue = queue_for(*at);
    Placed placed = Placed::kNever;
    if (!queue && host().switched("net-keeps-frames-of-reset-queue")) {
      ++at;
      continue;
    }
    if (queue && waiting.contains(*queue))
      placed = Placed::kLater;
    else if (queue)
      placed = place(*host().queue(2 * *queue), *at);
    if (placed == Placed::kLater) {
      waiting.insert(*queue);
      ++at;
    } else {
      if (placed == Placed::kDone) statistics_.received(2 * *queue, at->header, at->frame);
      at = incoming_.erase(at);
    }
  }
}

// nullopt: the frame is to be dropped (5.1.9.5.6.2, 5.1.9.5.7.3).
std::optional<unsigned> Net::queue_for(const Incoming& incoming) {
  unsigned queue = steering_.queue_for(incoming.frame);
  if (usable_pairs() > 1 && host().switched("net-steers-elsewhere"))
    queue = (queue + 1) % usable_pairs();
  if (host().queue(2 * queue)->usable()) return queue;
  if (steering_.by_table()) return std::nullopt;
  for (unsigned other = 0; other < transmit_pairs_; ++other)
    if (host().queue(2 * other)->usable()) return other;
  return std::nullopt;
}

Net::Placed Net::place(Queue& queue, const Incoming& incoming) {
  const bool mergeable = host().negotiated(net::kMrgRxbuf);
  const std::uint64_t need = header_size() + incoming.frame.size();
  std::vector<Chain> chains;
  std::uint64_t room = 0;
  const auto put_back = [&] {
    for (auto each = chains.rbegin(); each != chains.rend(); ++each) queue.untake(*each);
  };
  do {
    auto chain = queue.take();
    if (!chain) {
      put_back();
      return Placed::kLater;
    }
    room += chain->writable_size();
    chains.push_back(std::move(*chain));
    // A driver's first buffer holds the header (5.1.9.3.1), its only one the whole packet.
    if (room < (mergeable ? header_size() : need)) {
      put_back();
      return Placed::kNever;
    }
  } while (room < need);
  if (!fill(queue, chains, incoming)) host().needs_reset();
  return Placed::kDone;
}

// Every buffer but the last is used to its end, and all of them at once (5.1.9.4.1).
bool Net::fill(Queue& queue, const std::vector<Chain>& chains, const Incoming& incoming) {
  Header header = incoming.header;
  if (host().negotiated(net::kRscExt) && header.gso() != net::kGsoNone)
    tell_segments(header, incoming.frame);
  header.num_buffers = static_cast<std::uint16_t>(chains.size());
  if (host().negotiated(net::kHashReport)) {
    const net::Hash hash = net::hash_of(incoming.frame, steering_.hash());
    header.hash_value = hash.value;
    header.hash_report = hash.report;
  }
  const auto bytes = header.bytes();
  std::vector<std::uint8_t> all(bytes.begin(),
                                bytes.begin() + static_cast<std::ptrdiff_t>(header_size()));
  all.insert(all.end(), incoming.frame.begin(), incoming.frame.end());
  std::span<const std::uint8_t> left(all);
  std::vector<Queue::Done> done;
  for (const Chain& each : chains) {
    const std::size_t part = std::min<std::uint64_t>(left.size(), each.writable_size());
    if (queue.write(each, 0, left.first(part)) != part) return false;
    left = left.subspan(part);
    done.push_back({&each, static_cast<std::uint32_t>(part)});
  }
  queue.give_back_together(done);
  return true;
}

}  // namespace hypervet::devices
