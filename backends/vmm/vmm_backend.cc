// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/vmm_backend.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <regex>
#include <system_error>

#include "backends/process/host_clock.h"
#include "backends/vmm/serial_run.h"

namespace hypervet::vmm {
namespace {

using backends::Stop;

constexpr std::chrono::seconds kVersionPatience{20};
constexpr int kMostRuns = 3;

backends::Outcome backend_error(std::string why) {
  backends::Outcome outcome;
  outcome.detail = std::move(why);
  return outcome;
}

std::string mend(const Recipe& recipe) {
  if (recipe.package.empty()) return "name it with --vmm-binary PATH";
  return fmt::format("install {}, or name it with --vmm-binary PATH", recipe.package);
}

// Did the program end, or the machine under it?
bool ended_by_itself(Stop stop) {
  return stop == Stop::kFinished || stop == Stop::kRefused || stop == Stop::kPanic;
}

}  // namespace

std::string unknown_choice(const Recipe& recipe,
                           const std::map<std::string, std::string, std::less<>>& choices) {
  for (const auto& [name, value] : choices) {
    const auto option = std::ranges::find(recipe.options, name, &Choice::name);
    std::vector<std::string> known;
    if (option == recipe.options.end()) {
      for (const auto& each : recipe.options) known.push_back(each.name);
      return fmt::format("the recipe {} has no option '{}'{}{}", recipe.name, name,
                         known.empty() ? "" : "; there are ", fmt::join(known, ", "));
    }
    if (option->find(value) != nullptr) continue;
    for (const auto& each : option->values) known.push_back(each.first);
    return fmt::format("the option {} of the recipe {} takes {}, not '{}'", name, recipe.name,
                       fmt::join(known, ", "), value);
  }
  return {};
}

VmmBackend::VmmBackend(std::string name, Recipe recipe, VmmOptions options)
    : name_(std::move(name)),
      options_(std::move(options)),
      starter_(std::make_unique<process::Starter>()),
      surroundings_{std::move(recipe), {}, options_.agent, 0, starter_.get()},
      pool_(std::make_unique<MachinePool>()) {
  find_program();
  if (!availability_.available) return;
  ask_version();
  if (!availability_.available) return;
  const auto plain = plan({});
  if (!plain) {
    availability_ = {false, plain.error(), ""};
    return;
  }
  const auto image = plain->uses("bzimage") ? surroundings_.bzimage() : surroundings_.agent;
  std::error_code error;
  if (!std::filesystem::exists(image, error)) {
    availability_ = {false, image.string() + " is missing",
                     "build the payloads: cmake --build <dir> --target agent"};
    return;
  }
  surroundings_.tsc_khz = process::host_tsc_khz();
}

VmmBackend::~VmmBackend() = default;

void VmmBackend::find_program() {
  const auto& recipe = surroundings_.recipe;
  const auto& wanted = options_.binary.empty() ? recipe.program : options_.binary;
  auto found = process::find_program(wanted);
  if (!found) {
    availability_ = {false, std::move(found.error()), mend(recipe)};
    return;
  }
  surroundings_.binary = std::move(*found);
  availability_.available = true;
}

void VmmBackend::ask_version() {
  const auto& recipe = surroundings_.recipe;
  process::Command command;
  command.argv = {surroundings_.binary.string()};
  command.argv.insert(command.argv.end(), recipe.version_arguments.begin(),
                      recipe.version_arguments.end());
  const auto output = process::run(std::move(command), {.time = kVersionPatience});
  if (!output || !output->ended.ok()) {
    availability_ = {false,
                     output ? fmt::format("{} does not tell its version: {}",
                                          surroundings_.binary.string(), output->last_line())
                            : output.error(),
                     mend(recipe)};
    return;
  }
  std::smatch match;
  const auto said = output->out + output->err;
  if (std::regex_search(said, match, std::regex(recipe.version_pattern))) version_ = match[1];
}

backends::Target VmmBackend::target() const {
  const auto& recipe = surroundings_.recipe;
  std::vector<std::string> chosen;
  for (const auto& option : recipe.options) {
    const auto at = options_.choices.find(option.name);
    chosen.push_back(at == options_.choices.end() ? option.values.front().first : at->second);
  }
  auto name = recipe.title;
  if (!version_.empty()) name += ' ' + version_;
  if (!chosen.empty()) name += fmt::format(" ({})", fmt::join(chosen, ", "));
  return {.name = name, .provider = recipe.provider, .is_model = false};
}

std::expected<Plan, std::string> VmmBackend::plan(
    const backends::Configuration& configuration) const {
  return make_plan(surroundings_.recipe, options_.choices, options_.arguments, configuration);
}

std::optional<std::string> VmmBackend::refuses(const backends::Configuration& configuration) const {
  auto made = plan(configuration);
  if (made) return std::nullopt;
  return std::move(made.error());
}

bool VmmBackend::has(protocol::HostVerb verb) const { return performs(verb, surroundings_.recipe); }

// A machine may have been hurt by a program before; so what ends badly in a used one is run again
// in a new one, and that counts.
backends::Outcome VmmBackend::run_once(const Plan& plan, const backends::Job& job,
                                       std::chrono::nanoseconds& starved) const {
  const auto key = plan.key();
  std::string before;
  if (auto used = pool_->take(key)) {
    auto outcome = used->run(job);
    starved = used->starved();
    if (used->fit()) pool_->put(key, std::move(used));
    if (ended_by_itself(outcome.stop)) return outcome;
    before = fmt::format("hypervet: in a machine that had run other programs before: {}: {}\n{}",
                         backends::to_string(outcome.stop), outcome.detail, outcome.log);
  }
  auto machine = BatchMachine::boot(surroundings_, plan);
  if (!machine) return backend_error(std::move(machine.error()));
  auto outcome = (*machine)->run(job);
  starved = (*machine)->starved();
  if ((*machine)->fit()) pool_->put(key, std::move(*machine));
  outcome.log.insert(0, before);
  return outcome;
}

// A guest's clock runs on while its VMM waits for a processor, and then it has waited in vain. So
// whatever came of such a program it is run again, unless it takes long anyway, and the run that
// was kept waiting least counts.
backends::Outcome VmmBackend::run_in_batch(const Plan& plan, const backends::Job& job) const {
  const auto begun = std::chrono::steady_clock::now();
  std::chrono::nanoseconds least{0};
  auto best = run_once(plan, job, least);
  for (int runs = 1; runs < kMostRuns && least.count() != 0; ++runs) {
    if (std::chrono::steady_clock::now() - begun >= job.limits.deadline / 2) break;
    std::chrono::nanoseconds starved{0};
    auto outcome = run_once(plan, job, starved);
    if (starved >= least) continue;
    least = starved;
    best = std::move(outcome);
  }
  return best;
}

backends::Outcome VmmBackend::run(const backends::Job& job) const {
  if (!availability_.available) return backend_error(availability_.reason);
  if (!job.violations.empty()) return backend_error("only the simulator commits violations");
  auto made = plan(job.configuration != nullptr ? *job.configuration : backends::Configuration{});
  if (!made) return backend_error(std::move(made.error()));
  try {
    const auto begun = __rdtsc();
    auto outcome = made->channel == Channel::kMemory ? run_in_batch(*made, job)
                                                     : run_over_serial(surroundings_, *made, job);
    outcome.ticks = __rdtsc() - begun;
    outcome.tsc_khz = surroundings_.tsc_khz;
    return outcome;
  } catch (const std::system_error& error) {
    return backend_error(error.what());
  } catch (const std::bad_alloc&) {
    return backend_error("out of memory");
  }
}

}  // namespace hypervet::vmm
