// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/make_device.h"

#include <algorithm>
#include <array>

#include "backends/devices/balloon.h"
#include "backends/devices/block.h"
#include "backends/devices/console.h"
#include "backends/devices/entropy.h"
#include "backends/devices/net.h"
#include "backends/devices/vsock.h"

namespace hypervet::devices {
namespace {

template <typename T>
std::unique_ptr<Device> plain() {
  return std::make_unique<T>();
}

template <BlockKind kind>
std::unique_ptr<Device> block() {
  return std::make_unique<Block>(kind);
}
// More pairs of queues than there are CPUs in most machines.
std::unique_ptr<Device> multiqueue_net() { return std::make_unique<Net>(4); }

struct Row {
  std::string_view device;
  std::string_view variant;
  std::unique_ptr<Device> (*make)();
};

// What a variant changes in the device itself. Those that change the transport are below.
constexpr Row kRows[] = {
    {"entropy", "plain", plain<Entropy>},
    {"blk", "plain", block<BlockKind::kPlain>},
    {"blk", "read-only", block<BlockKind::kReadOnly>},
    {"blk", "multiqueue", block<BlockKind::kMultiqueue>},
    {"blk", "zoned", block<BlockKind::kZoned>},
    {"net", "plain", plain<Net>},
    {"net", "multiqueue", multiqueue_net},
    {"console", "plain", plain<Console>},
    {"balloon", "plain", plain<Balloon>},
    {"vsock", "plain", plain<Vsock>},
};

// Of every device: its plain self behind a transport that is less.
constexpr std::string_view kSmallQueue = "small-queue", kNoMsix = "no-msix";

const Row* find(std::string_view device, std::string_view variant) {
  if (variant == kSmallQueue || variant == kNoMsix) variant = "plain";
  const auto* row = std::ranges::find_if(
      kRows, [&](const Row& one) { return one.device == device && one.variant == variant; });
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace

std::optional<std::string> refuses_device(std::string_view device, std::string_view transport,
                                          std::string_view variant) {
  if (device == "none") return std::nullopt;
  if (find(device, "plain") == nullptr) {
    return "hypervet has no reference model of the virtio device '" + std::string(device) + "'";
  }
  if (find(device, variant) == nullptr) {
    return "the reference model of '" + std::string(device) + "' has no variant '" +
           std::string(variant) + "'";
  }
  if (variant == kNoMsix && transport != "pci") return "only a PCI device has MSI-X to go without";
  return std::nullopt;
}

std::unique_ptr<Device> make_device(std::string_view device, std::string_view variant) {
  const Row* const row = find(device, variant);
  return row == nullptr ? nullptr : row->make();
}

TransportOptions transport_options(std::string_view variant) {
  TransportOptions options;
  if (variant == kNoMsix) options.msix = false;
  if (variant == kSmallQueue) options.queue_limit = 2;
  return options;
}

}  // namespace hypervet::devices
