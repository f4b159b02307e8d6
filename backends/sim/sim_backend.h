// SPDX-License-Identifier: Apache-2.0
// The simulator as a backend: hypervet's reference model on its own interpreted machine. It judges
// no hypervisor; it is what specs are proved against, and the only backend that commits violations.
//
// run() and exec() may be called from any number of threads: snapshots are shared, machines belong
// to one run at a time and are kept for the next.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/sim/base_cpuid.h"
#include "backends/sim/declared_costs.h"
#include "backends/sim/snapshot.h"

namespace hypervet::sim {

struct SimOptions {
  std::filesystem::path agent;  // agent.elf
  CpuVendor vendor = CpuVendor::intel;
  DeclaredCosts costs = {};  // of the agent's machines
};

// Any PVH payload, for `hypervet exec`.
struct ExecRequest {
  std::filesystem::path payload{};
  std::string command_line{};
  std::vector<std::byte> module{};  // module 0; empty: none
  backends::Configuration configuration{};
  std::uint64_t seed = 1;
  backends::Limits limits{};
};

struct ExecOutcome {
  backends::Outcome outcome;                // log: what the payload sent over COM1
  std::optional<std::uint32_t> exit_value;  // written to the debug-exit port
};

class SimBackend final : public backends::Backend {
 public:
  explicit SimBackend(SimOptions options);
  ~SimBackend() override;

  std::string_view name() const override { return "sim"; }
  backends::Availability availability() const override;
  backends::Target target() const override;
  unsigned max_cpus() const override;
  bool commits_violations() const override { return true; }
  std::optional<std::string> refuses(const backends::Configuration& configuration) const override;
  bool has(protocol::HostVerb verb) const override;
  backends::Outcome run(const backends::Job& job) const override;

  // Never throws for what the payload is or does: a payload that cannot be loaded is kBackendError.
  ExecOutcome exec(const ExecRequest& request) const;

 private:
  struct Pool;
  Pool& pool(const backends::Configuration& configuration) const;
  backends::Outcome run_from_snapshot(const backends::Job& job) const;
  backends::Outcome run_over_serial(const backends::Job& job) const;

  SimOptions options_;
  std::expected<PayloadImage, std::string> agent_;
  mutable std::mutex mutex_;  // guards the map, not the pools
  mutable std::map<backends::Configuration, std::unique_ptr<Pool>> pools_;
};

}  // namespace hypervet::sim
