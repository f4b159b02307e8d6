// SPDX-License-Identifier: Apache-2.0
// What hypervet itself costs from a loaded spec to a verdict on the simulator, in processor time,
// each figure beside its floor (turns.h).
//
//   trivial/compile   a case to its program             floor: the same bytes laid out by hand
//   trivial/judge     observations to a verdict         floor: their checksum
//   trivial/attempt   snapshot to verdict   (100 us)    floor: the pages restored, nothing else
//   stream/write      records to a file                 floor: write(2) of the same lines
//   suite/run         whole suite, one job     (1 s)    floor: the same programs, run alone
//   suite/vet         whole proof, one job    (10 s)    floor: as many of the programs, run alone
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "backends/machine/guest_memory.h"
#include "backends/sim/sim_backend.h"
#include "benchmarks/turns.h"
#include "guest-payloads/protocol/program.h"
#include "harness/judge/judge.h"
#include "harness/program/compile.h"
#include "harness/run/runner.h"
#include "harness/run/vet.h"
#include "harness/spec/load.h"
#include "reports/stream/writer.h"

namespace {

using namespace hypervet;
using benchmarks::compare;
using benchmarks::kMicroseconds;
using benchmarks::kMilliseconds;
namespace fs = std::filesystem;

constexpr int kBatch = 200;  // of what is too short for one reading of the clock

template <typename Function>
double cpu_seconds(Function&& function) {
  return benchmarks::seconds(CLOCK_PROCESS_CPUTIME_ID, std::forward<Function>(function));
}

template <typename Function>
double each_of_a_batch(Function&& function) {
  return cpu_seconds([&] {
           for (int i = 0; i < kBatch; ++i) function();
         }) /
         kBatch;
}

template <typename Result>
auto must(Result result, const char* what) {
  if (!result) throw std::runtime_error(what);
  return std::move(*result);
}

// One refused hypercall.
constexpr std::string_view kTrivial = R"(
interface: trivial
title: Trivial
source: {document: none, version: none}
constants: {REFUSED: 1000}
clauses:
  - id: trivial.refused
    level: must
    section: none
    text: A number that the host does not know is refused.
    cases: [{steps: [{hypercall: {kvm: 999}, expect: {rax: -REFUSED}}]}]
    violations: [{accepted: {at: hypercall, nr: unknown, rax: 0}}]
)";

const run::Invocation& invocation() {
  static const run::Invocation made{"hypervet", {"hypervet", "run"}, "benchmark", "", 1};
  return made;
}

// A loaded spec, a simulator for it, and every instance compiled.
struct Bench {
  explicit Bench(spec::Specs loaded)
      : specs(std::move(loaded)),
        simulator({.agent = HYPERVET_AGENT}),
        session(must(run::open_session(specs, simulator, 1, {}), "no session")),
        instances(must(run::select(specs, {}), "no instances")) {
    for (const auto& i : instances) {
      compiled.push_back(
          must(program::compile(specs, *i.interface, *i.clause, *i.the_case, i.binding),
               "does not compile"));
    }
  }

  backends::Outcome run_alone(const program::CompiledCase& one) const {
    backends::Job job;
    job.configuration = &one.configuration;
    job.program = one.program;
    return simulator.run(job);
  }

  spec::Specs specs;
  sim::SimBackend simulator;
  run::Session session;
  std::vector<run::Instance> instances;
  std::vector<program::CompiledCase> compiled;
};

Bench& trivial() {
  static Bench made(must(spec::load_text(kTrivial, "trivial.yaml"), "the spec does not load"));
  return made;
}

Bench& suite() {
  static Bench made(
      must(spec::load(std::array{fs::path(HYPERVET_SPECS)}), "the suite does not load"));
  return made;
}

void compile(benchmark::State& state) {
  const auto& instance = trivial().instances.front();
  const auto& ops = trivial().compiled.front().ops;
  compare(
      state, kMicroseconds,
      [&] {
        return each_of_a_batch([&] {
          benchmark::DoNotOptimize(program::compile(trivial().specs, *instance.interface,
                                                    *instance.clause, *instance.the_case,
                                                    instance.binding));
        });
      },
      [&] {
        return each_of_a_batch([&] {
          const auto size = ops.size() * sizeof(protocol::Op);
          protocol::ProgramHeader header{};
          header.checksum = protocol::checksum(ops.data(), size);
          std::vector<std::byte> program(sizeof header + size);
          std::memcpy(program.data(), &header, sizeof header);
          std::memcpy(program.data() + sizeof header, ops.data(), size);
          benchmark::DoNotOptimize(program.data());
        });
      });
}

void judge_outcome(benchmark::State& state) {
  const auto& compiled = trivial().compiled.front();
  const auto outcome = trivial().run_alone(compiled);
  if (judge::judge(compiled, outcome).verdict != judge::Verdict::kPass) {
    return state.SkipWithError("the trivial case does not pass");
  }
  compare(
      state, kMicroseconds,
      [&] {
        return each_of_a_batch([&] { benchmark::DoNotOptimize(judge::judge(compiled, outcome)); });
      },
      [&] {
        return each_of_a_batch([&] {
          benchmark::DoNotOptimize(
              protocol::checksum(outcome.observations.data(), outcome.observations.size()));
        });
      });
}

