// SPDX-License-Identifier: Apache-2.0
// The network device (virtio 1.4, 5.1). Its wire is a queue of frames in the model: what the driver
// sends is cut and checksummed as it would leave, and taken by the host verb take-frame; in
// loopback, as made, it also comes back to the device's own receive filter. hand-in-frame puts a
// frame on the wire towards the driver. What the device has not: net_features.h.
//
// Bounds: kMaxFrames wait in either direction; of frames sent the oldest is lost, of frames that
// come in the newest.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "backends/devices/device.h"
#include "backends/devices/net_features.h"
#include "backends/devices/net_filter.h"
#include "backends/devices/net_header.h"
#include "backends/devices/net_packet.h"
#include "backends/devices/net_statistics.h"
#include "backends/devices/net_steering.h"
#include "backends/devices/queue.h"

namespace hypervet::devices {

class Net final : public Device {
 public:
  static constexpr net::MacAddress kMacAddress = {0x02, 'h', 'y', 'p', 'v', 't'};
  static constexpr std::uint16_t kMtuBytes = 1500;
  static constexpr std::size_t kMaxFrames = 128;
  static constexpr std::size_t kMaxPacket = 65'593;   // 5.1.9.3, and a VLAN tag
  static constexpr std::size_t kMaxCommand = 65'536;  // bytes of one control command

  // max_virtqueue_pairs, 1 to 7.
  explicit Net(unsigned pairs = 2);

  std::uint32_t id() const override { return 1; }
  std::uint64_t own_features() const override { return net::kOffered; }
  unsigned queue_count() const override { return 2 * pairs_ + 1; }
  std::uint16_t queue_size_max(unsigned) const override { return 256; }
  std::span<const std::uint8_t> config() const override { return config_; }
  void write_config(std::uint64_t, std::span<const std::uint8_t>) override {}
  bool accepts(std::uint64_t features) const override { return net::requirements_met(features); }

  void started() override;
  void notified(unsigned queue) override;
  void queue_reset(unsigned queue) override;
  void reset() override;
  void power_on() override;

  bool has_verb(std::string_view name) const override;
  Answer act(std::string_view name, std::span<const std::uint64_t> arguments) override;

 private:
  using Frame = net::Frame;
  // A frame on its way to the driver, and what its header is to say.
  struct Incoming {
    net::Header header;
    Frame frame;
  };
  struct Reply {
    bool ok = false;
    std::vector<std::uint8_t> result;
  };
  struct Command;
  struct Coalescing {
    std::uint32_t max_packets = 0;
    std::uint32_t max_usecs = 0;
  };
  using Data = std::span<const std::uint8_t>;

  std::uint64_t features() const { return host().features(); }
  unsigned usable_pairs() const;  // N of 5.1.2
  unsigned control_queue() const { return 2 * usable_pairs(); }
  std::size_t header_size() const;
  void forget_driver();  // all that it set, but for
  void forget_coalescing();
  std::uint16_t status() const;
  void set_status(std::uint16_t status);
  bool link_up() const;
  static bool fits_link(const Frame& frame);  // no longer than its MTU lets it be

  // net_transmit.cc
  void transmit(unsigned pair);
  void send(const net::Header& header, Frame frame, unsigned pair);
  void keep(Frame frame);
  std::optional<std::vector<Frame>> on_the_wire(const net::Header& header, const Frame& frame);
  bool may_send(const net::Header& header) const;
  bool is_partial(const net::Header& header) const;  // the device is to complete the checksum

  // net_receive.cc
  bool arrive(Incoming incoming);
  std::vector<Incoming> fitted(Incoming incoming);
  std::optional<net::Header> described(const net::Header& asked, Frame& frame,
                                       const net::Layers& layers);
  bool takes(const net::Header& header, const Frame& frame, const net::Layers& layers) const;
  void refit();
  void deliver();
  enum class Placed { kDone, kLater, kNever };
  std::optional<unsigned> queue_for(const Incoming& incoming);
  Placed place(Queue& queue, const Incoming& incoming);
  bool fill(Queue& queue, const std::vector<Chain>& chains, const Incoming& incoming);

  // net_control.cc
  void control();
  Reply obey(std::uint8_t group, std::uint8_t command, Data data);
  static Reply set_mode(bool& mode, Data data);
  Reply set_mac_tables(Data data);
  Reply set_mac(Data data);
  Reply set_vlan(Data data, bool in);
  Reply acknowledge_announcement();
  Reply set_pairs(Data data);
  Reply set_rss(Data data);
  Reply set_hash(Data data);
  bool read_hash_key(std::uint32_t types, Data data);
  void use_transmit_queues(unsigned pairs);
  Reply set_offloads(Data data);
  Reply set_coalescing(Data data, unsigned first_queue);
  Reply set_queue_coalescing(Data data);
  Reply queue_coalescing(Data data);
  Reply set_hash_tunnels(Data data);
  Reply statistics_types();
  Reply statistics(Data data);
  bool is_enabled_data_queue(unsigned queue);

  unsigned pairs_;
  std::array<std::uint8_t, 28> config_{};
  bool loopback_ = true;
  std::deque<Frame> sent_;
  std::deque<Incoming> incoming_;
  // As the driver has set them:
  net::Filter filter_;
  net::Steering steering_;
  net::Statistics statistics_;
  unsigned transmit_pairs_ = 1;
  std::uint64_t offloads_ = 0;            // of net::kGuestOffloads, those in use
  std::array<Coalescing, 2> coalescing_;  // receive, transmit
  std::vector<Coalescing> queue_coalescing_;
};

}  // namespace hypervet::devices
