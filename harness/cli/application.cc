// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/application.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "backends/kvm/kvm_backend.h"
#include "backends/sim/sim_backend.h"
#include "harness/cli/vmm_choice.h"
#include "harness/run/provenance.h"
#include "harness/spec/load.h"
#include "hypervet/build.h"

namespace hypervet::cli {
namespace {

namespace fs = std::filesystem;

std::atomic<bool> g_interrupt{false};

// The first signal asks the run to end in order, the second ends it at once.
extern "C" void on_signal(int signal) {
  g_interrupt.store(true);
  std::signal(signal, SIG_DFL);
}

// Below the working folder a path is shown as the user would write it.
fs::path as_written(const fs::path& path) {
  std::error_code error;
  auto near = fs::proximate(path, error);
  return error || near.empty() || *near.begin() == ".." ? path : near;
}

Places find_places() {
  std::error_code error;
  const auto binary = fs::read_symlink("/proc/self/exe", error);
  const auto installed = binary.parent_path().parent_path() / HYPERVET_INSTALL_DATADIR / "hypervet";
  if (!error && fs::exists(installed / "specs", error))
    return {installed / "specs", installed / "payloads", installed / "labs", installed / "vmms"};
  const fs::path source = HYPERVET_SOURCE_DIR;
  return {source / "specs", binary.parent_path() / "payloads", source / "backends" / "lab",
          source / "backends" / "vmm"};
}

}  // namespace

Application::Application(std::vector<std::string> command_line)
    : app_(
          "hypervet vets a hypervisor: every clause of its paravirtual interfaces, judged "
          "strictly.",
          "hypervet"),
      places_(find_places()),
      command_line_(std::move(command_line)) {
  const char* launcher = std::getenv("HYPERVET_COMMAND");
  command_ = launcher != nullptr && *launcher != '\0' ? launcher : "hypervet";
  if (!command_line_.empty()) command_line_.front() = command_;
  app_.require_subcommand(1);
  app_.set_version_flag("--version", "hypervet " HYPERVET_VERSION);
  app_.add_option("--specs", spec_paths_, "Spec files or folders instead of the suite's own")
      ->type_name("PATH");
  app_.fallthrough();
  app_.footer(
      "Exit status: 0 conformant, 1 a failure, 2 usage or spec error, 3 hypervet or the backend "
      "broke or nothing could\n"
      "be judged, 4 lapsed waiver or unexpected pass under --strict, 130 interrupted.");
  add_run(*this);
  add_rerun(*this);
  add_list(*this);
  add_explain(*this);
  add_coverage(*this);
  add_lint(*this);
  add_vet(*this);
  add_doctor(*this);
  add_report(*this);
  add_diff(*this);
  add_bench(*this);
  add_compare(*this);
  add_exec(*this);
  add_lab_door(*this);
}

CLI::App* Application::verb(const std::string& name, const std::string& what,
                            std::function<int()> callback) {
  auto* sub = app_.add_subcommand(name, what);
  sub->callback([this, callback = std::move(callback)] { chosen_ = callback; });
  return sub;
}

int Application::run() {
  try {
    std::vector<std::string> arguments(command_line_.rbegin(), command_line_.rend());
    if (!arguments.empty()) arguments.pop_back();
    app_.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app_.exit(error);
    // CLI11 calls an unknown verb a missing one.
    if (app_.get_subcommands().empty() && command_line_.size() > 1 &&
        !command_line_[1].starts_with('-')) {
      terminal_.error(
          fmt::format("hypervet: unknown verb '{}' (see {} --help)", command_line_[1], command_));
      return kUsage;
    }
    terminal_.error(fmt::format("hypervet: {} (see {} --help)", error.what(), command_));
    return kUsage;
  }
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  try {
    return chosen_();
  } catch (const Exit& exit) {
    if (!exit.message.empty()) terminal_.error("hypervet: " + exit.message);
    return exit.status;
  }
}

fs::path Application::own_specs() const { return as_written(places_.specs); }

spec::Specs Application::load_specs() {
  if (spec_paths_.empty() && kept_specs_) {
    auto kept = std::move(*kept_specs_);
    kept_specs_.reset();
    return kept;
  }
  std::vector<fs::path> paths(spec_paths_.begin(), spec_paths_.end());
  if (paths.empty()) paths.push_back(own_specs());
  auto specs = spec::load(paths);
  if (!specs) {
    std::string text;
    for (const auto& diagnostic : specs.error()) {
      if (!text.empty()) text += '\n';
      text += spec::to_string(diagnostic);
    }
    throw Exit{kUsage, text};
  }
  return std::move(*specs);
}

void Application::add_backend_options(CLI::App* verb, BackendChoice& choice) const {
  verb->add_option("--backend", choice.name, "What runs the payloads: sim, kvm, vmm:RECIPE")
      ->capture_default_str();
  verb->add_option("--cpu-vendor", choice.vendor, "Vendor of the simulated processor: intel, amd")
      ->check(CLI::IsMember({"intel", "amd"}))
      ->capture_default_str();
  verb->add_option("--cost", choice.costs,
                   "Ticks that the simulator charges for an operation, such as "
                   "hypercall=1000,cpuid=500; the others are pio, mmio, msr")
      ->type_name("NAME=TICKS,...");
  verb->add_option("--kvm-device", choice.device, "Device of the kvm backend")
      ->capture_default_str();
  verb->add_option("--irqchip", choice.irqchip,
                   "Who has PIC and IOAPIC of the kvm backend's machines: kernel, split")
      ->check(CLI::IsMember({"kernel", "split"}))
      ->capture_default_str();
  verb->add_flag(
      "--may-change-host-clock", choice.may_change_clock,
      "The kvm backend may change the host's clock source for a case that wants another");
  verb->add_option("--vmm-binary", choice.vmm.binary, "The VMM's program instead of its recipe's")
      ->type_name("PATH");
  verb->add_option("--vmm-arg", choice.vmm.arguments,
                   "A further argument of the VMM, behind all others: --vmm-arg=-trace")
      ->type_name("ARG")
      ->allow_extra_args(false)
      ->take_all();
  verb->add_option("--vmm-option", choice.vmm.options,
                   "An option of the VMM's recipe, such as accel=kvm of vmm:qemu")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->take_all();
}

std::vector<std::string> BackendChoice::words() const {
  std::vector<std::string> words;
  if (irqchip != "kernel") words.insert(words.end(), {"--irqchip", irqchip});
  if (!costs.empty()) words.insert(words.end(), {"--cost", costs});
  if (may_change_clock) words.emplace_back("--may-change-host-clock");
  if (!vmm.binary.empty()) words.insert(words.end(), {"--vmm-binary", vmm.binary});
  for (const auto& argument : vmm.arguments) words.push_back("--vmm-arg=" + argument);
  for (const auto& option : vmm.options) words.insert(words.end(), {"--vmm-option", option});
  return words;
}

std::string BackendChoice::stem() const {
  if (!name.starts_with(kVmmPrefix)) return name;
  return fs::path(name.substr(kVmmPrefix.size())).stem().string();
}

std::unique_ptr<backends::Backend> Application::make_backend(const BackendChoice& choice) const {
  std::unique_ptr<backends::Backend> backend;
  const bool is_vmm = choice.name.starts_with(kVmmPrefix);
  if (choice.vmm.any() && !is_vmm)
    throw Exit{kUsage, "--vmm-binary, --vmm-arg and --vmm-option are of --backend vmm:RECIPE"};
  if (choice.name == "sim") {
    const auto vendor = choice.vendor == "amd" ? sim::CpuVendor::amd : sim::CpuVendor::intel;
    sim::SimOptions options{agent(), vendor, {}};
    if (!choice.costs.empty()) {
      const auto costs = sim::parse_costs(choice.costs);
      if (!costs) throw Exit{kUsage, "--cost: " + costs.error()};
      options.costs = *costs;
    }
    backend = std::make_unique<sim::SimBackend>(std::move(options));
  } else if (!choice.costs.empty()) {
    throw Exit{kUsage, "--cost is of the simulator: --backend sim"};
  } else if (choice.name == "kvm") {
    backend = std::make_unique<kvm::KvmBackend>(agent(), choice.device,
                                                kvm::SettingValues{{"irqchip", choice.irqchip}},
                                                choice.may_change_clock);
  } else if (is_vmm) {
    backend = make_vmm(*this, choice);
  } else {
    throw Exit{kUsage,
               fmt::format("unknown backend '{}'; there are sim, kvm and vmm:RECIPE", choice.name)};
  }
  const auto availability = backend->availability();
  if (!availability.available) {
    throw Exit{kBroken,
               fmt::format("backend {} is unavailable: {}{}{}", choice.name, availability.reason,
                           availability.mend.empty() ? "" : "; ", availability.mend)};
  }
  return backend;
}

run::Invocation Application::invocation(unsigned jobs) const {
  const auto hash = run::hash_file(agent());
  if (!hash) throw Exit{kBroken, hash.error()};
  return {command_, command_line_, HYPERVET_VERSION, *hash, jobs};
}

const std::atomic<bool>& Application::interrupt() { return g_interrupt; }

int run_command_line(std::vector<std::string> command_line, std::optional<spec::Specs> own_specs) {
  // A reader that went away (`hypervet list | head`) is no reason to die without a word.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    Application application(std::move(command_line));
    if (own_specs) application.keep_own_specs(std::move(*own_specs));
    return application.run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "hypervet: {}\n", error.what());
    return kBroken;
  }
}

}  // namespace hypervet::cli
