// SPDX-License-Identifier: Apache-2.0
// A device of a real QEMU, and a driver for it written op by op: the least that a test needs to
// bring a device up and to put a request into a ring by hand, on either transport and in either
// layout.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/virtio.h"
#include "tests/guest-payloads/program_builder.h"
#include "tests/guest-payloads/qemu_run.h"

namespace hypervet::tests {

struct VirtioSetup {
  protocol::VirtioTransport transport = protocol::VirtioTransport::kMmio;
  bool packed = false;

  bool pci() const { return transport == protocol::VirtioTransport::kPci; }
};
std::string name_of(const VirtioSetup& setup);  // of a parameterised test

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kRingDesc = protocol::kArenaAddress;
inline constexpr std::uint64_t kRingDriver = protocol::kArenaAddress + 0x1000;
inline constexpr std::uint64_t kRingDevice = protocol::kArenaAddress + 0x2000;
inline constexpr std::uint64_t kBuffers = protocol::kArenaAddress + 0x3000;
inline constexpr std::uint32_t kRingSize = 8;
inline constexpr std::uint64_t kVersion1 = 1ull << 32, kRingPacked = 1ull << 34;

// microvm and q35 as the tests want them, without `-device`. PCI: slot 1 of bus 0.
QemuOptions machine_of(const VirtioSetup& setup, const std::string& model,
                       const std::string& properties = {});

struct Part {
  std::uint64_t address;
  std::uint32_t length;
  bool writable;
};

// Appends ops to a program. Indices of ops whose answers tests look at are kept.
class VirtioDriver {
 public:
  VirtioDriver(ProgramBuilder& program, const VirtioSetup& setup)
      : program_(program), setup_(setup) {}

  std::uint32_t find(std::uint32_t device);
  std::uint32_t read(protocol::VirtioRegister reg, std::uint32_t queue = 0);
  std::uint32_t write(protocol::VirtioRegister reg, std::uint64_t value, std::uint32_t queue = 0);
  // Resets, negotiates VERSION_1, the layout and `features`, sets queue 0 up, goes to DRIVER_OK.
  // Returns the op that reads the status back after FEATURES_OK.
  std::uint32_t bring_up(bool interrupts = false, std::uint64_t features = 0);
  // Puts a chain into the ring as its first request and notifies.
  void submit(const std::vector<Part>& parts, bool interrupts = false);
  // Waits for its completion.
  std::uint32_t await_used();
  // Ops that read id and length of what was used.
  struct Used {
    std::uint32_t id, length;
  };
  Used used();

 private:
  void put(std::uint64_t address, const void* data, std::size_t size);

  ProgramBuilder& program_;
  VirtioSetup setup_;
};

inline constexpr std::uint32_t kChainId = 5;  // of the packed chain; a split chain's is 0

}  // namespace hypervet::tests
