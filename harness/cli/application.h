// SPDX-License-Identifier: Apache-2.0
// What all verbs of the command line share: exit statuses, where the suite's files lie, loading of
// specs, choice of a backend. One Application per process, on the main thread.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "harness/cli/terminal.h"
#include "harness/run/records.h"
#include "harness/spec/clause.h"

namespace hypervet::cli {

// Documented exit statuses.
enum Status : int {
  kConformant = 0,
  kFailure = 1,  // an unwaived failure
  kUsage = 2,    // usage or spec error
  kBroken = 3,   // hypervet or the backend broke, or nothing could be judged
  kWaiver = 4,   // lapsed waiver or unexpected pass under --strict
  kInterrupted = 130,
};

// Ends the verb with one line on standard error. Thrown where a verb cannot go on; main catches.
struct Exit {
  int status;
  std::string message;  // "": say nothing
};

// Where the files lie that belong to the suite: beside the installed binary, or in the source and
// build trees.
struct Places {
  std::filesystem::path specs;
  std::filesystem::path payloads;
  std::filesystem::path labs;  // recipes, as are:
  std::filesystem::path vmms;
};

struct BackendChoice {
  std::string name = "sim";
  std::string vendor = "intel";     // of the simulated processor
  std::string costs;                // that the simulator charges, "hypercall=1000"; "": none
  std::string device = "/dev/kvm";  // of the KVM engine
  std::string irqchip = "kernel";   // of its machines, where a case does not say
  bool may_change_clock = false;    // a case may change the host's clock source while it runs
  struct {
    std::string binary;                  // "": the recipe's
    std::vector<std::string> arguments;  // behind all others
    std::vector<std::string> options;    // NAME=VALUE
    bool any() const { return !binary.empty() || !arguments.empty() || !options.empty(); }
  } vmm;

  // The name as that of a file: of a VMM that of its recipe.
  std::string stem() const;
  // The options that change what its machines are, for a command that is shown or handed on.
  std::vector<std::string> words() const;
};

class Application {
 public:
  // The words of the command line, the program's name first.
  explicit Application(std::vector<std::string> command_line);

  int run();

  CLI::App& app() { return app_; }
  Terminal& terminal() { return terminal_; }
  const Terminal& terminal() const { return terminal_; }
  const Places& places() const { return places_; }
  std::filesystem::path own_specs() const;  // the suite's, as the user would write the path
  // What --specs named; empty: the suite's own.
  const std::vector<std::string>& spec_paths() const { return spec_paths_; }
  const std::string& command() const { return command_; }  // how the user starts hypervet
  const std::vector<std::string>& command_line() const { return command_line_; }
  std::filesystem::path agent() const { return places_.payloads / "agent.elf"; }

  // Registers a verb; the callback's value is the exit status.
  CLI::App* verb(const std::string& name, const std::string& what, std::function<int()> callback);

  // Loads the suite's specs, or those given by --specs. Prints every diagnostic and throws
  // Exit{kUsage}.
  spec::Specs load_specs();
  // The suite's own, for one load_specs() to give out.
  void keep_own_specs(spec::Specs specs) { kept_specs_ = std::move(specs); }

  // Throws Exit: kUsage for an unknown name, kBroken if it cannot run here.
  std::unique_ptr<backends::Backend> make_backend(const BackendChoice& choice) const;

  // The options that choose a backend, on a verb.
  void add_backend_options(CLI::App* verb, BackendChoice& choice) const;

  run::Invocation invocation(unsigned jobs) const;

  // Set by SIGINT and SIGTERM.
  static const std::atomic<bool>& interrupt();

 private:
  CLI::App app_;
  Terminal terminal_;
  Places places_;
  std::string command_;
  std::vector<std::string> command_line_;
  std::vector<std::string> spec_paths_;
  std::optional<spec::Specs> kept_specs_;
  std::function<int()> chosen_;
};

// All of main(): returns the exit status. `own_specs`: as keep_own_specs().
int run_command_line(std::vector<std::string> command_line, std::optional<spec::Specs> own_specs);

// One file per verb; each registers itself.
void add_run(Application& application);
void add_rerun(Application& application);
void add_list(Application& application);
void add_explain(Application& application);
void add_coverage(Application& application);
void add_lint(Application& application);
void add_vet(Application& application);
void add_doctor(Application& application);
void add_report(Application& application);
void add_diff(Application& application);
void add_bench(Application& application);
void add_compare(Application& application);
void add_exec(Application& application);
void add_lab_door(Application& application);

}  // namespace hypervet::cli
