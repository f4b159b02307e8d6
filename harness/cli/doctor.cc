// SPDX-License-Identifier: Apache-2.0
// hypervet doctor: what can run here, and what to do about what cannot.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "backends/kvm/kvm_backend.h"
#include "backends/process/child.h"
#include "backends/process/recipe_reader.h"
#include "backends/sim/sim_backend.h"
#include "guest-payloads/protocol/host_verbs.h"
#include "harness/cli/application.h"
#include "harness/cli/lab_choice.h"
#include "harness/cli/vmm_choice.h"
#include "harness/run/provenance.h"

namespace hypervet::cli {
namespace {

struct Options {
  bool settings = false;
  BackendChoice backend;
  LabChoice lab;
};

void show_settings() {
  for (const auto& setting : backends::known_settings()) {
    fmt::print("{:<20} {:<16} {}\n", setting.name,
               fmt::format("{}", fmt::join(setting.values, " | ")), setting.what);
  }
}

void show_backend(const Terminal& terminal, const backends::Backend& backend) {
  const auto availability = backend.availability();
  if (!availability.available) {
    fmt::print("{:<9} {}  {}\n", backend.name(), terminal.paint("unavailable", Colour::kBad),
               availability.reason);
    if (!availability.mend.empty()) fmt::print("{:<9} to mend it: {}\n", "", availability.mend);
    return;
  }
  const auto target = backend.target();
  fmt::print("{:<9} {}  judges {} (provider: {}), up to {} CPUs\n", backend.name(),
             terminal.paint("can run", Colour::kGood), target.name, target.provider,
             backend.max_cpus());
  for (const auto& setting : backends::known_settings()) {
    for (std::size_t i = 1; i < setting.values.size(); ++i) {
      backends::Configuration configuration;
      configuration.settings[std::string(setting.name)] = setting.values[i];
      if (const auto reason = backend.refuses(configuration)) {
        fmt::print("{:<9} not with {}={}: {}\n", "", setting.name, setting.values[i], *reason);
      }
    }
  }
  for (const auto& verb : protocol::kHostVerbs) {
    if (!backend.has(verb.verb))
      fmt::print("{:<9} not the host verb {}: {}\n", "", verb.name, verb.what);
  }
}

// Which devices a VMM has, and why it does not have the others.
void show_devices(const backends::Backend& backend) {
  const auto& all = backends::known_settings();
  const auto values = [&](std::string_view name) {
    return std::ranges::find(all, name, &backends::Setting::name)->values;
  };
  for (const auto transport : values("transport")) {
    std::vector<std::string_view> has;
    for (const auto device : values("device")) {
      backends::Configuration configuration;
      configuration.settings["transport"] = transport;
      configuration.settings["device"] = device;
      const auto reason = backend.refuses(configuration);
      if (!reason && device != "none") has.push_back(device);
      if (reason && device != "none") fmt::print("{:<9} not over {}: {}\n", "", transport, *reason);
    }
    if (!has.empty()) fmt::print("{:<9} over {}: {}\n", "", transport, fmt::join(has, ", "));
  }
}

void show_lab(const Terminal& terminal, const std::filesystem::path& file) {
  const auto recipe = lab::load_recipe(file);
  if (!recipe) {
    fmt::print("{:<9} {}  {}\n", "lab", terminal.paint("unavailable", Colour::kBad),
               recipe.error());
    return;
  }
  const auto emulator = process::find_program(recipe->emulator.program);
  if (!emulator) {
    fmt::print("{:<9} {}  {}\n{:<9} to mend it: install the package {}\n", "lab",
               terminal.paint("unavailable", Colour::kBad), emulator.error(), "",
               recipe->emulator.package);
    return;
  }
  fmt::print("{:<9} {}  --lab {}: {}\n", "lab", terminal.paint("can run", Colour::kGood),
             recipe->name, recipe->title);
}

// Not what each refuses: there are many, and a run says it.
void show_vmm(const Application& application, const std::string& name) {
  BackendChoice choice;
  choice.name = std::string(kVmmPrefix) + name;
  try {
    const auto backend = make_vmm(application, choice);
    if (!backend->availability().available) return show_backend(application.terminal(), *backend);
    const auto target = backend->target();
    fmt::print("{:<9} {}  judges {} (provider: {}), up to {} CPUs\n", choice.name,
               application.terminal().paint("can run", Colour::kGood), target.name, target.provider,
               backend->max_cpus());
    show_devices(*backend);
  } catch (const Exit& exit) {
    fmt::print("{:<9} {}  {}\n", choice.name,
               application.terminal().paint("unavailable", Colour::kBad), exit.message);
  }
}

int execute(Application& application, const Options& options) {
  if (options.settings) {
    show_settings();
    return kConformant;
  }
  if (options.lab) return run_in_lab(application, options.lab, {{"doctor"}, {}, {}}, 0);
  const auto host = run::host();
  fmt::print("{:<9} {}\n", "processor", host.cpu);
  fmt::print("{:<9} {}\n", "kernel", host.kernel);
  std::error_code error;
  fmt::print("{:<9} {}{}\n", "specs", application.places().specs.string(),
             std::filesystem::exists(application.places().specs, error) ? "" : " (missing)");
  const bool payload = std::filesystem::exists(application.agent(), error);
  fmt::print("{:<9} {}{}\n", "payload", application.agent().string(),
             payload ? "" : " (missing: build it, ./hypervet run does)");
  show_backend(application.terminal(), sim::SimBackend({application.agent()}));
  show_backend(application.terminal(),
               kvm::KvmBackend(application.agent(), options.backend.device));
  for (const auto& name : process::recipe_names(application.places().vmms))
    show_vmm(application, name);
  for (const auto& name : process::recipe_names(application.places().labs))
    show_lab(application.terminal(), application.places().labs / (name + ".yaml"));
  return payload ? kConformant : kBroken;
}

}  // namespace

void add_doctor(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb = application.verb("doctor", "What can run here, and what to do about what cannot",
                                [&application, options] { return execute(application, *options); });
  verb->add_flag("--settings", options->settings,
                 "The settings that a case may ask of its machine");
  verb->add_option("--kvm-device", options->backend.device, "Device of the kvm backend")
      ->capture_default_str();
  add_lab_options(verb, options->lab);
}

}  // namespace hypervet::cli
