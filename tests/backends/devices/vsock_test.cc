// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/vsock.h"

#include <gtest/gtest.h>

#include "tests/backends/devices/device_driver.h"

namespace hypervet::devices {
namespace {

using test::Bytes;
using test::bytes_of;
using test::DeviceDriver;

constexpr std::uint64_t kAll = 0x7;
constexpr std::uint32_t kRoom = 4096;  // buf_alloc of the guest

struct Packet {
  VsockHeader header;
  Bytes payload;
};

// The driver's side of one flow.
class Guest {
 public:
  explicit Guest(std::uint64_t features = kAll) : host(vsock, features | bit(kRingPacked)) {}

  VsockHeader header(VsockOp op, std::uint32_t host_port, std::uint16_t type = kVsockStream) const {
    return {.src_cid = 3,
            .dst_cid = 2,
            .src_port = 1000,
            .dst_port = host_port,
            .type = type,
            .op = op,
            .buf_alloc = buf_alloc,
            .fwd_cnt = fwd_cnt};
  }
  void send(VsockHeader what, const Bytes& payload = {}) {
    what.len = static_cast<std::uint32_t>(payload.size());
    send_raw(what, payload);
  }
  void send_raw(const VsockHeader& what, const Bytes& payload) {
    const auto bytes = what.bytes();
    host.submit(1, {Bytes(bytes.begin(), bytes.end()), payload});
  }
  // The next packet that the device sent, into a buffer of this size.
  std::optional<Packet> next(std::size_t size = 44 + 4096) {
    if (host.idle(0) && host.waiting(0) == 0) host.submit(0, {}, {44, size - 44});
    if (host.idle(0)) return std::nullopt;
    const Bytes got = host.used(0).bytes;
    if (got.size() < 44) throw std::logic_error("no header");
    Packet packet{VsockHeader::parse(std::span(got).first<44>()),
                  Bytes(got.begin() + 44, got.end())};
    EXPECT_EQ(packet.header.len, packet.payload.size());
    EXPECT_EQ(packet.header.dst_cid, load_le<std::uint64_t>(vsock.config()));
    return packet;
  }
  void connect(std::uint32_t port, std::uint16_t type = kVsockStream) {
    send(header(VsockOp::kRequest, port, type));
    const auto answer = next();
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->header.op, VsockOp::kResponse);
    EXPECT_EQ(answer->header.src_port, port);
    EXPECT_EQ(answer->header.dst_port, 1000u);
    EXPECT_EQ(answer->header.buf_alloc, VsockConnection::kBuffer);
  }
  void expect(VsockOp op) {
    const auto answer = next();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->header.op, op);
  }
  void expect_silence() { EXPECT_FALSE(next()); }

  Vsock vsock;
  DeviceDriver host;
  std::uint32_t buf_alloc = kRoom;
  std::uint32_t fwd_cnt = 0;
};

TEST(Vsock, EchoesAStream) {
  Guest guest;
  guest.connect(7);
  guest.send(guest.header(VsockOp::kData, 7), bytes_of("hello"));
  EXPECT_EQ(guest.host.used(1).written, 0u);
  const auto echo = guest.next();
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->header.op, VsockOp::kData);
  EXPECT_EQ(echo->payload, bytes_of("hello"));
  EXPECT_EQ(echo->header.fwd_cnt, 5u);
  EXPECT_EQ(echo->header.flags, 0u);
  guest.expect_silence();
}

TEST(Vsock, NobodyListensAnUnknownTypeAnUnknownCid) {
  Guest guest;
  guest.send(guest.header(VsockOp::kRequest, 8));
  auto answer = guest.next();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->header.op, VsockOp::kReset);
  EXPECT_EQ(answer->header.src_port, 8u);
  guest.send(guest.header(VsockOp::kRequest, 7, 77));
  answer = guest.next();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->header.op, VsockOp::kReset);
  EXPECT_EQ(answer->header.type, 77);
  VsockHeader other = guest.header(VsockOp::kRequest, 7);
  other.dst_cid = 5;
  guest.send(other);
  answer = guest.next();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->header.op, VsockOp::kReset);
  EXPECT_EQ(answer->header.src_cid, 5u);
  other = guest.header(VsockOp::kRequest, 7);
  other.src_cid = 4;
  guest.send(other);
  guest.expect_silence();
  guest.send(guest.header(VsockOp::kReset, 8));
  guest.expect_silence();
}