// The floor's pages: the least that a run dirties (sim_benchmark has more of it).
constexpr std::uint64_t kPages = 8;

void attempt(benchmark::State& state) {
  const auto& instance = trivial().instances.front();
  if (run::attempt(trivial().session, instance).judgement.verdict != judge::Verdict::kPass) {
    return state.SkipWithError("the trivial case does not pass");
  }
  machine::GuestMemory memory(protocol::kDefaultMemory);
  memory.snapshot();
  compare(
      state, kMicroseconds,
      [&] {
        return each_of_a_batch(
            [&] { benchmark::DoNotOptimize(run::attempt(trivial().session, instance)); });
      },
      [&] {
        return each_of_a_batch([&] {
          for (std::uint64_t page = 0; page < kPages; ++page) {
            memory.store(page * machine::kPageSize, page + 1);
          }
          benchmark::DoNotOptimize(memory.restore());
        });
      });
}

BENCHMARK(compile)
    ->Name("trivial/compile")
    ->UseManualTime()
    ->Iterations(50)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(judge_outcome)
    ->Name("trivial/judge")
    ->UseManualTime()
    ->Iterations(50)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(attempt)
    ->Name("trivial/attempt")
    ->UseManualTime()
    ->Iterations(50)
    ->Unit(benchmark::kMicrosecond);

constexpr int kRecords = 5000;

void stream_write(benchmark::State& state) {
  const auto& instance = trivial().instances.front();
  const reports::Record record = run::case_record(trivial().session, invocation(), instance,
                                                  run::attempt(trivial().session, instance));
  const std::string line = reports::to_json_line(record) + "\n";
  const std::string path =
      fs::temp_directory_path() / ("hypervet-stream." + std::to_string(getpid()));
  const double best = compare(
      state, kMicroseconds,
      [&] {
        auto writer = must(reports::StreamWriter::create(path), "cannot create the stream");
        return cpu_seconds([&] {
                 for (int i = 0; i < kRecords; ++i) {
                   if (!writer.write(record)) throw std::runtime_error("cannot write the stream");
                 }
               }) /
               kRecords;
      },
      [&] {
        const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        const double taken = cpu_seconds([&] {
          for (int i = 0; i < kRecords; ++i) {
            if (write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
              throw std::runtime_error("cannot write the floor");
            }
          }
        });
        close(fd);
        return taken / kRecords;
      });
  fs::remove(path);
  state.counters["records/s"] = 1 / best;
  state.counters["bytes"] = static_cast<double>(line.size());
}
BENCHMARK(stream_write)
    ->Name("stream/write")
    ->UseManualTime()
    ->Iterations(40)
    ->Unit(benchmark::kMicrosecond);

// Processor time; the least wall time goes into `wall`.
template <typename Function>
double both_clocks(double& wall, Function&& function) {
  double cpu = 0;
  wall = std::min(wall, benchmarks::seconds(CLOCK_MONOTONIC, [&] { cpu = cpu_seconds(function); }));
  return cpu;
}

// Snapshots are booted on first use: a new simulator in every turn pays for that too.
void suite_run(benchmark::State& state) {
  double wall = std::numeric_limits<double>::max();
  run::RunResult result;
  compare(
      state, kMilliseconds,
      [&] {
        return both_clocks(wall, [&] {
          const sim::SimBackend fresh({.agent = HYPERVET_AGENT});
          auto session = suite().session;
          session.backend = &fresh;
          result = run::run_all(session, invocation(), suite().instances, {},
                                [](const reports::Case&) { return true; });
        });
      },
      [&] {
        return cpu_seconds([&] {
          for (const auto& one : suite().compiled) benchmark::DoNotOptimize(suite().run_alone(one));
        });
      });
  state.counters["wall_ms"] = wall * 1e3;
  state.counters["cases"] = static_cast<double>(result.executed);
  state.counters["pass"] = static_cast<double>(result.counts[reports::Verdict::kPass]);
}
BENCHMARK(suite_run)
    ->Name("suite/run")
    ->UseManualTime()
    ->Iterations(7)
    ->Unit(benchmark::kMillisecond);

void suite_vet(benchmark::State& state) {
  double wall = std::numeric_limits<double>::max();
  run::VetResult result;
  const auto ours = [&] {
    return both_clocks(wall, [&] { result = run::vet(suite().session, suite().instances, {}); });
  };
  // Every instance once clean and once for each violation of its clause.
  const auto floor = [&] {
    return cpu_seconds([&] {
      for (std::size_t i = 0; i < suite().instances.size(); ++i) {
        const auto times = 1 + suite().instances[i].clause->violations.size();
        for (std::size_t n = 0; n < times; ++n) {
          benchmark::DoNotOptimize(suite().run_alone(suite().compiled[i]));
        }
      }
    });
  };
  compare(state, kMilliseconds, ours, floor);
  state.counters["wall_ms"] = wall * 1e3;
  state.counters["trials"] = static_cast<double>(result.trials);
  state.counters["survivors"] = static_cast<double>(result.survivors.size());
}
BENCHMARK(suite_vet)
    ->Name("suite/vet")
    ->UseManualTime()
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
