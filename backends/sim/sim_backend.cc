// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/sim_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>

#include "backends/machine/pvh_boot.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::sim {
namespace {

using backends::Job;
using backends::Outcome;
using backends::Stop;

Outcome broken(std::string detail) {
  Outcome outcome;
  outcome.stop = Stop::kBackendError;
  outcome.detail = std::move(detail);
  return outcome;
}

bool over_serial(const backends::Configuration& configuration) {
  const auto channel = configuration.settings.find("channel");
  return channel != configuration.settings.end() && channel->second == "serial";
}

RunLimits limits_of(const backends::Limits& limits) {
  RunLimits result;
  result.time = limits.deadline;
  // Idle virtual time is free, but a program must not wait longer than it is given.
  result.ticks = static_cast<std::uint64_t>(std::max<std::int64_t>(0, limits.deadline.count()));
  return result;
}

std::vector<std::byte> copy_bytes(std::span<const std::uint8_t> from) {
  std::vector<std::byte> to(from.size());
  if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
  return to;
}

// What every outcome has, however the observations leave the guest.
Outcome report(Machine& machine, const MachineStop& stop, std::uint64_t started) {
  Outcome outcome;
  outcome.stop = stop.stop;
  outcome.detail = stop.detail;
  outcome.cpus = machine.describe();
  outcome.ticks = machine.now() - started;
  outcome.tsc_khz = kTscKhz;
  outcome.committed = machine.interposer().total_committed();
  return outcome;
}

// The debug-exit value of an agent on the serial channel is the doorbell it would have rung.
Stop stop_of_exit(std::uint32_t value) {
  switch (static_cast<protocol::Doorbell>(value)) {
    case protocol::Doorbell::kFinished:
      return Stop::kFinished;
    case protocol::Doorbell::kRefused:
      return Stop::kRefused;
    default:
      return Stop::kPanic;
  }
}

}  // namespace

// The snapshot of one configuration and the machines made from it that are idle.
struct SimBackend::Pool {
  std::once_flag booted;
  std::expected<std::unique_ptr<const Snapshot>, std::string> snapshot;
  std::mutex mutex;
  std::vector<std::unique_ptr<Machine>> idle;

  std::unique_ptr<Machine> take() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        std::unique_ptr<Machine> machine = std::move(idle.back());
        idle.pop_back();
        return machine;
      }
    }
    return (*snapshot)->clone();
  }
  void give_back(std::unique_ptr<Machine> machine) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(machine));
  }
};

SimBackend::SimBackend(SimOptions options)
    : options_(std::move(options)), agent_(PayloadImage::load(options_.agent)) {}

SimBackend::~SimBackend() = default;

backends::Availability SimBackend::availability() const {
  if (!agent_) return {false, agent_.error(), "build the payloads"};
  const auto fits = machine::check_placement(agent_->payload(), protocol::kDefaultMemory,
                                             machine::agent_reserved_areas());
  if (!fits) {
    return {false, fmt::format("{}: {}", options_.agent.string(), fits.error()),
            "build the payloads"};
  }
  return {true, {}, {}};
}

backends::Target SimBackend::target() const {
  return {.name = fmt::format("hypervet reference model ({})",
                              options_.vendor == CpuVendor::intel ? "Intel" : "AMD"),
          .provider = "hypervet's reference model",
          .is_model = true};
}

unsigned SimBackend::max_cpus() const { return protocol::kMaxCpus; }

std::optional<std::string> SimBackend::refuses(const backends::Configuration& configuration) const {
  if (configuration.cpus < 1 || configuration.cpus > protocol::kMaxCpus) {
    return fmt::format("{} CPUs: the simulator has 1 to {}", configuration.cpus,
                       protocol::kMaxCpus);
  }
  if (configuration.memory < protocol::kMinimumMemory ||
      configuration.memory > machine::kMaxMemory) {
    return fmt::format("{} MiB of memory: the simulator has {} to {} MiB",
                       configuration.memory >> 20, protocol::kMinimumMemory >> 20,
                       machine::kMaxMemory >> 20);
  }
  for (const auto& [name, value] : configuration.settings) {
    const auto& known = backends::known_settings();
    const auto setting = std::ranges::find(known, name, &backends::Setting::name);
    if (setting == known.end()) return fmt::format("unknown setting '{}'", name);
    if (std::ranges::find(setting->values, value) == setting->values.end()) {
      return fmt::format("setting '{}' cannot be '{}'", name, value);
    }
  }
  return devices::refuses_slot(configuration.settings);
}

bool SimBackend::has(protocol::HostVerb verb) const { return Machine::has(verb); }

