// SPDX-License-Identifier: Apache-2.0
// hypervet exec: any PVH payload on any backend, with what it says on its serial port.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>

#include "backends/kvm/kvm_backend.h"
#include "backends/sim/sim_backend.h"
#include "harness/cli/application.h"
#include "harness/cli/lab_choice.h"

namespace hypervet::cli {
namespace {

struct Options {
  std::string payload;
  std::string command_line;
  BackendChoice backend;
  LabChoice lab;
  unsigned cpus = 1;
  std::uint64_t seed = 1;
  double timeout = 10;
};

backends::Outcome execute_on(const backends::Backend& backend, const Options& options) {
  backends::Configuration configuration;
  configuration.cpus = options.cpus;
  backends::Limits limits;
  limits.deadline = std::chrono::nanoseconds(static_cast<long long>(options.timeout * 1e9));
  if (const auto* simulator = dynamic_cast<const sim::SimBackend*>(&backend)) {
    return simulator
        ->exec({options.payload, options.command_line, {}, configuration, options.seed, limits})
        .outcome;
  }
  const auto* engine = dynamic_cast<const kvm::KvmBackend*>(&backend);
  if (engine == nullptr) throw Exit{kUsage, "exec runs payloads on sim and kvm"};
  return engine->exec(options.payload, options.command_line, configuration, limits);
}

void show_cpu(Terminal& terminal, std::size_t index, const backends::CpuState& cpu) {
  const auto& r = cpu.registers;
  terminal.error(
      fmt::format("CPU {}{}: rip {:016x} rsp {:016x} rflags {:08x} cs {:04x} cr0 {:08x} cr2 "
                  "{:016x} cr3 {:x} cr4 {:x}",
                  index, cpu.halted ? " (halted)" : "", r.rip, r.rsp, r.rflags, cpu.cs, cpu.cr0,
                  cpu.cr2, cpu.cr3, cpu.cr4));
  terminal.error(
      fmt::format("  rax {:016x} rbx {:016x} rcx {:016x} rdx {:016x}", r.rax, r.rbx, r.rcx, r.rdx));
  terminal.error(fmt::format("  rsi {:016x} rdi {:016x} rbp {:016x} code {:02x}", r.rsi, r.rdi,
                             r.rbp, fmt::join(cpu.code, " ")));
}

// The payload travels into the lab; what it says and how it ends come out as they are.
int execute_in_lab(Application& application, const Options& options) {
  lab::Job job;
  job.files["payload"] = job_file(options.payload);
  job.arguments = {"exec",      "payload",
                   "--backend", "kvm",
                   "--append",  options.command_line,
                   "--cpus",    std::to_string(options.cpus),
                   "--seed",    std::to_string(options.seed),
                   "--timeout", fmt::format("{}", options.timeout)};
  std::ranges::copy(options.backend.words(), std::back_inserter(job.arguments));
  return run_in_lab(application, options.lab, std::move(job), options.timeout);
}

int execute(Application& application, const Options& options) {
  if (options.lab) return execute_in_lab(application, options);
  const auto backend = application.make_backend(options.backend);
  const auto outcome = execute_on(*backend, options);
  std::fwrite(outcome.log.data(), 1, outcome.log.size(), stdout);
  std::fflush(stdout);
  if (outcome.stop == backends::Stop::kBackendError) throw Exit{kBroken, outcome.detail};
  auto& terminal = application.terminal();
  if (outcome.stop == backends::Stop::kFinished) return kConformant;
  terminal.error(fmt::format("hypervet: {}{}{}", backends::to_string(outcome.stop),
                             outcome.detail.empty() ? "" : ": ", outcome.detail));
  for (std::size_t i = 0; i < outcome.cpus.size(); ++i) show_cpu(terminal, i, outcome.cpus[i]);
  return kFailure;
}

}  // namespace

void add_exec(Application& application) {
  auto options = std::make_shared<Options>();
  auto* verb = application.verb("exec", "Run any PVH payload; its serial output is printed",
                                [&application, options] { return execute(application, *options); });
  verb->add_option("PAYLOAD", options->payload, "ELF with a PVH entry")->required();
  verb->add_option("--append", options->command_line, "Command line of the payload");
  verb->add_option("--cpus", options->cpus, "Number of CPUs")
      ->check(CLI::Range(1, 8))
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "Schedule of the simulated CPUs")
      ->capture_default_str();
  verb->add_option("--timeout", options->timeout, "Seconds")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  application.add_backend_options(verb, options->backend);
  add_lab_options(verb, options->lab);
}

}  // namespace hypervet::cli
