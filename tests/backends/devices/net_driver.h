// SPDX-License-Identifier: Apache-2.0
// A driver of the network device, and the wire behind it.
#pragma once

#include <optional>

#include "backends/devices/net.h"
#include "tests/backends/devices/device_driver.h"
#include "tests/backends/devices/net_frames.h"

namespace hypervet::devices {

using test::Bytes;

struct NetDriver {
  explicit NetDriver(std::uint64_t features, unsigned pairs = 2)
      : net(pairs), host(net, features | bit(kRingPacked)) {}

  std::size_t header_size() const {
    return host.machine.negotiated(net::kHashReport) ? net::Header::kSizeWithHash
                                                     : net::Header::kSize;
  }
  void send(const net::Header& header, const net::Frame& frame, unsigned pair = 0) {
    const auto bytes = header.bytes();
    host.submit(
        2 * pair + 1,
        {Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header_size())), frame});
  }
  // The next frame on the wire; empty: none.
  net::Frame wire() { return host.take("take-frame"); }
  bool hand_in(const net::Frame& frame) { return host.give("hand-in-frame", frame).result == 1; }

  struct Received {
    net::Header header;
    net::Frame frame;
  };
  // The next frame that the driver gets, in one large buffer.
  std::optional<Received> receive(unsigned pair = 0) {
    const unsigned queue = 2 * pair;
    if (host.idle(queue) && host.waiting(queue) == 0) host.submit(queue, {}, {8192});
    if (host.idle(queue)) return std::nullopt;
    const Bytes got = host.used(queue).bytes;
    Received received{
        net::Header::parse(std::span(got).first<12>()),
        net::Frame(got.begin() + static_cast<std::ptrdiff_t>(header_size()), got.end())};
    received.header.num_buffers = load_le<std::uint16_t>(got, 10);
    if (host.machine.negotiated(net::kHashReport)) {
      received.header.hash_value = load_le<std::uint32_t>(got, 12);
      received.header.hash_report = load_le<std::uint16_t>(got, 16);
    }
    return received;
  }
  // Runs a control command; its ack, with what follows in `result`.
  int command(std::uint8_t group, std::uint8_t number, const Bytes& data, Bytes* result = nullptr) {
    const unsigned queue = host.machine.negotiated(net::kMq) || host.machine.negotiated(net::kRss)
                               ? net.queue_count() - 1
                               : 2;
    host.submit(queue, {{group, number}, data}, {1, 8});
    const Bytes got = host.used(queue).bytes;
    if (result != nullptr) result->assign(got.begin() + 1, got.end());
    return got.at(0);
  }

  Net net;
  test::DeviceDriver host;
};

}  // namespace hypervet::devices