SimBackend::Pool& SimBackend::pool(const backends::Configuration& configuration) const {
  const std::lock_guard lock(mutex_);
  auto& slot = pools_[configuration];
  if (slot == nullptr) slot = std::make_unique<Pool>();
  return *slot;
}

Outcome SimBackend::run(const Job& job) const {
  try {
    if (job.configuration == nullptr) return broken("the job has no configuration");
    if (!agent_) return broken(agent_.error());
    if (auto reason = refuses(*job.configuration)) return broken(*reason);
    if (job.program.size() > protocol::kProgramMaxSize) {
      return broken(fmt::format("the program has {} bytes, at most {} fit", job.program.size(),
                                protocol::kProgramMaxSize));
    }
    return over_serial(*job.configuration) ? run_over_serial(job) : run_from_snapshot(job);
  } catch (const std::exception& error) {
    return broken(error.what());
  }
}

Outcome SimBackend::run_from_snapshot(const Job& job) const {
  Pool& from = pool(*job.configuration);
  std::call_once(from.booted, [&] {
    from.snapshot = Snapshot::take(*agent_, *job.configuration, options_.vendor);
  });
  if (!from.snapshot) return broken(from.snapshot.error());

  std::unique_ptr<Machine> machine = from.take();
  machine->interposer().arm(job.violations);
  machine->seed(job.seed);
  machine->declare(options_.costs);
  place_program(machine->memory(), job.program);
  const std::uint64_t started = machine->now();
  MachineStop stop = machine->run(limits_of(job.limits));
  if (stop.why != MachineStop::Why::stop) {
    stop.stop = Stop::kPanic;
    stop.detail = "the guest ended as none on the memory channel does";
  }
  Outcome outcome = report(*machine, stop, started);
  if (auto observed = machine->mailbox().observations()) {
    outcome.observations = std::move(observed->frames);
    outcome.overflowed = observed->overflowed;
  } else {
    // A machine that crashed has crashed, whatever it wrote before.
    const bool agent_stopped = stop.stop == Stop::kFinished || stop.stop == Stop::kRefused;
    if (agent_stopped) outcome.stop = Stop::kPanic;
    outcome.detail = fmt::format("{}the guest's mailbox is corrupt: {}",
                                 agent_stopped ? "" : outcome.detail + "; ", observed.error());
  }
  (*from.snapshot)->restore(*machine);
  from.give_back(std::move(machine));
  return outcome;
}

// The serial channel has no doorbells, so there is no point to snapshot at: each run boots.
Outcome SimBackend::run_over_serial(const Job& job) const {
  const std::string command_line = agent_command_line(*job.configuration);
  auto made = make_machine(*agent_, *job.configuration, options_.vendor,
                           {.command_line = command_line, .module = job.program});
  if (!made) return broken(made.error());
  Machine& machine = **made;
  machine.interposer().arm(job.violations);
  machine.seed(job.seed);
  machine.declare(options_.costs);
  const MachineStop stop = machine.run(limits_of(job.limits));
  Outcome outcome = report(machine, stop, 0);
  if (stop.why == MachineStop::Why::exit_port) outcome.stop = stop_of_exit(stop.exit_value);
  outcome.observations = copy_bytes(machine.serial().output());
  outcome.overflowed = machine.serial().overflowed();
  return outcome;
}

ExecOutcome SimBackend::exec(const ExecRequest& request) const {
  try {
    const auto image = PayloadImage::load(request.payload);
    if (!image) return {broken(image.error()), std::nullopt};
    if (auto reason = refuses(request.configuration)) return {broken(*reason), std::nullopt};
    auto made = make_machine(
        *image, request.configuration, options_.vendor,
        {.command_line = request.command_line, .module = request.module, .agent = false});
    if (!made) {
      return {broken(fmt::format("{}: {}", request.payload.string(), made.error())), std::nullopt};
    }
    Machine& machine = **made;
    machine.seed(request.seed);
    RunLimits limits = limits_of(request.limits);
    limits.still_instructions = 0;  // only the agent counts its progress
    limits.instructions = UINT64_MAX;
    const MachineStop stop = machine.run(limits);
    ExecOutcome result{report(machine, stop, 0), std::nullopt};
    if (stop.why == MachineStop::Why::exit_port) result.exit_value = stop.exit_value;
    const auto output = machine.serial().output();
    result.outcome.log.assign(output.begin(), output.end());
    return result;
  } catch (const std::exception& error) {
    return {broken(error.what()), std::nullopt};
  }
}

}  // namespace hypervet::sim
