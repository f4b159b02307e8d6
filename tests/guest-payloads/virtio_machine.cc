// SPDX-License-Identifier: Apache-2.0
#include "tests/guest-payloads/virtio_machine.h"

#include <fmt/format.h>

namespace hypervet::tests {

using protocol::OpCode;
using protocol::VirtioRegister;

namespace {

struct SplitDescriptor {
  std::uint64_t address;
  std::uint32_t length;
  std::uint16_t flags, next;
};
struct PackedDescriptor {
  std::uint64_t address;
  std::uint32_t length;
  std::uint16_t id, flags;
};

constexpr std::uint16_t kNext = 1, kWrite = 2, kAvailable = 1 << 7;
constexpr std::uint64_t kUsedAndAvailable = 0x8080;

}  // namespace

std::string name_of(const VirtioSetup& setup) {
  return fmt::format("{}_{}", setup.pci() ? "Pci" : "Mmio", setup.packed ? "Packed" : "Split");
}

QemuOptions machine_of(const VirtioSetup& setup, const std::string& model,
                       const std::string& properties) {
  QemuOptions options;
  const char* packed = setup.packed ? ",packed=on" : "";
  if (setup.pci()) {
    options.machine = "q35";
    options.arguments = {"-device", fmt::format("virtio-{}-pci,disable-legacy=on,addr=1{}{}", model,
                                                packed, properties)};
  } else {
    options.arguments = {"-global", "virtio-mmio.force-legacy=false", "-device",
                         fmt::format("virtio-{}-device{}{}", model, packed, properties)};
  }
  return options;
}

std::uint32_t VirtioDriver::find(std::uint32_t device) {
  return program_.op(OpCode::kVirtioFind, {device, static_cast<std::uint64_t>(setup_.transport)});
}

std::uint32_t VirtioDriver::read(VirtioRegister reg, std::uint32_t queue) {
  return program_.op(OpCode::kVirtioRead, {static_cast<std::uint64_t>(reg), queue});
}

std::uint32_t VirtioDriver::write(VirtioRegister reg, std::uint64_t value, std::uint32_t queue) {
  return program_.op(OpCode::kVirtioWrite, {static_cast<std::uint64_t>(reg), queue, value});
}

std::uint32_t VirtioDriver::bring_up(bool interrupts, std::uint64_t features) {
  write(VirtioRegister::kStatus, 0);
  program_.op(OpCode::kVirtioAwait,
              {static_cast<std::uint64_t>(VirtioRegister::kStatus), 0, 0xff, 0, kSecond});
  write(VirtioRegister::kStatus, 1);
  write(VirtioRegister::kStatus, 3);
  write(VirtioRegister::kDriverFeatures, kVersion1 | (setup_.packed ? kRingPacked : 0) | features);
  write(VirtioRegister::kStatus, 11);
  const auto status = read(VirtioRegister::kStatus);
  write(VirtioRegister::kQueueSize, kRingSize);
  write(VirtioRegister::kQueueDesc, kRingDesc);
  write(VirtioRegister::kQueueDriver, kRingDriver);
  write(VirtioRegister::kQueueDevice, kRingDevice);
  if (interrupts && setup_.pci()) {
    write(VirtioRegister::kConfigVector, 0);
    write(VirtioRegister::kQueueVector, 1);
  }
  write(VirtioRegister::kQueueEnable, 1);
  write(VirtioRegister::kStatus, 15);
  return status;
}

void VirtioDriver::put(std::uint64_t address, const void* data, std::size_t size) {
  program_.op(OpCode::kPut, {address, program_.data(data, size), size});
}

void VirtioDriver::submit(const std::vector<Part>& parts, bool interrupts) {
  if (setup_.packed) {
    std::vector<PackedDescriptor> ring;
    for (const Part& part : parts) {
      const bool last = &part == &parts.back();
      ring.push_back({part.address, part.length, kChainId,
                      static_cast<std::uint16_t>((part.writable ? kWrite : 0) | (last ? 0 : kNext) |
                                                 kAvailable)});
    }
    const std::uint16_t suppression[2] = {0, static_cast<std::uint16_t>(interrupts ? 0 : 1)};
    put(kRingDriver, suppression, sizeof suppression);
    put(kRingDesc, ring.data(), ring.size() * sizeof ring[0]);
  } else {
    std::vector<SplitDescriptor> table;
    for (const Part& part : parts) {
      const bool last = &part == &parts.back();
      table.push_back(
          {part.address, part.length,
           static_cast<std::uint16_t>((part.writable ? kWrite : 0) | (last ? 0 : kNext)),
           static_cast<std::uint16_t>(last ? 0 : table.size() + 1)});
    }
    put(kRingDesc, table.data(), table.size() * sizeof table[0]);
    const std::uint16_t available[3] = {static_cast<std::uint16_t>(interrupts ? 0 : 1), 1, 0};
    put(kRingDriver, available, sizeof available);
  }
  program_.op(OpCode::kVirtioNotify, {0, 0}, {.width = setup_.pci() ? 2u : 4u});
}

std::uint32_t VirtioDriver::await_used() {
  if (setup_.packed) {
    return program_.op(OpCode::kAwaitMemory,
                       {kRingDesc + offsetof(PackedDescriptor, flags), kUsedAndAvailable,
                        kUsedAndAvailable, 10 * kSecond},
                       {.width = 2});
  }
  return program_.op(OpCode::kAwaitMemory, {kRingDevice + 2, 0xffff, 1, 10 * kSecond},
                     {.width = 2});
}

VirtioDriver::Used VirtioDriver::used() {
  const std::uint64_t id =
      setup_.packed ? kRingDesc + offsetof(PackedDescriptor, id) : kRingDevice + 4;
  const std::uint64_t length =
      setup_.packed ? kRingDesc + offsetof(PackedDescriptor, length) : kRingDevice + 8;
  return {program_.op(OpCode::kRead, {id, setup_.packed ? 2u : 4u}),
          program_.op(OpCode::kRead, {length, 4})};
}

}  // namespace hypervet::tests