TEST(Vsock, TypesAreThoseNegotiated) {
  Guest none(0);
  none.connect(7);
  Guest seqpacket(bit(Vsock::kSeqpacket) | bit(Vsock::kNoImpliedStream));
  seqpacket.send(seqpacket.header(VsockOp::kRequest, 7));
  seqpacket.expect(VsockOp::kReset);
  seqpacket.connect(7, kVsockSeqpacket);
  Guest stream(bit(Vsock::kStream));
  stream.send(stream.header(VsockOp::kRequest, 7, kVsockSeqpacket));
  stream.expect(VsockOp::kReset);
}

TEST(Vsock, SendsNoMoreThanTheGuestHasRoomFor) {
  Guest guest;
  guest.buf_alloc = 6;
  guest.connect(7);
  guest.send(guest.header(VsockOp::kData, 7), bytes_of("0123456789"));
  EXPECT_EQ(guest.next()->payload, bytes_of("012345"));
  guest.expect(VsockOp::kCreditRequest);
  guest.expect_silence();
  guest.fwd_cnt = 4;
  guest.send(guest.header(VsockOp::kCreditUpdate, 7));
  EXPECT_EQ(guest.next()->payload, bytes_of("6789"));
  guest.expect_silence();
  guest.fwd_cnt = 1000;  // never sent that much
  guest.send(guest.header(VsockOp::kData, 7), bytes_of("x"));
  guest.expect(VsockOp::kCreditRequest);
  guest.expect_silence();
}

TEST(Vsock, TellsItsOwnRoomAndHoldsTheGuestToIt) {
  Guest guest;
  guest.connect(9);
  guest.send(guest.header(VsockOp::kCreditRequest, 9));
  guest.expect(VsockOp::kCreditUpdate);
  const Bytes half(VsockConnection::kBuffer / 2, 'x');
  guest.send(guest.header(VsockOp::kData, 9), half);
  const auto update = guest.next();
  ASSERT_TRUE(update);
  EXPECT_EQ(update->header.op, VsockOp::kCreditUpdate);
  EXPECT_EQ(update->header.fwd_cnt, half.size());

  guest.host.act("vsock-peer-listen", {80});
  guest.connect(80);
  guest.send(guest.header(VsockOp::kData, 80), half);
  guest.send(guest.header(VsockOp::kData, 80), half);
  guest.expect_silence();
  guest.send(guest.header(VsockOp::kData, 80), Bytes(1));
  guest.expect(VsockOp::kReset);
  EXPECT_EQ(guest.host.act("vsock-peer-state").result, 0u);
}

TEST(Vsock, SeqpacketKeepsMessagesWhateverTheBuffers) {
  Guest guest;
  guest.connect(7, kVsockSeqpacket);
  VsockHeader data = guest.header(VsockOp::kData, 7, kVsockSeqpacket);
  guest.send(data, bytes_of("ab"));
  data.flags = kVsockEndOfMessage;
  guest.send(data, bytes_of("cde"));
  data.flags = kVsockEndOfMessage | kVsockEndOfRecord;
  guest.send(data, {});
  guest.send(data, bytes_of("f"));
  std::vector<std::pair<std::string, std::uint32_t>> got;
  while (const auto packet = guest.next(44 + 2))
    got.emplace_back(std::string(packet->payload.begin(), packet->payload.end()),
                     packet->header.flags);
  const std::vector<std::pair<std::string, std::uint32_t>> expected = {
      {"ab", 0}, {"cd", 0}, {"e", 1}, {"", 3}, {"f", 3}};
  EXPECT_EQ(got, expected);
}

TEST(Vsock, BothHalvesShutAreAnsweredWithReset) {
  Guest guest;
  guest.connect(7);
  VsockHeader shut = guest.header(VsockOp::kShutdown, 7);
  shut.flags = kVsockShutSend;
  guest.send(shut);
  guest.expect_silence();
  shut.flags = kVsockShutReceive;
  guest.send(shut);
  guest.expect(VsockOp::kReset);
  guest.connect(7);
  shut.flags = kVsockShutSend;
  guest.send(shut);
  guest.send(guest.header(VsockOp::kData, 7), bytes_of("late"));
  guest.expect(VsockOp::kReset);
}

TEST(Vsock, TransmitIsServedWithoutReceiveBuffersUntilMemoryEnds) {
  Guest guest;
  std::size_t sent = 0;
  for (; guest.host.waiting(1) == 0 && sent < 1000; ++sent)
    guest.send(guest.header(VsockOp::kRequest, 8));
  EXPECT_EQ(sent, Vsock::kMaxResets + 1);
  std::size_t resets = 0;
  while (guest.next()) ++resets;
  EXPECT_EQ(resets, sent);
  EXPECT_EQ(guest.host.waiting(1), 0u);
}

