// SPDX-License-Identifier: Apache-2.0
// The program of the host's that verbs drive, and what happens to the whole transport.
#include <vector>

#include "backends/devices/vsock.h"

namespace hypervet::devices {

bool Vsock::has_verb(std::string_view name) const { return name.starts_with("vsock-"); }

Device::Answer Vsock::act(std::string_view name, std::span<const std::uint64_t> arguments) {
  const auto argument = [&](std::size_t i) { return i < arguments.size() ? arguments[i] : 0; };
  if (name == "vsock-peer-connect") return connect(argument(0), argument(1));
  if (name == "vsock-peer-send") return send(argument(0), argument(1));
  if (name == "vsock-peer-receive") return take(argument(0), argument(1));
  if (name == "vsock-peer-close") return close();
  if (name == "vsock-transport-reset") return transport_reset(argument(0));
  if (name == "vsock-peer-state") {
    const VsockConnection* const connection = hand();
    return {.done = true,
            .result = connection == nullptr ? 0 : static_cast<std::uint64_t>(connection->state())};
  }
  if (name == "vsock-peer-listen" && argument(0) <= 0xffff'ffff &&
      listening_.size() < kMaxListeners) {
    listening_.insert(static_cast<std::uint32_t>(argument(0)));
    return {.done = true};
  }
  return {};
}

VsockConnection* Vsock::hand() {
  if (!hand_) return nullptr;
  const auto found = connections_.find(*hand_);
  return found == connections_.end() ? nullptr : &found->second;
}

Device::Answer Vsock::connect(std::uint64_t port, std::uint64_t type) {
  if (port > 0xffff'ffff || type > 0xffff || !serves(static_cast<std::uint16_t>(type)) ||
      !host().running() || connections_.size() >= kMaxConnections)
    return {};
  const VsockFlow flow{next_port_++, static_cast<std::uint32_t>(port),
                       static_cast<std::uint16_t>(type)};
  const auto [_, made] = connections_.try_emplace(
      flow, flow, VsockService::kHand, VsockConnection::State::kConnecting, ++connections_made_);
  if (!made) return {};  // the guest has this very flow
  hand_ = flow;
  receive();
  return {.done = true, .result = flow.host_port};
}

Device::Answer Vsock::send(std::uint64_t address, std::uint64_t size) {
  VsockConnection* const connection = hand();
  if (connection == nullptr || size > VsockConnection::kBuffer) return {};
  std::vector<std::uint8_t> bytes(size);
  if (!host().read_memory(address, bytes)) return {};
  const bool taken = connection->send(bytes);
  receive();
  return {.done = true, .result = taken ? size : 0};
}

Device::Answer Vsock::take(std::uint64_t address, std::uint64_t size) {
  VsockConnection* const connection = hand();
  if (connection == nullptr) return {.done = true, .result = 0};
  const VsockBuffer::Piece piece = connection->take(size);
  if (!host().write_memory(address, piece.bytes)) return {};
  receive();
  return {.done = true, .result = piece.bytes.size()};
}

Device::Answer Vsock::close() {
  VsockConnection* const connection = hand();
  if (connection == nullptr) return {};
  connection->close();
  receive();
  return {.done = true};
}

// Connections are gone without a word to their ends: the event is the word (5.10.6.7). Reserved
// CIDs are never the guest's (5.10.4).
Device::Answer Vsock::transport_reset(std::uint64_t cid) {
  if (cid <= kVsockHost || cid >= 0xffff'ffff) return {};
  reset();
  store_le(std::span(config_), 0, cid);
  host().config_changed();
  event_due_ = true;
  if (host().running()) tell_events();
  return {.done = true};
}

}  // namespace hypervet::devices
