// SPDX-License-Identifier: Apache-2.0
// The sizes of a chain, until the queues of branch `devices` are here, which define them.
#include "backends/devices/queue.h"

namespace hypervet::devices {
namespace {

std::uint64_t total(const std::vector<Segment>& segments) {
  std::uint64_t sum = 0;
  for (const Segment& each : segments) sum += each.length;
  return sum;
}

}  // namespace

std::uint64_t Chain::readable_size() const { return total(readable); }
std::uint64_t Chain::writable_size() const { return total(writable); }

}  // namespace hypervet::devices
