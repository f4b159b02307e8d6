// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/net_statistics.h"

#include <bit>

#include "backends/devices/little_endian.h"
#include "backends/devices/net_features.h"

namespace hypervet::devices::net {
namespace {

enum ReceiveCount : std::uint8_t { kValid, kPartial, kNone, kBad };
enum TransmitCount : std::uint8_t { kWhole, kToComplete };

// A type of statistics: whose it is, what the driver must have negotiated, and how many counters.
struct Type {
  unsigned number;
  std::uint64_t needs;
  std::size_t counters;
};

const Type& type_of(unsigned queue, unsigned control_queue) {
  static constexpr Type kControlType = {Statistics::kControl, 0, 2},
                        kReceiveType = {Statistics::kReceiveCsum, bit(kGuestCsum), 4},
                        kTransmitType = {Statistics::kTransmitCsum, bit(kCsum), 2};
  return queue == control_queue ? kControlType : queue % 2 == 0 ? kReceiveType : kTransmitType;
}

}  // namespace

void Statistics::received(unsigned queue, const Header& header, FrameView frame) {
  const Layers layers = layers_of(frame);
  const bool claimed = layers.transport != 0 &&
                       (layers.tcp() || load_be<std::uint16_t>(frame, layers.checksum_at()) != 0);
  const ReceiveCount kind = (header.flags & kDataValid) != 0            ? kValid
                            : (header.flags & kNeedsCsum) != 0          ? kPartial
                            : claimed && !checksum_valid(frame, layers) ? kBad
                                                                        : kNone;
  ++counts_[queue][kind];
}

void Statistics::sent(unsigned queue, bool partial) {
  ++counts_[queue][partial ? kToComplete : kWhole];
}

std::optional<std::vector<std::uint8_t>> Statistics::reply(std::span<const std::uint8_t> request,
                                                           unsigned control_queue,
                                                           std::uint64_t features) const {
  constexpr std::size_t kEntry = 16, kHeader = 8;
  if (request.empty() || request.size() % kEntry != 0) return std::nullopt;
  std::vector<std::uint8_t> made;
  for (; !request.empty(); request = request.subspan(kEntry)) {
    const auto queue = load_le<std::uint16_t>(request);
    const auto types = load_le<std::uint64_t>(request, 8);
    if (queue > control_queue) return std::nullopt;
    const Type& type = type_of(queue, control_queue);
    if (types == 0) continue;
    if (types != bit(type.number) || (features & type.needs) != type.needs) return std::nullopt;
    std::vector<std::uint8_t> one(kHeader + 8 * type.counters);
    one[0] = static_cast<std::uint8_t>(type.number);
    store_le(std::span(one), 2, queue);
    store_le(std::span(one), 6, static_cast<std::uint16_t>(one.size()));
    for (std::size_t i = 0; i < type.counters; ++i) {
      const bool this_one = queue == control_queue && i == 1;
      store_le(std::span(one), kHeader + 8 * i, counts_[queue][i] + (this_one ? 1 : 0));
    }
    made.insert(made.end(), one.begin(), one.end());
  }
  return made;
}

}  // namespace hypervet::devices::net
