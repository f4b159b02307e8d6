// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/entropy.h"

#include <algorithm>
#include <vector>

#include "backends/devices/queue.h"

namespace hypervet::devices {

// The driver must place one writable part and nothing else in a buffer (5.4.6.1); readable parts
// are ignored, and a buffer in which no byte can be placed is given back with none.
void Entropy::notified(unsigned index) {
  Queue* queue = host().queue(index);
  if (queue == nullptr) return;
  while (const auto chain = queue->take()) {
    std::vector<std::uint8_t> bytes(std::min<std::uint64_t>(chain->writable_size(), kMost));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(generator_() >> 32);
    queue->give_back(*chain, static_cast<std::uint32_t>(queue->write(*chain, 0, bytes)));
  }
}

}  // namespace hypervet::devices
