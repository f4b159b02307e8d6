// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/on.h"

#include <algorithm>
#include <array>

#include "guest-payloads/protocol/virtio.h"

namespace hypervet::spec {
namespace {

// virtio 1.4, 5: device types.
constexpr OnWord kDevices[] = {{"entropy", 4}, {"blk", 2},    {"net", 1},     {"console", 3},
                               {"balloon", 5}, {"vsock", 19}, {"scsi", 8},    {"9p", 9},
                               {"gpu", 16},    {"input", 18}, {"crypto", 20}, {"iommu", 23},
                               {"mem", 24},    {"pmem", 27}};
constexpr OnWord kTransports[] = {
    {"mmio", static_cast<std::uint64_t>(protocol::VirtioTransport::kMmio)},
    {"pci", static_cast<std::uint64_t>(protocol::VirtioTransport::kPci)}};
constexpr OnWord kRings[] = {{"split", 0}, {"packed", 1}};

}  // namespace

std::span<const OnWord> device_words() { return kDevices; }
std::span<const OnWord> transport_words() { return kTransports; }
std::span<const OnWord> ring_words() { return kRings; }

std::string_view word_text(std::span<const OnWord> words, std::uint64_t value) {
  const auto found = std::ranges::find(words, value, &OnWord::value);
  return found == words.end() ? "?" : found->text;
}

std::optional<std::uint64_t> word_value(std::span<const OnWord> words, std::string_view text) {
  const auto found = std::ranges::find(words, text, &OnWord::text);
  return found == words.end() ? std::nullopt : std::optional(found->value);
}

}  // namespace hypervet::spec
