// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/net.h"

#include <algorithm>

#include "backends/devices/little_endian.h"

namespace hypervet::devices {
namespace {

// Offsets in the configuration, 5.1.4.
constexpr std::size_t kMacAt = 0, kStatusAt = 6, kPairsAt = 8, kMtuAt = 10, kSpeedAt = 12,
                      kDuplexAt = 16, kKeySizeAt = 17, kTableLengthAt = 18, kHashTypesAt = 20,
                      kTunnelTypesAt = 24;
constexpr std::uint16_t kLinkUp = 1, kAnnounce = 2;  // status
constexpr std::uint32_t kSpeed = 10'000;             // Mbit/s
constexpr std::uint8_t kFullDuplex = 1;

}  // namespace

Net::Net(unsigned pairs) : pairs_(pairs) { power_on(); }

void Net::power_on() {
  config_ = {};
  set_status(kLinkUp);
  store_le(std::span(config_), kPairsAt, static_cast<std::uint16_t>(pairs_));
  store_le(std::span(config_), kMtuAt, kMtuBytes);
  store_le(std::span(config_), kSpeedAt, kSpeed);
  config_[kDuplexAt] = kFullDuplex;
  config_[kKeySizeAt] = net::kMaxHashKey;
  store_le(std::span(config_), kTableLengthAt, static_cast<std::uint16_t>(net::kMaxIndirection));
  store_le(std::span(config_), kHashTypesAt, net::kHashTypes);
  store_le(std::span(config_), kTunnelTypesAt, net::kTunnelTypes);
  loopback_ = true;
  sent_.clear();
  forget_driver();
  forget_coalescing();
}

void Net::reset() {
  forget_driver();
  if (!host().switched("net-keeps-coalescing")) forget_coalescing();
}

void Net::forget_driver() {
  std::ranges::copy(kMacAddress, config_.begin() + kMacAt);
  set_status(status() & kLinkUp);
  incoming_.clear();
  filter_ = {};
  filter_.mac = kMacAddress;
  steering_ = {};
  statistics_ = net::Statistics(queue_count());
  transmit_pairs_ = 1;
  offloads_ = 0;
}

void Net::forget_coalescing() {
  coalescing_ = {};
  queue_coalescing_.assign(queue_count(), {});
}

void Net::started() {
  filter_.mac_known |= host().negotiated(net::kMac);
  offloads_ = features() & net::kGuestOffloads;
  for (unsigned queue = 0; queue < queue_count(); ++queue) notified(queue);
}

unsigned Net::usable_pairs() const {
  return host().negotiated(net::kMq) || host().negotiated(net::kRss) ? pairs_ : 1;
}

std::size_t Net::header_size() const {
  return host().negotiated(net::kHashReport) ? net::Header::kSizeWithHash : net::Header::kSize;
}

std::uint16_t Net::status() const { return load_le<std::uint16_t>(config_, kStatusAt); }
void Net::set_status(std::uint16_t status) { store_le(std::span(config_), kStatusAt, status); }
bool Net::link_up() const { return (status() & kLinkUp) != 0; }

bool Net::fits_link(const Frame& frame) {
  const std::size_t tag = net::layers_of(frame).vlan ? net::kVlanTag : 0;
  return frame.size() <= net::kEthernet + tag + kMtuBytes;
}

void Net::notified(unsigned queue) {
  if (!host().running()) return;
  if (queue == control_queue()) {
    if (host().negotiated(net::kCtrlVq)) control();
  } else if (queue < control_queue()) {
    if (queue % 2 == 0)
      deliver();
    else
      transmit(queue / 2);
  }
}

// A receive or transmit queue that comes back has the coalescing of its kind, 5.1.9.5.10.6.
void Net::queue_reset(unsigned queue) {
  if (!host().switched("net-keeps-coalescing")) queue_coalescing_[queue] = coalescing_[queue % 2];
}

bool Net::has_verb(std::string_view name) const {
  return name == "hand-in-frame" || name == "take-frame" || name == "link" || name == "loopback" ||
         name == "announce";
}

Device::Answer Net::act(std::string_view name, std::span<const std::uint64_t> arguments) {
  const auto argument = [&](std::size_t i) { return i < arguments.size() ? arguments[i] : 0; };
  if (name == "hand-in-frame" && argument(1) <= kMaxPacket) {
    Incoming incoming{.header = {}, .frame = Frame(argument(1))};
    if (!host().read_memory(argument(0), incoming.frame)) return {};
    return {.done = true, .result = arrive(std::move(incoming)) ? 1u : 0u};
  }
  if (name == "take-frame") {
    if (sent_.empty()) return {.done = true};
    const std::size_t size = std::min<std::uint64_t>(argument(1), sent_.front().size());
    if (!host().write_memory(argument(0), std::span(sent_.front()).first(size))) return {};
    const std::uint64_t length = sent_.front().size();
    sent_.pop_front();
    return {.done = true, .result = length};
  }
  if (name == "link" && argument(0) <= 1) {
    const bool was_up = link_up();
    set_status(static_cast<std::uint16_t>((status() & ~kLinkUp) | argument(0)));
    if (link_up() != was_up) host().config_changed();
    return {.done = true};
  }
  if (name == "loopback" && argument(0) <= 1) {
    loopback_ = argument(0) == 1;
    return {.done = true};
  }
  if (name == "announce" && host().negotiated(net::kGuestAnnounce)) {
    set_status(status() | kAnnounce);
    host().config_changed();
    return {.done = true};
  }
  return {};
}

// 5.1.9.5.4.2: before the command is used.
Net::Reply Net::acknowledge_announcement() {
  if (!host().switched("net-keeps-announce")) {
    set_status(status() & static_cast<std::uint16_t>(~kAnnounce));
    host().config_changed();
  }
  return {.ok = true, .result = {}};
}

}  // namespace hypervet::devices
