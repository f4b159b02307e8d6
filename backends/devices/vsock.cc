// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/vsock.h"

#include <utility>

namespace hypervet::devices {
namespace {

constexpr unsigned kReceive = 0, kTransmit = 1, kEvents = 2;  // queues, 5.10.2
constexpr std::uint32_t kTransportReset = 0;                  // event, 5.10.6.7
constexpr std::uint32_t kFirstOwnPort = 49152;

}  // namespace

void Vsock::power_on() {
  store_le(std::span(config_), 0, kGuestCid);
  listening_.clear();
  connections_made_ = 0;
  next_port_ = kFirstOwnPort;
  reset();
}

void Vsock::reset() {
  connections_.clear();
  last_served_ = {};
  resets_.clear();
  hand_.reset();
  event_due_ = false;
}

// Without a feature bit streams are served (5.10.3.2), and seqpacket alone implies them too unless
// NO_IMPLIED_STREAM says otherwise.
bool Vsock::serves(std::uint16_t type) const {
  if (type == kVsockStream)
    return host().negotiated(kStream) || !host().negotiated(kNoImpliedStream);
  return type == kVsockSeqpacket && host().negotiated(kSeqpacket);
}

std::optional<VsockService> Vsock::listener(std::uint32_t port) const {
  if (listening_.contains(port)) return VsockService::kHand;
  if (port == kEchoPort) return VsockService::kEcho;
  if (port == kDiscardPort) return VsockService::kDiscard;
  return std::nullopt;
}

void Vsock::started() {
  for (unsigned queue = 0; queue < queue_count(); ++queue) notified(queue);
}

void Vsock::notified(unsigned queue) {
  if (!host().running() || queue >= queue_count()) return;
  if (queue == kEvents) return tell_events();
  receive();
  transmit();
}

// The transmit queue is served whether or not there are receive buffers, as long as the answers can
// be kept (5.10.6.1.2).
void Vsock::transmit() {
  Queue* queue = host().queue(kTransmit);
  while (host().running() && resets_.size() < kMaxResets) {
    const auto chain = queue->take();
    if (!chain) return;
    if (starved_ && host().switched("vsock-transmit-waits-for-receive"))
      return queue->untake(*chain);
    if (!transmit(*queue, *chain)) return host().needs_reset();
    receive();
  }
}

// A packet that is shorter than its header, or not from the guest's CID, belongs to nobody and is
// dropped.
bool Vsock::transmit(Queue& queue, const Chain& chain) {
  const std::uint64_t size = chain.readable_size();
  std::array<std::uint8_t, VsockHeader::kSize> bytes;
  if (size < bytes.size()) {
    queue.give_back(chain, 0);
    return true;
  }
  if (queue.read(chain, 0, bytes) != bytes.size()) return false;
  const VsockHeader header = VsockHeader::parse(bytes);
  const bool whole = header.len <= kMaxPayload && header.len <= size - bytes.size();
  std::vector<std::uint8_t> payload(whole ? header.len : 0);
  if (queue.read(chain, bytes.size(), payload) != payload.size()) return false;
  queue.give_back(chain, 0);
  if (header.src_cid != guest_cid()) return true;
  if (whole) {
    obey(header, payload);
    return true;
  }
  // Bytes that its sender counted are missing: the flow cannot go on.
  const auto found = connections_.find({header.dst_port, header.src_port, header.type});
  if (found != connections_.end() && header.dst_cid == kVsockHost)
    end(found->second);
  else
    refuse(header);
  return true;
}

void Vsock::obey(const VsockHeader& header, std::span<const std::uint8_t> payload) {
  const VsockFlow flow{header.dst_port, header.src_port, header.type};
  // An unknown type is answered whatever the packet is (5.10.6.4.2).
  if (!serves(header.type)) {
    if (!host().switched("vsock-ignores-unknown-type")) refuse(header);
    return;
  }
  const auto found = connections_.find(flow);
  if (header.dst_cid == kVsockHost && found != connections_.end()) {
    obey(found->second, header, payload);
  } else if (header.dst_cid == kVsockHost && header.op == VsockOp::kRequest) {
    open(header, flow);
  } else if (header.op != VsockOp::kReset) {
    refuse(header);
  }
}

void Vsock::open(const VsockHeader& header, const VsockFlow& flow) {
  const auto service = listener(flow.host_port);
  if (!service && host().switched("vsock-silent-without-listener")) return;
  if (!service || connections_.size() >= kMaxConnections) return refuse(header);
  const auto [made, _] = connections_.try_emplace(
      flow, flow, *service, VsockConnection::State::kConnected, ++connections_made_);
  made->second.note_credit(header);
  if (*service == VsockService::kHand) hand_ = flow;
}

void Vsock::obey(VsockConnection& connection, const VsockHeader& header,
                 std::span<const std::uint8_t> payload) {
  using State = VsockConnection::State;
  connection.note_credit(header);
  const bool connecting = connection.state() == State::kConnecting;
  switch (header.op) {
    case VsockOp::kReset:
      connections_.erase(connection.flow());
      return;
    case VsockOp::kResponse:
      if (!connecting) break;
      connection.connected();
      return;
    case VsockOp::kShutdown:
      if (connecting || connection.shut(header.flags)) break;
      return;
    case VsockOp::kData:
      if (connecting || !connection.receive(payload, header.flags)) break;
      return;
    case VsockOp::kCreditUpdate:
      return;
    case VsockOp::kCreditRequest:
      if (!host().switched("vsock-ignores-credit-request")) connection.want_credit_update();
      return;
    default:
      break;
  }
  end(connection);
}

// Answers a packet that belongs to no connection.
void Vsock::refuse(const VsockHeader& header) {
  resets_.push_back({.src_cid = header.dst_cid & 0xffff'ffff,
                     .dst_cid = guest_cid(),
                     .src_port = header.dst_port,
                     .dst_port = header.src_port,
                     .type = header.type,
                     .op = VsockOp::kReset});
}

// The connection is over, and the guest is told.
void Vsock::end(VsockConnection& connection) {
  const VsockFlow flow = connection.flow();
  connections_.erase(flow);
  resets_.push_back({.src_cid = kVsockHost,
                     .dst_cid = guest_cid(),
                     .src_port = flow.host_port,
                     .dst_port = flow.guest_port,
                     .type = flow.type,
                     .op = VsockOp::kReset});
}

// Packets of no connection come first: they end flows that a later packet may begin anew.
std::optional<VsockConnection::Packet> Vsock::next(std::size_t room) {
  if (!resets_.empty()) {
    VsockConnection::Packet packet{.header = resets_.front(), .payload = {}};
    resets_.pop_front();
    return packet;
  }
  auto at = connections_.upper_bound(last_served_);
  for (std::size_t i = 0; i < connections_.size(); ++i, ++at) {
    if (at == connections_.end()) at = connections_.begin();
    auto packet = at->second.next(room, false);
    if (packet && packet->header.op == VsockOp::kCreditRequest &&
        host().switched("vsock-ignores-credit"))
      packet = at->second.next(room, true);
    if (!packet) continue;
    last_served_ = at->first;
    packet->header.src_cid = kVsockHost;
    packet->header.dst_cid = guest_cid();
    if (packet->header.op == VsockOp::kShutdown) await_reset(at->second);
    return packet;
  }
  return std::nullopt;
}

void Vsock::receive() {
  Queue* queue = host().queue(kReceive);
  while (host().running()) {
    const auto chain = queue->take();
    starved_ = !chain;
    if (starved_) return;
    const std::uint64_t size = chain->writable_size();
    if (size < VsockHeader::kSize) {  // not even a header fits
      queue->give_back(*chain, 0);
      continue;
    }
    auto packet = next(std::min<std::uint64_t>(size - VsockHeader::kSize, kMaxPayload));
    if (!packet) return queue->untake(*chain);
    VsockHeader& header = packet->header;
    if (header.op == VsockOp::kData && header.flags != 0 &&
        host().switched("vsock-loses-message-ends"))
      header.flags = 0;
    if (header.buf_alloc != 0 && host().switched("vsock-says-no-credit"))
      header.buf_alloc = header.fwd_cnt = 0;
    const auto bytes = header.bytes();
    if (queue->write(*chain, 0, bytes) != bytes.size() ||
        queue->write(*chain, bytes.size(), packet->payload) != packet->payload.size())
      return host().needs_reset();
    queue->give_back(*chain, static_cast<std::uint32_t>(bytes.size() + packet->payload.size()));
  }
}

void Vsock::await_reset(const VsockConnection& connection) {
  host().after(kPatience, [this, flow = connection.flow(), serial = connection.serial()] {
    const auto found = connections_.find(flow);
    if (found == connections_.end() || found->second.serial() != serial) return;
    end(found->second);
    if (host().running()) receive();
  });
}

void Vsock::tell_events() {
  Queue* queue = host().queue(kEvents);
  while (host().running() && event_due_) {
    const auto chain = queue->take();
    if (!chain) return;
    std::array<std::uint8_t, 4> event;
    store_le(std::span(event), 0, kTransportReset);
    const bool fits = chain->writable_size() >= event.size();
    if (fits && queue->write(*chain, 0, event) != event.size()) return host().needs_reset();
    queue->give_back(*chain, fits ? event.size() : 0);
    event_due_ = !fits;
  }
}

}  // namespace hypervet::devices
