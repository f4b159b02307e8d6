// SPDX-License-Identifier: Apache-2.0
// One connection between the guest and a program of the host's, as the host has it: what is
// buffered, what the guest has room for (virtio 1.4, 5.10.6.3), and which packets are due.
//
// Bounds: kBuffer bytes and kMaxMessages message ends in either direction.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/devices/vsock_buffer.h"
#include "backends/devices/vsock_packet.h"

namespace hypervet::devices {

// The program of the host's: sends everything back; drops everything; is driven by host verbs.
enum class VsockService { kEcho, kDiscard, kHand };

struct VsockFlow {
  std::uint32_t host_port = 0;
  std::uint32_t guest_port = 0;
  std::uint16_t type = kVsockStream;
  friend auto operator<=>(const VsockFlow&, const VsockFlow&) = default;
};

class VsockConnection {
 public:
  static constexpr std::uint32_t kBuffer = 64 * 1024;  // buf_alloc
  static constexpr std::size_t kMaxMessages = 1024;

  enum class State { kConnecting = 1, kConnected = 2, kClosing = 3 };

  // kConnecting: the host asks for it; kConnected: the guest did and is let in.
  VsockConnection(const VsockFlow& flow, VsockService service, State state, std::uint64_t serial);

  const VsockFlow& flow() const { return flow_; }
  VsockService service() const { return service_; }
  State state() const { return state_; }
  std::uint64_t serial() const { return serial_; }  // no two connections have the same

  // What the guest says of its own buffer; every packet of the flow does.
  void note_credit(const VsockHeader& header);
  // The guest let the host in.
  void connected() { state_ = State::kConnected; }
  // False: more than there is room for, or after the guest had said that it sends nothing more.
  bool receive(std::span<const std::uint8_t> bytes, std::uint32_t flags);
  // The guest's hints, which add up. True: the guest neither sends nor receives any more.
  bool shut(std::uint32_t flags);
  void want_credit_update() { ++updates_due_; }

  // For the program that host verbs drive. send() takes all or nothing.
  bool send(std::span<const std::uint8_t> bytes);
  VsockBuffer::Piece take(std::size_t most);
  void close() { closing_ = true; }

  // The next packet that is due, with at most `room` bytes of payload; addresses are the caller's
  // part. An unbounded sender ignores the guest's credit.
  struct Packet {
    VsockHeader header;
    std::vector<std::uint8_t> payload;
  };
  std::optional<Packet> next(std::size_t room, bool unbounded);

 private:
  bool seqpacket() const { return flow_.type == kVsockSeqpacket; }
  std::uint32_t guest_room() const;
  void serve();
  void consumed(std::size_t bytes);
  Packet packet(VsockOp op, std::uint32_t flags = 0, std::vector<std::uint8_t> payload = {});

  VsockFlow flow_;
  VsockService service_;
  State state_;
  std::uint64_t serial_;
  bool opening_due_ = true;         // REQUEST or RESPONSE
  std::uint64_t updates_due_ = 0;   // CREDIT_UPDATE packets
  bool credit_requested_ = false;   // since the guest last had room
  bool closing_ = false;            // SHUTDOWN once all is sent
  std::uint32_t guest_shut_ = 0;    // kVsockShut...
  VsockBuffer in_;                  // from the guest, not yet taken by the program
  VsockBuffer out_;                 // to the guest
  std::uint32_t fwd_cnt_ = 0;       // bytes that the program took
  std::uint32_t told_fwd_cnt_ = 0;  // as the guest knows it
  std::uint32_t tx_cnt_ = 0;        // bytes sent to the guest
  std::uint32_t guest_buf_alloc_ = 0;
  std::uint32_t guest_fwd_cnt_ = 0;
};

}  // namespace hypervet::devices
