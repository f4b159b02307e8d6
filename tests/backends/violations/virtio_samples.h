// SPDX-License-Identifier: Apache-2.0
// One event at each seam of a virtio device, as words of what comes out, and an effect that shows
// there; for the walk over the vocabulary. `other` makes the second of two different events.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backends/violations/interposer.h"

namespace hypervet::violations::test {

inline constexpr std::uint64_t kSampleValue = 0x5a;

inline void show(std::string& text, std::uint64_t value) { text += std::to_string(value) + " "; }
inline void show(std::string& text, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) show(text, byte);
}

inline std::string register_event(Interposer& interposer) {
  RegisterContext context{.reg = protocol::VirtioRegister::kQueueSize,
                          .queue = 2,
                          .write = false,
                          .phase = Phase::kFeaturesOk};
  static std::uint64_t reading = 0;  // no two readings are the same, so that `stuck` shows
  std::string text;
  const std::uint64_t shown = ++reading << 16 | 0xff02;
  show(text, interposer.register_read(context, shown) - shown);
  context.write = true;
  const RegisterWrite write = interposer.register_write(context, 0xff02);
  show(text, write.value);
  return text + (write.ignore ? "ignored" : "");
}

inline std::string config_event(Interposer& interposer, Seam seam, bool other) {
  std::vector<std::uint8_t> bytes = {0x02, 0xff, 0x01, static_cast<std::uint8_t>(other)};
  interposer.config(
      seam, {.offset = 0x10, .write = false, .capability = "msix", .capability_begin = 0x10},
      bytes);
  std::string text;
  show(text, bytes);
  bytes.assign(4, 0x33);
  if (!interposer.config(
          seam, {.offset = 0x10, .write = true, .capability = "msix", .capability_begin = 0x10},
          bytes))
    text += "ignored ";
  show(text, bytes);
  return text;
}

// Every field that a device writes, once.
inline std::string dma_write_event(Interposer& interposer) {
  using enum DmaField;
  std::string text;
  for (const DmaField field :
       {kUsedFlags, kUsedIdx, kUsedId, kUsedLen, kAvailEvent, kDescLen, kDescFlags, kDescId,
        kDeviceEventOffWrap, kDeviceEventFlags, kBuffer}) {
    DmaWrite write{.address = 0x1000,
                   .bytes = std::vector<std::uint8_t>(field == kBuffer ? 128 : 4, 0x23),
                   .behind = 0x1080};
    interposer.change_dma_write({.field = field, .queue = 2}, write);
    show(text, write.address);
    show(text, write.bytes);
    show(text, write.spill);
    text += write.drop ? "dropped " : write.hold ? "held " : "";
    text += interposer.releases_dma_writes({.field = field, .queue = 2}) ? "released " : "";
  }
  return text;
}

inline std::string dma_read_event(Interposer& interposer) {
  using enum DmaField;
  std::string text;
  for (const DmaField field :
       {kAvailFlags, kAvailIdx, kAvailRing, kUsedEvent, kDescAddr, kDescLen, kDescFlags, kDescNext,
        kDescId, kIndirectAddr, kIndirectLen, kIndirectFlags, kIndirectNext, kDriverEventOffWrap,
        kDriverEventFlags}) {
    show(text, interposer.dma_read({.field = field, .queue = 2}, 0xff02, 2));
  }
  std::vector<std::uint8_t> bytes(128, 0x23);
  interposer.dma_read_buffer(2, bytes);
  show(text, bytes);
  return text;
}

inline std::string notify_event(Interposer& interposer) {
  const Notify notify = interposer.notify({.queue = 2, .live = false});
  return std::string(notify.drop ? "drop " : "") + (notify.never_returns ? "hang " : "") +
         (notify.serve ? "serve " : "");
}

// Wanted and suppressed ones, of a queue and of the configuration.
inline std::string interrupt_event(Interposer& interposer) {
  std::string text;
  for (const bool config : {false, true}) {
    for (const bool wanted : {true, false}) {
      const VirtioInterrupt one =
          interposer.virtio_interrupt({.config = config, .queue = 2, .wanted = wanted});
      text += std::string(one.send ? "sent " : "") + (one.config ? "config " : "queue ") +
              (one.status_unset ? "unset " : "") + (one.status_uncleared ? "uncleared " : "");
      show(text, one.repeat);
    }
  }
  return text;
}

inline std::string virtio_event(Interposer& interposer, Seam seam, bool other) {
  switch (seam) {
    case Seam::kRegister:
      return register_event(interposer);
    case Seam::kConfig:
    case Seam::kPciConfig:
      return config_event(interposer, seam, other);
    case Seam::kDmaWrite:
      return dma_write_event(interposer);
    case Seam::kDmaRead:
      return dma_read_event(interposer);
    case Seam::kNotify:
      return notify_event(interposer);
    case Seam::kVirtioInterrupt:
      return interrupt_event(interposer);
    default:
      return "no event for this seam";
  }
}

inline std::pair<std::string, Value> virtio_effect(Seam seam) {
  if (seam == Seam::kNotify || seam == Seam::kVirtioInterrupt) return {"drop", std::string("yes")};
  return {"value", kSampleValue};
}

}  // namespace hypervet::violations::test
