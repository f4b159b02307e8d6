// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/snapshot.h"

#include <fmt/format.h>

#include <utility>

#include "backends/machine/pvh_boot.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::sim {
namespace {

std::string_view setting(const backends::Configuration& configuration, std::string_view name,
                         std::string_view otherwise) {
  const auto found = configuration.settings.find(name);
  return found == configuration.settings.end() ? otherwise : std::string_view(found->second);
}

std::span<const std::uint8_t> as_bytes(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// Module 0 of an agent has its fixed place; of another payload the highest page that holds it.
std::expected<machine::BootModule, std::string> place_module(const machine::Payload& payload,
                                                             machine::GuestMemory& memory,
                                                             const BootRequest& request) {
  const std::uint64_t size = request.module.size();
  if (request.agent) {
    if (!place_program(memory, request.module)) {
      return std::unexpected(
          fmt::format("the program has {} bytes, at most {} fit", size, protocol::kProgramMaxSize));
    }
    return machine::BootModule{protocol::kProgramAddress, size};
  }
  if (size > memory.size()) return std::unexpected("the module is larger than memory");
  const std::uint64_t address = (memory.size() - size) & ~(machine::kPageSize - 1);
  for (const machine::PayloadSegment& segment : payload.segments) {
    if (segment.address + segment.memory_size > address) {
      return std::unexpected("the module does not fit behind the payload");
    }
  }
  memory.write(address, as_bytes(request.module));
  return machine::BootModule{address, size};
}

}  // namespace

std::expected<PayloadImage, std::string> PayloadImage::load(const std::filesystem::path& path) {
  auto bytes = machine::read_payload_file(path);
  if (!bytes) return std::unexpected(bytes.error());
  PayloadImage image;
  image.bytes_ = std::move(*bytes);
  auto payload = machine::parse_elf(image.bytes_);
  if (!payload) return std::unexpected(fmt::format("{}: {}", path.string(), payload.error()));
  image.payload_ = std::move(*payload);
  return image;
}

std::string agent_command_line(const backends::Configuration& configuration) {
  const bool serial = setting(configuration, "channel", "memory") == "serial";
  return fmt::format("channel={} apic={} cpus={} tsc-khz={}{}", serial ? "serial" : "memory",
                     setting(configuration, "apic", "xapic"), configuration.cpus, kTscKhz,
                     serial ? " exit=debug-exit" : "") +
         devices::slot_command_line(configuration.settings);
}

bool place_program(machine::GuestMemory& memory, std::span<const std::byte> program) {
  if (program.size() > protocol::kProgramMaxSize) return false;
  memory.write(protocol::kProgramAddress, as_bytes(program));
  machine::set_boot_module(memory, {protocol::kProgramAddress, program.size()});
  return true;
}

std::expected<std::unique_ptr<Machine>, std::string> make_machine(
    const PayloadImage& image, const backends::Configuration& configuration, CpuVendor vendor,
    const BootRequest& request) {
  auto memory = std::make_unique<machine::GuestMemory>(configuration.memory);
  const auto reserved =
      request.agent ? machine::agent_reserved_areas() : machine::boot_reserved_areas();
  if (auto loaded = machine::load_payload(image.payload(), *memory, reserved); !loaded) {
    return std::unexpected(loaded.error());
  }
  std::optional<machine::BootModule> module;
  if (request.agent || !request.module.empty()) {
    const auto placed = place_module(image.payload(), *memory, request);
    if (!placed) return std::unexpected(placed.error());
    module = *placed;
  }
  const auto start_info = machine::write_boot_info(*memory, request.command_line, module);
  if (!start_info) return std::unexpected(start_info.error());
  auto made = std::make_unique<Machine>(configuration, vendor, std::move(memory));
  made->listen_to_agent(request.agent);
  made->enter_pvh(image.payload().pvh_entry, *start_info);
  return made;
}

Snapshot::Snapshot(backends::Configuration configuration, CpuVendor vendor,
                   std::unique_ptr<machine::GuestMemory> memory, Machine::State state,
                   std::uint64_t instructions)
    : configuration_(std::move(configuration)),
      vendor_(vendor),
      memory_(std::move(memory)),
      state_(std::move(state)),
      boot_instructions_(instructions) {}

std::expected<std::unique_ptr<const Snapshot>, std::string> Snapshot::take(
    const PayloadImage& image, const backends::Configuration& configuration, CpuVendor vendor) {
  const std::string command_line = agent_command_line(configuration);
  auto booting =
      make_machine(image, configuration, vendor, {.command_line = command_line, .module = {}});
  if (!booting) return std::unexpected(booting.error());
  Machine& machine = **booting;
  // The schedule of the boot is the same for every run; a run's seed counts from its program on.
  machine.seed(0);
  const MachineStop stop = machine.run({});
  if (stop.why != MachineStop::Why::ready) {
    return std::unexpected(fmt::format("the agent did not boot: {}", stop.detail));
  }
  machine.memory().snapshot();
  return std::unique_ptr<const Snapshot>(new Snapshot(
      configuration, vendor, machine.memory().clone(), machine.save(), machine.instructions()));
}

std::unique_ptr<Machine> Snapshot::clone() const {
  auto machine = std::make_unique<Machine>(configuration_, vendor_, memory_->clone());
  machine->restore(state_);
  return machine;
}

void Snapshot::restore(Machine& machine) const {
  machine.memory().restore();
  machine.restore(state_);
}

}  // namespace hypervet::sim
