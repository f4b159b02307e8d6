// SPDX-License-Identifier: Apache-2.0
// Every switch of these devices is asked for by its device and changes what its line says.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>

#include "backends/devices/balloon.h"
#include "backends/devices/console.h"
#include "backends/devices/switches.h"
#include "backends/devices/vsock.h"
#include "tests/backends/devices/device_driver.h"
#include "tests/backends/devices/net_driver.h"

namespace hypervet::devices {
namespace {

using test::Bytes;
using test::DeviceDriver;

template <typename D>
struct Machine {
  explicit Machine(std::uint64_t features) : driver(device, features) {}
  D device;
  DeviceDriver driver;
};

std::uint64_t sum(const Bytes& bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
}
// A number that tells apart what came back on that queue.
std::uint64_t content(DeviceDriver& driver, unsigned queue) {
  std::uint64_t all = 0;
  while (!driver.idle(queue)) {
    const Bytes bytes = driver.used(queue).bytes;
    all = all * 31 + bytes.size() + sum(bytes);
  }
  return all;
}

using Prepare = std::function<void(DeviceDriver&)>;  // switches the switch on, or not
using Scenario = std::function<std::uint64_t(const Prepare&)>;

Bytes le32(std::initializer_list<std::uint32_t> values) {
  Bytes bytes(4 * values.size());
  std::size_t at = 0;
  for (const std::uint32_t value : values) store_le(std::span(bytes), 4 * at++, value);
  return bytes;
}

std::uint64_t console_messages(const Prepare& prepare) {
  Machine<Console> m(7);
  prepare(m.driver);
  for (int i = 0; i < 8; ++i) m.driver.submit(2, {}, {64});
  m.driver.submit(3, {{0, 0, 0, 0, 0, 0, 1, 0}});  // DEVICE_READY
  return content(m.driver, 2);
}

std::uint64_t vsock_answer(const Prepare& prepare,
                           std::vector<std::pair<VsockHeader, Bytes>> packets,
                           bool buffers_first = true) {
  Machine<Vsock> m(7);
  prepare(m.driver);
  for (int i = 0; i < 8 && buffers_first; ++i) m.driver.submit(0, {}, {256});
  for (auto& [header, payload] : packets) {
    header.src_cid = 3;
    header.dst_cid = 2;
    header.src_port = 5;
    header.len = static_cast<std::uint32_t>(payload.size());
    const auto bytes = header.bytes();
    m.driver.submit(1, {Bytes(bytes.begin(), bytes.end()), payload});
  }
  return content(m.driver, 0) + 1000 * m.driver.done(1);
}

VsockHeader packet(VsockOp op, std::uint32_t port, std::uint16_t type = kVsockStream,
                   std::uint32_t room = 100, std::uint32_t flags = 0) {
  return {.dst_port = port, .type = type, .op = op, .flags = flags, .buf_alloc = room};
}

std::map<std::string_view, Scenario> plain_scenarios() {
  return {
      {"console-emergency-needs-driver",
       [](const Prepare& prepare) {
         Machine<Console> m(0);
         prepare(m.driver);
         m.driver.machine.stop();
         m.device.write_config(8, Bytes(4, '!'));
         return m.driver.take("console-output").size();
       }},
      {"console-adds-impossible-port", [](auto& prepare) { return console_messages(prepare); }},
      {"console-adds-port-twice", [](auto& prepare) { return console_messages(prepare); }},
      {"console-removes-unknown-port", [](auto& prepare) { return console_messages(prepare); }},
      {"balloon-stops-at-unknown-tag",
       [](const Prepare& prepare) {
         Machine<Balloon> m(0x3f);
         prepare(m.driver);
         Bytes entries(20);
         entries[0] = 99;
         entries[12] = 5;  // tag 0
         m.driver.submit(2, {entries});
         return m.driver.act("balloon-statistic", {0}).result;
       }},
      {"balloon-hints-of-any-command",
       [](const Prepare& prepare) {
         Machine<Balloon> m(0x3f);
         prepare(m.driver);
         m.driver.submit(3, {le32({77})});
         m.driver.submit_segments(3, {}, {{0x20000, 0x1000}});
         return m.driver.act("balloon-pages", {1}).result;
       }},
      {"balloon-reuses-command",
       [](const Prepare& prepare) {
         Machine<Balloon> m(0x3f);
         prepare(m.driver);
         m.driver.act("balloon-hint", {2});
         return m.driver.act("balloon-hint", {2}).result;
       }},
      {"balloon-changes-released-page",
       [](const Prepare& prepare) {
         Machine<Balloon> m(0x3f);
         prepare(m.driver);
         const auto id = static_cast<std::uint32_t>(m.driver.act("balloon-hint", {2}).result);
         m.driver.submit(3, {le32({id})});
         m.driver.submit_segments(3, {}, {{0x20000, 0x1000}});
         m.driver.act("balloon-hint", {1});
         m.driver.machine.pass(10'000'000);
         return sum(m.driver.machine.bytes({0x20000, 0x1000}));
       }},
      {"balloon-changes-reported-page",
       [](const Prepare& prepare) {
         Machine<Balloon> m(0x3f);
         prepare(m.driver);
         m.driver.submit_segments(4, {}, {{0x20000, 0x1000}});
         return sum(m.driver.machine.bytes({0x20000, 0x1000}));
       }},
      {"vsock-ignores-credit",
       [](auto& prepare) {
         return vsock_answer(prepare, {{packet(VsockOp::kRequest, 7, kVsockStream, 0), {}},
                                       {packet(VsockOp::kData, 7, kVsockStream, 0), Bytes(9)}});
       }},
      {"vsock-says-no-credit",
       [](auto& prepare) { return vsock_answer(prepare, {{packet(VsockOp::kRequest, 7), {}}}); }},
      {"vsock-ignores-credit-request",
       [](auto& prepare) {
         return vsock_answer(prepare, {{packet(VsockOp::kRequest, 7), {}},
                                       {packet(VsockOp::kCreditRequest, 7), {}}});
       }},
      {"vsock-ignores-unknown-type",
       [](auto& prepare) {
         return vsock_answer(prepare, {{packet(VsockOp::kRequest, 7, 9), {}}});
       }},
      {"vsock-silent-without-listener",
       [](auto& prepare) { return vsock_answer(prepare, {{packet(VsockOp::kRequest, 8), {}}}); }},
      {"vsock-loses-message-ends",
       [](auto& prepare) {
         return vsock_answer(prepare,
                             {{packet(VsockOp::kRequest, 7, kVsockSeqpacket), {}},
                              {packet(VsockOp::kData, 7, kVsockSeqpacket, 100, 1), Bytes(9)}});
       }},
      {"vsock-transmit-waits-for-receive",
       [](auto& prepare) {
         return vsock_answer(prepare, {{packet(VsockOp::kRequest, 8), {}}}, false);
       }},
  };
}

// The net device: what the driver got in the first buffers of both pairs, the wire, and the
// configuration.
std::uint64_t net_outcome(const Prepare& prepare, const std::function<void(NetDriver&)>& act) {
  NetDriver driver(net::kOffered & ~net::bits(net::kHashReport, net::kHashTunnel, net::kRss));
  prepare(driver.host);
  driver.command(4, 0, {2, 0});
  for (const unsigned queue : {0u, 2u}) driver.host.submit(queue, {}, {8192});
  act(driver);
  std::uint64_t all = content(driver.host, 0) * 7 + content(driver.host, 2);
  for (net::Frame frame = driver.wire(); !frame.empty(); frame = driver.wire())
    all = all * 31 + frame.size() + sum(frame);
  const auto config = driver.net.config();
  return all * 31 + sum(Bytes(config.begin(), config.end()));
}

std::map<std::string_view, Scenario> net_scenarios() {
  using namespace net;
  const Frame own = make_frame({.to = Net::kMacAddress});
  const Frame large = with_pseudo_sum(make_frame({.to = Net::kMacAddress, .payload = 2000}));
  const Header cut{.flags = kNeedsCsum,
                   .gso_type = kGsoTcp4,
                   .gso_size = 900,
                   .csum_start = 34,
                   .csum_offset = 16};
  Header partial = cut;
  partial.gso_type = kGsoNone;
  Header unasked = partial;
  unasked.flags = 0;
  Header tunnel = cut;
  tunnel.gso_type = 0x61;
  Bytes tables(14);
  tables[0] = 1;
  std::ranges::copy(kOtherMac, tables.begin() + 4);
  using Act = std::function<void(NetDriver&)>;
  const std::map<std::string_view, Act> acts = {
      {"net-ignores-filter", [=](auto& d) { d.hand_in(make_frame({.to = kOtherMac})); }},
      {"net-exceeds-mtu", [=](auto& d) { d.hand_in(large); }},
      {"net-leaves-checksum-partial", [=](auto& d) { d.send(partial, with_pseudo_sum(own)); }},
      {"net-checksums-unasked", [=](auto& d) { d.send(unasked, with_pseudo_sum(own)); }},
      {"net-sends-tunnel-packets", [=](auto& d) { d.send(tunnel, large); }},
      {"net-sends-packet-uncut", [=](auto& d) { d.send(cut, large); }},
      {"net-keeps-announce",
       [=](auto& d) {
         d.host.act("announce");
         d.command(3, 0, {});
       }},
      {"net-keeps-configured-mac", [=](auto& d) { d.command(1, 1, Bytes(6, 2)); }},
      {"net-forgets-mac-tables",
       [=](auto& d) {
         d.command(1, 0, tables);
         d.hand_in(make_frame({.to = kOtherMac}));
       }},
      {"net-keeps-offloads",
       [=](auto& d) {
         d.command(5, 0, Bytes(8));
         d.send(partial, with_pseudo_sum(own));
       }},
      {"net-header-with-all-fields", [=](auto& d) { d.send({}, own); }},
      {"net-keeps-frames-of-reset-queue",
       [=](auto& d) {
         for (const unsigned queue : {0u, 2u}) d.host.reset_queue(queue);
         d.hand_in(own);
         d.host.machine.enable_queue(0);
         d.host.submit(0, {}, {8192});
       }},
      {"net-keeps-coalescing",
       [=](auto& d) {
         d.command(6, 2, {0, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0});
         d.host.reset_queue(0);
         d.host.machine.enable_queue(0);
         Bytes got;
         d.command(6, 3, Bytes(4), &got);
         d.host.submit(0, {}, {8192});
         d.hand_in(make_frame({.to = Net::kMacAddress, .payload = got.at(0)}));
       }},
      {"net-steers-elsewhere", [=](auto& d) { d.hand_in(own); }},
  };
  std::map<std::string_view, Scenario> made;
  for (const auto& [name, act] : acts)
    made[name] = [does = act](const Prepare& prepare) { return net_outcome(prepare, does); };
  return made;
}

TEST(DeviceSwitches, EachChangesWhatItsDeviceDoes) {
  auto all = plain_scenarios();
  all.merge(net_scenarios());
  std::size_t tested = 0;
  for (const Switch& one : kSwitches) {
    const std::string_view device = one.name.substr(0, one.name.find('-'));
    if (device != "console" && device != "balloon" && device != "vsock" && device != "net")
      continue;
    const auto scenario = all.find(one.name);
    ASSERT_NE(scenario, all.end()) << one.name;
    ++tested;
    const std::uint64_t clean = scenario->second([](DeviceDriver&) {});
    const std::uint64_t broken = scenario->second(
        [&](DeviceDriver& driver) { driver.machine.switches.insert(std::string(one.name)); });
    EXPECT_NE(clean, broken) << one.name;
  }
  EXPECT_EQ(tested, all.size());
}

TEST(DeviceSwitches, EachBreaksAClauseOfTheSuiteAndIsUsed) {
  namespace fs = std::filesystem;
  std::string suite;
  for (const auto& file : fs::directory_iterator(fs::path(HV_SOURCE_DIR) / "specs" / "virtio")) {
    std::ifstream in(file.path());
    suite.append(std::istreambuf_iterator<char>(in), {});
  }
  for (const Switch& one : kSwitches) {
    EXPECT_TRUE(suite.contains(std::string("- id: ").append(one.clause) + "\n")) << one.clause;
    EXPECT_TRUE(suite.contains(std::string("at: switch, name: ").append(one.name) + "}"))
        << one.name;
  }
}

}  // namespace
}  // namespace hypervet::devices
