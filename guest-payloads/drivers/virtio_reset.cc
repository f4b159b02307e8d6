// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/drivers/virtio_reset.h"

#include "guest-payloads/drivers/virtio_interrupts.h"
#include "guest-payloads/runtime/waiting.h"

namespace hypervet::guest {

using protocol::VirtioRegister;

namespace {

constexpr std::uint64_t kPatience = 1'000'000'000;  // nanoseconds for a reset to end

}  // namespace

bool put_away_virtio_device() {
  if (virtio_device.map == nullptr) return true;
  Access access;
  set_virtio_interrupts(access, virtio_device, protocol::VirtioInterrupts::kNone, 0);
  virtio_device.write(access, VirtioRegister::kStatus, 0, 0);
  std::uint64_t status = 0;
  const bool ended = spin_until(Deadline(kPatience), [&] {
    virtio_device.read(access, VirtioRegister::kStatus, 0, status);
    return access.faulted() || status == 0;
  });
  virtio_device = {};
  return ended && !access.faulted();
}

}  // namespace hypervet::guest
