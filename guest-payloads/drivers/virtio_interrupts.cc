// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/drivers/virtio_interrupts.h"

#include "guest-payloads/drivers/io_apic.h"
#include "guest-payloads/drivers/pci.h"
#include "guest-payloads/protocol/mailbox.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/channel.h"
#include "guest-payloads/runtime/cpu.h"

namespace hypervet::guest {

using protocol::VirtioInterrupts;
using protocol::VirtioRegion;
using protocol::VirtioRegister;

namespace {

// PCI Local Bus 3.0, 6.8.2: message control of MSI-X; table entries of 16 bytes.
constexpr std::uint64_t kControl = 2, kMsixEnable = 1 << 15, kEntrySize = 16;
constexpr std::uint64_t kMessageAddress = 0xfee0'0000;

void enable_msix(Access& access, const VirtioDevice& device, bool on) {
  if (device.msix.kind == Place::Kind::kNowhere) return;
  const Place control = device.msix + kControl;
  const std::uint64_t before = access.load(control, 2) & 0x3fff;  // function mask off
  access.store(control, 2, before | (on ? kMsixEnable : 0));
}

void enable_intx(Access& access, const VirtioDevice& device, bool on) {
  if (!device.is_pci()) return;
  const Place command = device.region(VirtioRegion::kPciHeader).start + kPciCommand;
  const std::uint64_t before = access.load(command, 2) & ~kPciNoIntx;
  access.store(command, 2, before | (on ? 0 : kPciNoIntx));
}

bool fill_msix_table(Access& access, const VirtioDevice& device, std::uint32_t queues) {
  if (!has_msix(device, queues)) return false;
  const Window& table = device.region(VirtioRegion::kMsixTable);
  for (std::uint32_t i = 0; i <= queues; ++i) {
    const Place entry = table.start + i * kEntrySize;
    access.store(entry, 4, kMessageAddress | this_cpu().apic_id << 12);
    access.store(entry + 4, 4, 0);
    access.store(entry + 8, 4, protocol::kVirtioConfigVector + i);
    access.store(entry + 12, 4, 0);  // not masked
  }
  return true;
}
static_assert(protocol::kVirtioQueueVector == protocol::kVirtioConfigVector + 1);

// A line that stays asserted whatever is acknowledged would never let the program go on. It is
// masked after so many interrupts during which nothing else moved.
constexpr std::uint32_t kStormLimit = 64;
std::uint64_t open_gsi;
std::uint64_t progress_seen;
std::uint32_t without_progress;

bool is_storm(const Cpu& cpu) {
  const std::uint64_t progress = mailbox().progress[cpu.index];
  without_progress = progress == progress_seen ? without_progress + 1 : 0;
  progress_seen = progress;
  return without_progress >= kStormLimit;
}

}  // namespace

bool has_msix(const VirtioDevice& device, std::uint32_t queues) {
  return device.region(VirtioRegion::kMsixTable).size >= (1 + queues) * kEntrySize;
}

bool set_virtio_interrupts(Access& access, const VirtioDevice& device, VirtioInterrupts mode,
                           std::uint32_t queues) {
  if (device.map == nullptr) return false;
  if (mode != VirtioInterrupts::kLine) close_line(device.found.line);
  if (mode == VirtioInterrupts::kMsix && !fill_msix_table(access, device, queues)) return false;
  enable_msix(access, device, mode == VirtioInterrupts::kMsix);
  enable_intx(access, device, mode == VirtioInterrupts::kLine);
  if (mode != VirtioInterrupts::kLine) return true;
  without_progress = 0;
  open_gsi = device.found.line;
  return open_line(open_gsi, protocol::kVirtioLineVector);
}

void take_virtio_line(void*) {
  constexpr std::uint64_t kQueueCause = 1, kConfigCause = 2;  // 4.1.4.5, 4.2.2
  Cpu& cpu = this_cpu();
  Access access;
  std::uint64_t causes = 0;
  virtio_device.read(access, VirtioRegister::kInterruptStatus, 0, causes);
  causes &= kQueueCause | kConfigCause;
  if (causes != 0) virtio_device.write(access, VirtioRegister::kInterruptAck, 0, causes);
  if ((causes & kQueueCause) != 0) {
    for (std::uint32_t queue = 0; queue < protocol::kVirtioQueueVectors; ++queue)
      ++cpu.counts[protocol::kVirtioQueueVector + queue];
  }
  if ((causes & kConfigCause) != 0) ++cpu.counts[protocol::kVirtioConfigVector];
  if (is_storm(cpu)) close_line(open_gsi);
  end_of_interrupt();
}

}  // namespace hypervet::guest
