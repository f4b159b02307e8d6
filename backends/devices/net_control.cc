// SPDX-License-Identifier: Apache-2.0
// The control queue (virtio 1.4, 5.1.9.5).
#include <algorithm>
#include <bit>
#include <set>
#include <utility>

#include "backends/devices/little_endian.h"
#include "backends/devices/net.h"

namespace hypervet::devices {

// Class, command, the feature that it belongs to, and who obeys it.
struct Net::Command {
  std::uint8_t group;
  std::uint8_t command;
  unsigned feature;
  Reply (*obey)(Net& net, Data data);
};

namespace {

constexpr std::uint8_t kOk = 0, kError = 1;  // ack
constexpr std::size_t kMac = 6;

}  // namespace

void Net::control() {
  Queue* queue = host().queue(control_queue());
  while (host().running()) {
    const auto chain = queue->take();
    if (!chain) return;
    const std::uint64_t size = chain->readable_size();
    if (chain->writable_size() == 0) {  // nowhere to answer: nothing is done
      queue->give_back(*chain, 0);
      continue;
    }
    Reply reply;
    statistics_.command(control_queue());
    if (size >= 2 && size <= kMaxCommand) {
      std::vector<std::uint8_t> bytes(size);
      if (queue->read(*chain, 0, bytes) != size) return host().needs_reset();
      reply = obey(bytes[0], bytes[1], Data(bytes).subspan(2));
    }
    if (reply.ok) statistics_.command_done(control_queue());
    reply.result.insert(reply.result.begin(), reply.ok ? kOk : kError);
    const std::size_t written =
        std::min<std::uint64_t>(reply.result.size(), chain->writable_size());
    if (queue->write(*chain, 0, Data(reply.result).first(written)) != written)
      return host().needs_reset();
    queue->give_back(*chain, static_cast<std::uint32_t>(written));
  }
}

Net::Reply Net::obey(std::uint8_t group, std::uint8_t command, Data data) {
  static constexpr Command kCommands[] = {
      {0, 0, net::kCtrlRx, [](Net& n, Data d) { return set_mode(n.filter_.promiscuous, d); }},
      {0, 1, net::kCtrlRx, [](Net& n, Data d) { return set_mode(n.filter_.all_multicast, d); }},
      {0, 2, net::kCtrlRxExtra, [](Net& n, Data d) { return set_mode(n.filter_.all_unicast, d); }},
      {0, 3, net::kCtrlRxExtra, [](Net& n, Data d) { return set_mode(n.filter_.no_multicast, d); }},
      {0, 4, net::kCtrlRxExtra, [](Net& n, Data d) { return set_mode(n.filter_.no_unicast, d); }},
      {0, 5, net::kCtrlRxExtra, [](Net& n, Data d) { return set_mode(n.filter_.no_broadcast, d); }},
      {1, 0, net::kCtrlRx, [](Net& n, Data d) { return n.set_mac_tables(d); }},
      {1, 1, net::kCtrlMacAddr, [](Net& n, Data d) { return n.set_mac(d); }},
      {2, 0, net::kCtrlVlan, [](Net& n, Data d) { return n.set_vlan(d, true); }},
      {2, 1, net::kCtrlVlan, [](Net& n, Data d) { return n.set_vlan(d, false); }},
      {3, 0, net::kGuestAnnounce, [](Net& n, Data) { return n.acknowledge_announcement(); }},
      {4, 0, net::kMq, [](Net& n, Data d) { return n.set_pairs(d); }},
      {4, 1, net::kRss, [](Net& n, Data d) { return n.set_rss(d); }},
      {4, 2, net::kHashReport, [](Net& n, Data d) { return n.set_hash(d); }},
      {5, 0, net::kCtrlGuestOffloads, [](Net& n, Data d) { return n.set_offloads(d); }},
      {6, 0, net::kNotfCoal, [](Net& n, Data d) { return n.set_coalescing(d, 1); }},
      {6, 1, net::kNotfCoal, [](Net& n, Data d) { return n.set_coalescing(d, 0); }},
      {6, 2, net::kVqNotfCoal, [](Net& n, Data d) { return n.set_queue_coalescing(d); }},
      {6, 3, net::kVqNotfCoal, [](Net& n, Data d) { return n.queue_coalescing(d); }},
      {7, 0, net::kHashTunnel, [](Net& n, Data d) { return n.set_hash_tunnels(d); }},
      {8, 0, net::kDeviceStats, [](Net& n, Data) { return n.statistics_types(); }},
      {8, 1, net::kDeviceStats, [](Net& n, Data d) { return n.statistics(d); }},
  };
  for (const Command& each : kCommands)
    if (each.group == group && each.command == command && host().negotiated(each.feature))
      return each.obey(*this, data);
  return {};
}

Net::Reply Net::set_mode(bool& mode, Data data) {
  if (data.empty() || data[0] > 1) return {};
  mode = data[0] == 1;
  return {.ok = true, .result = {}};
}

// Two tables, each a count and that many addresses (5.1.9.5.2). One that is larger than the
// device's is as if all of its kind were in it, which the text allows.
Net::Reply Net::set_mac_tables(Data data) {
  std::array<std::set<net::MacAddress>, 2> tables;
  std::array<bool, 2> all{};
  for (std::size_t i = 0; i < 2; ++i) {
    if (data.size() < 4) return {};
    const auto count = load_le<std::uint32_t>(data);
    data = data.subspan(4);
    if (count > data.size() / kMac) return {};
    all[i] = count > net::Filter::kMaxAddresses;
    for (std::size_t entry = 0; entry < count && !all[i]; ++entry)
      tables[i].insert(net::destination_of(data.subspan(entry * kMac)));
    data = data.subspan(count * kMac);
  }
  if (host().switched("net-forgets-mac-tables")) return {.ok = true, .result = {}};
  filter_.unicast = std::move(tables[0]);
  filter_.multicast = std::move(tables[1]);
  filter_.unicast_overflow = all[0];
  filter_.multicast_overflow = all[1];
  return {.ok = true, .result = {}};
}

// In the configuration too, before the command is used (5.1.9.5.2.1).
Net::Reply Net::set_mac(Data data) {
  if (data.size() < kMac) return {};
  filter_.mac = net::destination_of(data);
  filter_.mac_known = true;
  if (host().negotiated(net::kMac) && !host().switched("net-keeps-configured-mac")) {
    std::ranges::copy(filter_.mac, config_.begin());
    host().config_changed();
  }
  return {.ok = true, .result = {}};
}

Net::Reply Net::set_vlan(Data data, bool in) {
  if (data.size() < 2) return {};
  const auto vlan = load_le<std::uint16_t>(data);
  if (vlan >= filter_.vlans.size()) return {};
  filter_.vlans[vlan] = in;
  return {.ok = true, .result = {}};
}

// Transmit queues that are new in use may have waited.
Net::Reply Net::set_pairs(Data data) {
  if (data.size() < 2) return {};
  const auto pairs = load_le<std::uint16_t>(data);
  if (pairs == 0 || pairs > pairs_) return {};
  steering_.use_flows(pairs);
  use_transmit_queues(pairs);
  return {.ok = true, .result = {}};
}

void Net::use_transmit_queues(unsigned pairs) {
  transmit_pairs_ = pairs;
  for (unsigned pair = 0; pair < pairs; ++pair) transmit(pair);
  deliver();
}

// struct virtio_net_rss_config, 5.1.9.5.7.1.
Net::Reply Net::set_rss(Data data) {
  if (data.size() < 8) return {};
  const auto types = load_le<std::uint32_t>(data);
  const std::size_t entries = std::size_t{load_le<std::uint16_t>(data, 4)} + 1;
  if (entries > net::kMaxIndirection || !std::has_single_bit(entries)) return {};
  net::RssTable table;
  table.unclassified = load_le<std::uint16_t>(data, 6);
  data = data.subspan(8);
  if (data.size() < 2 * entries + 2) return {};
  bool exist = table.unclassified < pairs_;
  for (std::size_t i = 0; i < entries; ++i) {
    table.queues.push_back(load_le<std::uint16_t>(data, 2 * i));
    exist = exist && table.queues.back() < pairs_;
  }
  const auto transmit_queues = load_le<std::uint16_t>(data, 2 * entries);
  if (!exist || transmit_queues == 0 || transmit_queues > pairs_) return {};
  if (!read_hash_key(types, data.subspan(2 * entries + 2))) return {};
  steering_.use_table(std::move(table));
  use_transmit_queues(transmit_queues);
  return {.ok = true, .result = {}};
}

// struct virtio_net_hash_config, 5.1.9.5.6.4.
Net::Reply Net::set_hash(Data data) {
  if (data.size() < 12 || std::ranges::any_of(data.subspan(4, 8), [](auto b) { return b != 0; }))
    return {};
  return {.ok = read_hash_key(load_le<std::uint32_t>(data), data.subspan(12)), .result = {}};
}

bool Net::read_hash_key(std::uint32_t types, Data data) {
  if ((types & ~net::kHashTypes) != 0 || data.empty() || data[0] > net::kMaxHashKey ||
      data.size() - 1 < data[0])
    return false;
  const Data key = data.subspan(1, data[0]);
  steering_.hash().types = types;
  steering_.hash().key.assign(key.begin(), key.end());
  return true;
}

// 5.1.9.4.4
Net::Reply Net::set_hash_tunnels(Data data) {
  if (data.size() < 4) return {};
  const auto types = load_le<std::uint32_t>(data);
  if ((types & ~net::kTunnelTypes) != 0) return {};
  steering_.hash().tunnels = types;
  return {.ok = true, .result = {}};
}

// 5.1.9.5.9: an offload whose feature was not negotiated is not to be had.
Net::Reply Net::set_offloads(Data data) {
  if (data.size() < 8) return {};
  const auto offloads = load_le<std::uint64_t>(data);
  if ((offloads & ~(features() & net::kGuestOffloads)) != 0) return {};
  if (!host().switched("net-keeps-offloads")) offloads_ = offloads;
  refit();
  deliver();
  return {.ok = true, .result = {}};
}

// Coalescing is best effort (5.1.9.5.10.6): this device keeps the parameters and notifies as ever.
Net::Reply Net::set_coalescing(Data data, unsigned first_queue) {
  if (data.size() < 8) return {};
  coalescing_[first_queue] = {load_le<std::uint32_t>(data), load_le<std::uint32_t>(data, 4)};
  for (unsigned queue = first_queue; queue < control_queue(); queue += 2)
    queue_coalescing_[queue] = coalescing_[first_queue];
  return {.ok = true, .result = {}};
}

// struct virtio_net_stats_capabilities, 5.1.9.5.11.1.
Net::Reply Net::statistics_types() {
  Reply reply{.ok = true, .result = std::vector<std::uint8_t>(8)};
  store_le(std::span(reply.result), 0, net::Statistics::kSupported);
  return reply;
}

Net::Reply Net::statistics(Data data) {
  auto made = statistics_.reply(data, control_queue(), features());
  if (!made) return {};
  return {.ok = true, .result = std::move(*made)};
}

bool Net::is_enabled_data_queue(unsigned queue) {
  return queue < control_queue() && host().queue(queue)->usable();
}

Net::Reply Net::set_queue_coalescing(Data data) {
  if (data.size() < 12) return {};
  const unsigned queue = load_le<std::uint16_t>(data);
  if (!is_enabled_data_queue(queue)) return {};
  queue_coalescing_[queue] = {load_le<std::uint32_t>(data, 4), load_le<std::uint32_t>(data, 8)};
  return {.ok = true, .result = {}};
}

Net::Reply Net::queue_coalescing(Data data) {
  if (data.size() < 4) return {};
  const unsigned queue = load_le<std::uint16_t>(data);
  if (!is_enabled_data_queue(queue)) return {};
  Reply reply{.ok = true, .result = std::vector<std::uint8_t>(8)};
  store_le(std::span(reply.result), 0, queue_coalescing_[queue].max_packets);
  store_le(std::span(reply.result), 4, queue_coalescing_[queue].max_usecs);
  return reply;
}

}  // namespace hypervet::devices
