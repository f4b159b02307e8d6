// SPDX-License-Identifier: Apache-2.0
// An external VMM, started from a recipe: what is judged is that program, with whatever it runs
// guests on. Machines are kept and reused where the guest's memory can be shared; a program that
// hangs or crashes costs its machine and no other program.
//
// All const members may be called from several threads at once.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/process/starter.h"
#include "backends/vmm/machine_pool.h"
#include "backends/vmm/vmm_process.h"

namespace hypervet::vmm {

struct VmmOptions {
  std::filesystem::path agent;         // agent.elf, with agent.bzimage beside it
  std::string binary;                  // instead of the recipe's program; "": the recipe's
  std::vector<std::string> arguments;  // behind all others
  std::map<std::string, std::string, std::less<>> choices;  // of the recipe's options
};

// Empty, or why the recipe has no such option or value: one line.
std::string unknown_choice(const Recipe& recipe,
                           const std::map<std::string, std::string, std::less<>>& choices);

class VmmBackend final : public backends::Backend {
 public:
  // `name` is what chose it: "vmm:qemu". Asks the program for its version. Never throws for a
  // program that is not there: availability() tells.
  VmmBackend(std::string name, Recipe recipe, VmmOptions options);
  ~VmmBackend() override;

  std::string_view name() const override { return name_; }
  backends::Availability availability() const override { return availability_; }
  backends::Target target() const override;
  unsigned machines_per_processor() const override { return 4; }
  unsigned max_cpus() const override { return surroundings_.recipe.cpus; }
  std::optional<std::string> refuses(const backends::Configuration& configuration) const override;
  bool has(protocol::HostVerb verb) const override;
  backends::Outcome run(const backends::Job& job) const override;

 private:
  void find_program();
  void ask_version();
  std::expected<Plan, std::string> plan(const backends::Configuration& configuration) const;
  backends::Outcome run_in_batch(const Plan& plan, const backends::Job& job) const;
  backends::Outcome run_once(const Plan& plan, const backends::Job& job,
                             std::chrono::nanoseconds& starved) const;

  std::string name_;
  VmmOptions options_;
  std::string version_;
  backends::Availability availability_;
  // In this order: machines are gone before what they borrow.
  std::unique_ptr<process::Starter> starter_;
  Surroundings surroundings_;
  std::unique_ptr<MachinePool> pool_;
};

}  // namespace hypervet::vmm
