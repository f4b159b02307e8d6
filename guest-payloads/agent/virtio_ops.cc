// SPDX-License-Identifier: Apache-2.0
// Ops on the virtio device that the program found last.
#include "guest-payloads/agent/execute.h"
#include "guest-payloads/drivers/virtio_device.h"
#include "guest-payloads/drivers/virtio_interrupts.h"
#include "guest-payloads/runtime/nap.h"
#include "guest-payloads/runtime/waiting.h"

namespace hypervet::guest {

using protocol::VirtioInterrupts;
using protocol::VirtioRegion;
using protocol::VirtioRegister;

namespace {

// A structure of 64-bit fields, or the fault that one of the accesses ended in.
template <typename Answer>
void answer(OpRun& run, const Access& access, const Answer& fields) {
  if (access.faulted()) return run.executed(access.guard());
  run.values(reinterpret_cast<const std::uint64_t*>(&fields), sizeof fields / 8);
}

void answer_value(OpRun& run, const Access& access, std::uint64_t value, bool there) {
  if (!access.faulted()) run.keep(value);
  const std::uint64_t fields[] = {value, there};
  answer(run, access, fields);
}

VirtioRegister reg(const OpRun& run) { return static_cast<VirtioRegister>(run.operand(0)); }
std::uint32_t index(const OpRun& run) { return static_cast<std::uint32_t>(run.operand(1)); }

// False: the device has no such byte.
bool region_place(const OpRun& run, Place& place) {
  const Window& window = virtio_device.region(static_cast<VirtioRegion>(run.operand(0)));
  const std::uint64_t offset = run.operand(1);
  place = window.start + offset;
  return window.holds(offset, run.op().width);
}

bool in_halves(const OpRun& run) {
  return run.op().variant == static_cast<std::uint16_t>(protocol::RegionAccess::kHalves) &&
         run.op().width == 8;
}

}  // namespace

void virtio_find_op(OpRun& run) {
  Access access;
  const auto id = static_cast<std::uint32_t>(run.operand(0));
  virtio_device = {};
  if (run.operand(1) == static_cast<std::uint64_t>(protocol::VirtioTransport::kMmio)) {
    find_virtio_mmio(access, id, virtio_device);
  } else {
    find_virtio_pci(access, id, virtio_device);
  }
  if (access.faulted()) virtio_device = {};
  allow_naps(virtio_device.map != nullptr);
  answer(run, access, virtio_device.found);
}

void virtio_read_op(OpRun& run) {
  Access access;
  std::uint64_t value;
  const bool there = virtio_device.read(access, reg(run), index(run), value);
  answer_value(run, access, value, there);
}

void virtio_write_op(OpRun& run) {
  Access access;
  const bool there = virtio_device.write(access, reg(run), index(run), run.operand(2));
  answer_value(run, access, 0, there);
}

void virtio_await_op(OpRun& run) {
  Access access;
  const std::uint64_t mask = run.operand(2), wanted = run.operand(3);
  const Deadline deadline(run.operand(4));
  std::uint64_t seen = 0;
  bool there = true;
  const bool ended = spin_until(deadline, [&] {
    there = virtio_device.read(access, reg(run), index(run), seen);
    return !there || access.faulted() || (seen & mask) == wanted;
  });
  if (access.faulted()) return run.executed(access.guard());
  if (!there) return answer_value(run, access, 0, false);
  run.waited(ended, deadline.elapsed(), seen);
}

void region_read_op(OpRun& run) {
  Access access;
  Place place;
  const bool there = region_place(run, place);
  std::uint64_t value = 0;
  if (there && in_halves(run)) {
    value = access.load(place, 4);
    value |= access.load(place + 4, 4) << 32;
  } else if (there) {
    value = access.load(place, run.op().width);
  }
  answer_value(run, access, value, there);
}

void region_write_op(OpRun& run) {
  Access access;
  Place place;
  const bool there = region_place(run, place);
  if (there && in_halves(run)) {
    access.store(place, 4, run.operand(2) & 0xffff'ffff);
    access.store(place + 4, 4, run.operand(2) >> 32);
  } else if (there) {
    access.store(place, run.op().width, run.operand(2));
  }
  answer_value(run, access, 0, there);
}

void virtio_notify_op(OpRun& run) {
  Access access;
  const bool there = virtio_device.notify(access, static_cast<std::uint32_t>(run.operand(0)),
                                          run.op().width, run.operand(1));
  answer_value(run, access, 0, there);
}

void virtio_interrupts_op(OpRun& run) {
  Access access;
  auto mode = static_cast<VirtioInterrupts>(run.operand(0));
  if (mode == VirtioInterrupts::kNative) {
    mode = has_msix(virtio_device, index(run)) ? VirtioInterrupts::kMsix : VirtioInterrupts::kLine;
  }
  // In place before the first interrupt.
  program.handlers[protocol::kVirtioLineVector] = {
      .native = mode == VirtioInterrupts::kLine ? take_virtio_line : nullptr};
  const std::uint64_t done = set_virtio_interrupts(access, virtio_device, mode, index(run));
  const std::uint64_t fields[] = {done, mode == VirtioInterrupts::kMsix};
  answer(run, access, fields);
}

void virtio_capability_op(OpRun& run) {
  Access access;
  const auto capability = virtio_capability(access, virtio_device,
                                            static_cast<std::uint32_t>(run.operand(0)), index(run));
  run.keep(capability.place);
  answer(run, access, capability);
}

}  // namespace hypervet::guest
