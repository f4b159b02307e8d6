// SPDX-License-Identifier: Apache-2.0
// `on:`: the virtio devices, transports and rings that a case runs on, each a parameter of its
// matrix whose values are words. Constant tables; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hypervet::spec {

// A word and the number that it is in expressions.
struct OnWord {
  std::string_view text;
  std::uint64_t value;
};
std::span<const OnWord> device_words();     // value: device ID, 5
std::span<const OnWord> transport_words();  // protocol::VirtioTransport
std::span<const OnWord> ring_words();       // split 0, packed 1

// "blk" of 2; "?" of what is not in the table.
std::string_view word_text(std::span<const OnWord> words, std::uint64_t value);
std::optional<std::uint64_t> word_value(std::span<const OnWord> words, std::string_view text);

// What `on:` says, each in the order of the text; transports and rings are all if it says nothing.
struct On {
  std::vector<OnWord> devices, transports, rings;
  bool every_device = false;  // `devices: all`
  bool any_ring = false;      // `rings: any`: no parameter; split rings are used
};

// Names of the parameters, in their order.
inline constexpr std::string_view kDeviceParameter = "device", kTransportParameter = "transport",
                                  kRingParameter = "ring";

// A name in cases with `on:`: the queue of the device's good request.
inline constexpr std::string_view kRequestQueue = "request-queue";

}  // namespace hypervet::spec
