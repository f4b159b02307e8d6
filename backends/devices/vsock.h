// SPDX-License-Identifier: Apache-2.0
// The socket device (virtio 1.4, 5.10). Its other end is the host (CID 2) inside the model: port 7
// sends back what it gets, port 9 drops it, and one program is driven by host verbs: it listens at
// ports, connects to the guest, and has one connection at a time in its hand, the newest.
//
// Bounds: kMaxConnections, each of constant size; while kMaxResets resets wait for receive buffers,
// nothing is taken from the transmit queue.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "backends/devices/device.h"
#include "backends/devices/queue.h"
#include "backends/devices/vsock_connection.h"
#include "backends/devices/vsock_packet.h"

namespace hypervet::devices {

class Vsock final : public Device {
 public:
  static constexpr unsigned kStream = 0, kSeqpacket = 1, kNoImpliedStream = 2;  // features, 5.10.3
  static constexpr std::uint32_t kEchoPort = 7, kDiscardPort = 9;
  static constexpr std::uint64_t kGuestCid = 3;
  static constexpr std::size_t kMaxConnections = 64;
  static constexpr std::size_t kMaxListeners = 16;
  static constexpr std::size_t kMaxResets = 256;
  static constexpr std::size_t kMaxPayload = 64 * 1024;
  // How long a closed connection waits for the guest's RST before it is forced (5.10.6.6).
  static constexpr std::uint64_t kPatience = 100'000'000;

  Vsock() { power_on(); }

  std::uint32_t id() const override { return 19; }
  std::uint64_t own_features() const override {
    return bit(kStream) | bit(kSeqpacket) | bit(kNoImpliedStream);
  }
  unsigned queue_count() const override { return 3; }
  std::uint16_t queue_size_max(unsigned) const override { return 128; }
  std::span<const std::uint8_t> config() const override { return config_; }
  void write_config(std::uint64_t, std::span<const std::uint8_t>) override {}
  bool accepts(std::uint64_t) const override { return true; }

  void started() override;
  void notified(unsigned queue) override;
  void reset() override;
  void power_on() override;

  bool has_verb(std::string_view name) const override;
  Answer act(std::string_view name, std::span<const std::uint64_t> arguments) override;

 private:
  using Connections = std::map<VsockFlow, VsockConnection>;

  std::uint64_t guest_cid() const { return load_le<std::uint64_t>(config_); }
  bool serves(std::uint16_t type) const;
  std::optional<VsockService> listener(std::uint32_t port) const;

  void transmit();
  bool transmit(Queue& queue, const Chain& chain);
  void obey(const VsockHeader& header, std::span<const std::uint8_t> payload);
  void obey(VsockConnection& connection, const VsockHeader& header,
            std::span<const std::uint8_t> payload);
  void open(const VsockHeader& header, const VsockFlow& flow);
  void refuse(const VsockHeader& header);
  void end(VsockConnection& connection);
  VsockConnection* hand();

  void receive();
  std::optional<VsockConnection::Packet> next(std::size_t room);
  void await_reset(const VsockConnection& connection);
  void tell_events();

  Answer connect(std::uint64_t port, std::uint64_t type);
  Answer send(std::uint64_t address, std::uint64_t size);
  Answer take(std::uint64_t address, std::uint64_t size);
  Answer close();
  Answer transport_reset(std::uint64_t cid);

  std::array<std::uint8_t, 8> config_{};  // guest_cid
  std::set<std::uint32_t> listening_;     // ports of the program that verbs drive
  Connections connections_;
  VsockFlow last_served_;           // connections take turns
  std::deque<VsockHeader> resets_;  // RST packets of no connection
  std::optional<VsockFlow> hand_;   // the newest connection of that program
  std::uint64_t connections_made_ = 0;
  std::uint32_t next_port_ = 0;
  bool starved_ = false;  // there was no receive buffer when last looked for
  bool event_due_ = false;
};

}  // namespace hypervet::devices