TEST(Vsock, ConnectionsAreBounded) {
  Guest guest;
  for (std::uint32_t i = 0; i <= Vsock::kMaxConnections; ++i) {
    VsockHeader request = guest.header(VsockOp::kRequest, 7);
    request.src_port = i;
    guest.send(request);
    guest.expect(i < Vsock::kMaxConnections ? VsockOp::kResponse : VsockOp::kReset);
  }
}

TEST(Vsock, MalformedPacketsEndTheFlowOrAreDropped) {
  Guest guest;
  guest.host.submit(1, {Bytes(43)});
  guest.expect_silence();
  guest.connect(7);
  VsockHeader lies = guest.header(VsockOp::kData, 7);
  lies.len = 100;
  guest.send_raw(lies, Bytes(99));
  guest.expect(VsockOp::kReset);
  guest.connect(7);
  guest.send(guest.header(VsockOp::kInvalid, 7));
  guest.expect(VsockOp::kReset);
  lies.len = 0xffff'ffff;
  guest.send_raw(lies, Bytes(1));
  guest.expect(VsockOp::kReset);
  lies.len = 2;  // fewer than the buffer has: the rest is no data
  guest.connect(7);
  guest.send_raw(lies, bytes_of("abc"));
  EXPECT_EQ(guest.next()->payload, bytes_of("ab"));
  EXPECT_EQ(guest.host.done(1), 8u);
  guest.host.submit(0, {}, {43});
  EXPECT_TRUE(guest.host.used(0).bytes.empty());
}

TEST(Vsock, TheHandConnectsSendsReceivesAndCloses) {
  Guest guest;
  const auto port =
      static_cast<std::uint32_t>(guest.host.act("vsock-peer-connect", {1000, kVsockStream}).result);
  const auto request = guest.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.op, VsockOp::kRequest);
  EXPECT_EQ(request->header.dst_port, 1000u);
  EXPECT_EQ(guest.host.act("vsock-peer-state").result, 1u);
  guest.host.give("vsock-peer-send", bytes_of("early"));
  guest.expect_silence();
  guest.send(guest.header(VsockOp::kResponse, port));
  EXPECT_EQ(guest.host.act("vsock-peer-state").result, 2u);
  EXPECT_EQ(guest.next()->payload, bytes_of("early"));
  guest.send(guest.header(VsockOp::kData, port), bytes_of("answer"));
  EXPECT_EQ(guest.host.take("vsock-peer-receive", 3), bytes_of("ans"));
  EXPECT_EQ(guest.host.take("vsock-peer-receive"), bytes_of("wer"));
  guest.host.act("vsock-peer-close");
  const auto shut = guest.next();
  ASSERT_TRUE(shut);
  EXPECT_EQ(shut->header.op, VsockOp::kShutdown);
  EXPECT_EQ(shut->header.flags, 3u);
  EXPECT_EQ(guest.host.act("vsock-peer-state").result, 3u);
  guest.host.machine.pass(Vsock::kPatience);
  guest.expect(VsockOp::kReset);
  EXPECT_EQ(guest.host.act("vsock-peer-state").result, 0u);
}

TEST(Vsock, ACloseThatTheGuestAnswersIsOver) {
  Guest guest;
  guest.host.act("vsock-peer-listen", {80});
  guest.connect(80);
  guest.host.act("vsock-peer-close");
  guest.expect(VsockOp::kShutdown);
  guest.send(guest.header(VsockOp::kReset, 80));
  EXPECT_EQ(guest.host.act("vsock-peer-state").result, 0u);
  guest.connect(80);
  guest.host.machine.pass(Vsock::kPatience);
  guest.expect_silence();
  EXPECT_EQ(guest.host.act("vsock-peer-state").result, 2u) << "the timer was the older one's";
}

TEST(Vsock, AMoveGivesANewCidAndEndsConnections) {
  Guest guest;
  guest.connect(7);
  EXPECT_FALSE(guest.host.act("vsock-transport-reset", {2}).done);
  EXPECT_TRUE(guest.host.act("vsock-transport-reset", {9}).done);
  EXPECT_EQ(load_le<std::uint64_t>(guest.vsock.config()), 9u);
  guest.host.submit(2, {}, {3});
  guest.host.submit(2, {}, {4});
  EXPECT_TRUE(guest.host.used(2).bytes.empty());
  EXPECT_EQ(guest.host.used(2).bytes, Bytes(4));
  guest.host.submit(2, {}, {4});
  EXPECT_TRUE(guest.host.idle(2));
  VsockHeader data = guest.header(VsockOp::kData, 7);
  data.src_cid = 9;
  guest.send(data, bytes_of("x"));
  guest.expect(VsockOp::kReset);
}

}  // namespace
}  // namespace hypervet::devices
