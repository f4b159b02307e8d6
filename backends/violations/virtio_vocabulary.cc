// SPDX-License-Identifier: Apache-2.0
#include "backends/violations/virtio_vocabulary.h"

namespace hypervet::violations {
namespace {

using enum KeyRole;

constexpr std::string_view kWrittenFields =
    "used.flags used.idx used.id used.len avail-event desc.len desc.flags desc.id "
    "device-event.off-wrap device-event.flags buffer";
constexpr std::string_view kReadFields =
    "avail.flags avail.idx avail.ring used-event desc.addr desc.len desc.flags "
    "desc.next desc.id indirect.addr indirect.len indirect.flags indirect.next "
    "driver-event.off-wrap driver-event.flags buffer";
constexpr std::string_view kRegisterNames =
    "device_features driver_features device_status config_generation num_queues "
    "queue_size_max queue_size queue_enable queue_desc queue_driver queue_device "
    "queue_reset interrupt_status interrupt_ack config_msix_vector queue_msix_vector "
    "queue_notify_off queue_notif_config_data magic version device_id vendor_id";

constexpr Key kNth = {"nth", kCondition, true, "",
                      "only the n-th event that meets the other conditions, from 1"};
constexpr Key kAccess = {"access", kCondition, false, "read write", "what the driver does"};
constexpr Key kQueue = {"queue", kCondition, true, "", "index of the queue"};

constexpr Key kRegisterKeys[] = {
    {"name", kCondition, false, kRegisterNames, "register, by its name in protocol/virtio.h"},
    kQueue,
    kAccess,
    {"after", kCondition, false, "reset features-ok driver-ok",
     "how far the driver has come: since then and before the next"},
    kNth,
    {"value", kEffect, true, "", "read instead, or taken for what is written; the whole register"},
    {"add", kEffect, true, "", "added to the value"},
    {"set", kEffect, true, "", "bits set in the value"},
    {"clear", kEffect, true, "", "bits cleared in the value"},
    {"ignore", kEffect, false, "yes", "a write does nothing"},
    {"stuck", kEffect, false, "yes", "every read gives what the first one gave"},
};
constexpr Key kConfigKeys[] = {
    {"offset", kCondition, true, "", "the access has this byte"},
    kAccess,
    kNth,
    {"value", kEffect, true, "", "the bytes from the offset to the end of the access"},
    {"add", kEffect, true, "", "added to them"},
    {"set", kEffect, true, "", "bits set in them"},
    {"clear", kEffect, true, "", "bits cleared in them"},
    {"ignore", kEffect, false, "yes", "a write does nothing"},
    {"stuck", kEffect, false, "yes", "every read gives what the first one gave"},
};
constexpr Key kPciConfigKeys[] = {
    {"offset", kCondition, true, "", "the access has this byte"},
    {"capability", kCondition, false, "common notify isr device access vendor msix",
     "the access lies in this capability, from whose start offset counts"},
    kAccess,
    kNth,
    {"value", kEffect, true, "", "the bytes from the offset to the end of the access"},
    {"set", kEffect, true, "", "bits set in them"},
    {"clear", kEffect, true, "", "bits cleared in them"},
    {"ignore", kEffect, false, "yes", "a write does nothing"},
};
constexpr Key kDmaWriteKeys[] = {
    {"field", kCondition, false, kWrittenFields,
     "field of the ring, or buffer: bytes that the device puts into one writable piece at once"},
    kQueue,
    kNth,
    {"value", kEffect, true, "", "written instead (buffer: its first bytes, at most eight)"},
    {"add", kEffect, true, "", "added to it"},
    {"set", kEffect, true, "", "bits set in it"},
    {"clear", kEffect, true, "", "bits cleared in it"},
    {"offset", kEffect, true, "", "buffer: value, add, set and clear act from this byte on"},
    {"fill", kEffect, true, "", "every byte is this"},
    {"size", kEffect, true, "", "only that many bytes are written"},
    {"drop", kEffect, false, "yes", "not written"},
    {"at-address", kEffect, true, "", "written there instead"},
    {"also-after-end", kEffect, true, "",
     "bytes of 0xee written behind the writable piece too, at most 64"},
    {"before", kEffect, false, kWrittenFields,
     "this field, which should come first, is written 50 us later (nth counts its writes)"},
};
constexpr Key kDmaReadKeys[] = {
    {"field", kCondition, false, kReadFields,
     "field of the ring, or buffer: bytes that the device takes from one readable piece at once"},
    kQueue,
    kNth,
    {"value", kEffect, true, "", "what the device takes it for (buffer: its first bytes)"},
    {"add", kEffect, true, "", "added to it"},
    {"set", kEffect, true, "", "bits set in it"},
    {"clear", kEffect, true, "", "bits cleared in it"},
    {"offset", kEffect, true, "", "buffer: the others act from this byte on"},
};
constexpr Key kNotifyKeys[] = {
    kQueue,
    kNth,
    {"drop", kEffect, false, "yes", "the device does not notice"},
    {"never-returns", kEffect, false, "yes", "the CPU hangs in the access"},
    {"before-driver-ok", kEffect, false, "serve", "the device works although it is not live"},
};
constexpr Key kVirtioInterruptKeys[] = {
    {"of", kCondition, false, "queue config", "used buffers, or a configuration change"},
    kQueue,
    {"when", kCondition, false, "wanted suppressed", "has the driver suppressed it?"},
    kNth,
    {"drop", kEffect, false, "yes", "never sent"},
    {"raise", kEffect, false, "yes", "sent although it is suppressed"},
    {"repeat", kEffect, true, "", "sent that many times, 20 us apart, at most 16"},
    {"to", kEffect, false, "queue config", "sent as if it were of this"},
    {"keep-status", kEffect, false, "unset uncleared",
     "its bit in ISR status or InterruptStatus is not set; or acknowledging does not clear it"},
};

constexpr SeamEntry kEntries[] = {
    {Seam::kRegister, "register", kRegisterKeys},
    {Seam::kConfig, "config", kConfigKeys},
    {Seam::kPciConfig, "pci-config", kPciConfigKeys},
    {Seam::kDmaWrite, "dma-write", kDmaWriteKeys},
    {Seam::kDmaRead, "dma-read", kDmaReadKeys},
    {Seam::kNotify, "notify", kNotifyKeys},
    {Seam::kVirtioInterrupt, "virtio-interrupt", kVirtioInterruptKeys},
};

}  // namespace

std::span<const SeamEntry> virtio_seams() { return kEntries; }

}  // namespace hypervet::violations
