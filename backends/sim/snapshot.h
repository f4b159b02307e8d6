// SPDX-License-Identifier: Apache-2.0
// From a payload to a machine that waits for its program. An agent is booted once per
// configuration; after that every run starts from the machine as it was when the agent rang kReady.
//
// A Snapshot never changes once it is made: any thread may clone machines from it. A machine goes
// back to the snapshot that it came from by Snapshot::restore().
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/machine/elf_loader.h"
#include "backends/sim/machine.h"

namespace hypervet::sim {

// A file's bytes and what they say. The agent, or any other payload.
class PayloadImage {
 public:
  // The error is one line that begins with the path.
  static std::expected<PayloadImage, std::string> load(const std::filesystem::path& path);
  const machine::Payload& payload() const { return payload_; }

 private:
  std::vector<std::byte> bytes_;  // the payload refers to them; moving keeps them in place
  machine::Payload payload_;
};

// What the agent is told on its command line.
std::string agent_command_line(const backends::Configuration& configuration);

// A machine at the payload's entry. `module` becomes module 0; empty: there is none. `agent` says
// whose doorbells count.
struct BootRequest {
  std::string_view command_line;
  std::span<const std::byte> module;
  bool agent = true;
};
std::expected<std::unique_ptr<Machine>, std::string> make_machine(
    const PayloadImage& image, const backends::Configuration& configuration, CpuVendor vendor,
    const BootRequest& request);

// Puts a program where the booted agent looks for it. False: larger than kProgramMaxSize.
bool place_program(machine::GuestMemory& memory, std::span<const std::byte> program);

class Snapshot {
 public:
  // Boots the agent of a memory-channel configuration up to kReady. What stopped it before is the
  // error, one line.
  static std::expected<std::unique_ptr<const Snapshot>, std::string> take(
      const PayloadImage& image, const backends::Configuration& configuration, CpuVendor vendor);

  // A new machine in the state of the snapshot.
  std::unique_ptr<Machine> clone() const;
  void restore(Machine& machine) const;
  // Instructions from the payload's entry to kReady.
  std::uint64_t boot_instructions() const { return boot_instructions_; }

 private:
  Snapshot(backends::Configuration configuration, CpuVendor vendor,
           std::unique_ptr<machine::GuestMemory> memory, Machine::State state,
           std::uint64_t instructions);

  backends::Configuration configuration_;
  CpuVendor vendor_;
  std::unique_ptr<machine::GuestMemory> memory_;  // its image is what clones share
  Machine::State state_;
  std::uint64_t boot_instructions_;
};

}  // namespace hypervet::sim
