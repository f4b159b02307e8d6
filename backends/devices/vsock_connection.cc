// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/vsock_connection.h"

#include <algorithm>
#include <utility>

namespace hypervet::devices {

VsockConnection::VsockConnection(const VsockFlow& flow, VsockService service, State state,
                                 std::uint64_t serial)
    : flow_(flow), service_(service), state_(state), serial_(serial) {}

void VsockConnection::note_credit(const VsockHeader& header) {
  guest_buf_alloc_ = header.buf_alloc;
  guest_fwd_cnt_ = header.fwd_cnt;
  if (guest_room() != 0) credit_requested_ = false;
}

// A guest whose fwd_cnt runs ahead of what it was sent has no room, rather than nearly 4 GiB.
std::uint32_t VsockConnection::guest_room() const {
  const std::uint32_t in_flight = tx_cnt_ - guest_fwd_cnt_;
  return guest_buf_alloc_ > in_flight ? guest_buf_alloc_ - in_flight : 0;
}

bool VsockConnection::receive(std::span<const std::uint8_t> bytes, std::uint32_t flags) {
  if (bytes.size() > kBuffer - in_.size() || (guest_shut_ & kVsockShutSend) != 0) return false;
  const std::uint32_t ends =
      seqpacket() ? flags & (kVsockEndOfMessage | kVsockEndOfRecord) : std::uint32_t{0};
  if (ends != 0 && in_.messages() >= kMaxMessages) return false;
  in_.append(bytes, ends);
  serve();
  return true;
}

bool VsockConnection::shut(std::uint32_t flags) {
  guest_shut_ |= flags & (kVsockShutReceive | kVsockShutSend);
  if ((guest_shut_ & kVsockShutReceive) != 0) {
    out_.clear();
    serve();
  }
  return guest_shut_ == (kVsockShutReceive | kVsockShutSend);
}

// The program takes what it can: the echo as much as it can keep until the guest takes it.
void VsockConnection::serve() {
  const bool drop = service_ == VsockService::kDiscard || state_ == State::kClosing ||
                    (service_ == VsockService::kEcho && (guest_shut_ & kVsockShutReceive) != 0);
  if (drop) {
    consumed(in_.size());
    in_.clear();
  } else if (service_ == VsockService::kEcho) {
    while (!in_.empty() && out_.size() < kBuffer && out_.messages() < kMaxMessages) {
      const VsockBuffer::Piece piece = in_.take(kBuffer - out_.size());
      consumed(piece.bytes.size());
      out_.append(piece.bytes, piece.flags);
    }
  }
}

// The guest hears of room again before it would have to ask.
void VsockConnection::consumed(std::size_t bytes) {
  fwd_cnt_ += static_cast<std::uint32_t>(bytes);
  if (updates_due_ == 0 && fwd_cnt_ - told_fwd_cnt_ >= kBuffer / 2) updates_due_ = 1;
}

bool VsockConnection::send(std::span<const std::uint8_t> bytes) {
  if (closing_ || state_ == State::kClosing || (guest_shut_ & kVsockShutReceive) != 0 ||
      bytes.size() > kBuffer - out_.size() || out_.messages() >= kMaxMessages)
    return false;
  out_.append(bytes, seqpacket() ? kVsockEndOfMessage : 0);
  return true;
}

VsockBuffer::Piece VsockConnection::take(std::size_t most) {
  VsockBuffer::Piece piece = in_.take(most);
  consumed(piece.bytes.size());
  return piece;
}

std::optional<VsockConnection::Packet> VsockConnection::next(std::size_t room, bool unbounded) {
  if (std::exchange(opening_due_, false))
    return packet(state_ == State::kConnecting ? VsockOp::kRequest : VsockOp::kResponse);
  if (state_ == State::kConnecting) return std::nullopt;
  if (updates_due_ != 0) {
    --updates_due_;
    return packet(VsockOp::kCreditUpdate);
  }
  if (!out_.empty()) {
    const std::size_t credit = unbounded ? kBuffer : guest_room();
    const std::size_t most = std::min(room, credit);
    // A message's end without bytes needs no room.
    if (most != 0 || (out_.size() == 0 && seqpacket())) {
      VsockBuffer::Piece piece = out_.take(most);
      tx_cnt_ += static_cast<std::uint32_t>(piece.bytes.size());
      serve();
      return packet(VsockOp::kData, piece.flags, std::move(piece.bytes));
    }
    if (credit != 0 || std::exchange(credit_requested_, true)) return std::nullopt;
    return packet(VsockOp::kCreditRequest);
  }
  if (!closing_ || state_ == State::kClosing) return std::nullopt;
  state_ = State::kClosing;
  serve();
  return packet(VsockOp::kShutdown, kVsockShutReceive | kVsockShutSend);
}

VsockConnection::Packet VsockConnection::packet(VsockOp op, std::uint32_t flags,
                                                std::vector<std::uint8_t> payload) {
  told_fwd_cnt_ = fwd_cnt_;
  Packet made{.header = {}, .payload = std::move(payload)};
  made.header.src_port = flow_.host_port;
  made.header.dst_port = flow_.guest_port;
  made.header.len = static_cast<std::uint32_t>(made.payload.size());
  made.header.type = flow_.type;
  made.header.op = op;
  made.header.flags = flags;
  made.header.buf_alloc = kBuffer;
  made.header.fwd_cnt = fwd_cnt_;
  return made;
}

}  // namespace hypervet::devices
