// SPDX-License-Identifier: Apache-2.0
// How the interrupts of the program's device reach a CPU: protocol/virtio.h has the vectors.
#pragma once

#include <cstdint>

#include "guest-payloads/drivers/virtio_device.h"

namespace hypervet::guest {

// Whether there are MSI-X vectors for the configuration and for each of that many queues.
bool has_msix(const VirtioDevice& device, std::uint32_t queues);

// Leads the interrupts of configuration and of that many queues to this CPU, or none at all. False:
// the device has no such interrupts, or not enough of them, or its line is not known. `mode` is not
// kNative.
bool set_virtio_interrupts(Access& access, const VirtioDevice& device,
                           protocol::VirtioInterrupts mode, std::uint32_t queues);

// The handler of kVirtioLineVector: asks the device for the cause, acknowledges it, counts it as
// the vectors that MSI-X would have had, ends the interrupt.
void take_virtio_line(void*);

}  // namespace hypervet::guest
