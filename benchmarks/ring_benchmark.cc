// SPDX-License-Identifier: Apache-2.0
// Requests through the rings of the reference block device: reads, so many in flight at once,
// split and packed (turns.h).
//
//   host/read   device, transport and a driver on the host; processor time
//               floor: memcpy of the same bytes to the same places
//   guest/read  the agent drives the simulator's device; wall time
//               in place of a floor: the same program on QEMU's device (TCG)
//
// In a guest a request is what a program of many rounds takes beyond one of few, so boot, bring-up
// and what starts and ends a program are in neither figure; the agent's own work is in both. A
// round makes all requests available by indirect descriptors, notifies and awaits the last.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/sim/sim_backend.h"
#include "backends/vmm/recipe.h"
#include "backends/vmm/vmm_backend.h"
#include "benchmarks/ring_host.h"
#include "benchmarks/turns.h"
#include "harness/judge/judge.h"
#include "harness/program/compile.h"
#include "harness/run/select.h"
#include "harness/spec/load.h"

namespace {

using namespace hypervet;
using benchmarks::compare;
using benchmarks::kMicroseconds;
using benchmarks::kNanoseconds;
using benchmarks::seconds;

// --- The host's side alone.

constexpr unsigned kHostRequests = 1 << 14;  // of one reading of the clock

void host_read(benchmark::State& state) {
  const bool packed = state.range(0) != 0;
  const auto depth = static_cast<unsigned>(state.range(1));
  const auto bytes = static_cast<std::uint32_t>(state.range(2));
  const unsigned turns = kHostRequests / depth;
  benchmarks::RingHost host(packed, depth, bytes);
  if (!host.turn() || !host.arrived()) return state.SkipWithError("the reads do not arrive");
  const std::vector<std::uint8_t> medium(std::size_t{depth} * bytes, 0x5a);
  bool whole = true;
  const double best = compare(
      state, kNanoseconds,
      [&] {
        return seconds(CLOCK_PROCESS_CPUTIME_ID,
                       [&] {
                         for (unsigned i = 0; i < turns; ++i) whole &= host.turn();
                       }) /
               (turns * depth);
      },
      [&] {
        return seconds(CLOCK_PROCESS_CPUTIME_ID,
                       [&] {
                         for (unsigned i = 0; i < turns; ++i) {
                           host.copy(medium.data());
                           benchmark::ClobberMemory();
                         }
                       }) /
               (turns * depth);
      });
  if (!whole || !host.turn() || !host.arrived())
    return state.SkipWithError("not every read came back whole");
  state.counters["requests/s"] = 1 / best;
}
BENCHMARK(host_read)
    ->Name("host/read")
    ->ArgNames({"packed", "depth", "bytes"})
    ->ArgsProduct({{0, 1}, {1, 32, 256}, {512, 4096}})
    ->UseManualTime()
    ->Iterations(40)
    ->Unit(benchmark::kNanosecond);

// --- The same in a guest.

constexpr unsigned kFewRounds = 2;
constexpr unsigned kTries = 3;  // the least of so many is a program's time in one turn

std::string clause(std::string_view name, bool packed, unsigned depth, unsigned rounds) {
  std::string text = fmt::format(R"(
  - id: ring.{}
    level: must
    section: none
    text: Reads are carried out.
    on: {{devices: [blk], transports: [mmio], rings: [{}]}}
    cases:
      - steps:
          - bring-up: {{features: [28], queues: {{0: {{size: 128}}}}}}
          - chain:
              as: get
              readable: [{{data: 16}}]
              writable: [{{data: 512, canary: 0}}, {{data: 1, fill: 0xff, as: status, canary: 0}}]
              indirect: yes
)",
                                 name, packed ? "packed" : "split");
  for (unsigned round = 1; round <= rounds; ++round) {
    text += fmt::format(R"(
          - submit: {{chain: get, count: {}}}
          - notify: {{queue: 0}}
          - await: {{used: {}, within: 5s}}
            expect: {{length: 513}}
)",
                        depth, round * depth);
  }
  return text + R"(
          - load: {from: get.status, width: 1}
            expect: {value: 0}
)";
}

// A program of few rounds and one of many.
struct Programs {
  Programs(bool packed, unsigned depth, unsigned rounds) {
    const std::string text =
        "interface: ring\ntitle: Ring\nsource: {document: none, version: none}\nclauses:" +
        clause("few", packed, depth, kFewRounds) + clause("many", packed, depth, rounds);
    auto loaded = spec::load_text(text, "ring.yaml");
    if (!loaded) throw std::runtime_error(spec::to_string(loaded.error().front()));
    specs = *std::move(loaded);
    const auto instances = run::select(specs, {});
    if (!instances) throw std::runtime_error(instances.error());
    for (const auto& i : *instances) {
      auto made = program::compile(specs, *i.interface, *i.clause, *i.the_case, i.binding);
      if (!made) throw std::runtime_error(spec::to_string(made.error()));
      compiled.push_back(*std::move(made));
    }
  }
  const program::CompiledCase& few() const { return compiled.at(0); }
  const program::CompiledCase& many() const { return compiled.at(1); }

  spec::Specs specs;
  std::vector<program::CompiledCase> compiled;
};

const sim::SimBackend& simulator() {
  static const sim::SimBackend made({.agent = HYPERVET_AGENT});
  return made;
}

const vmm::VmmBackend& qemu() {
  static const vmm::VmmBackend made = [] {
    auto recipe = vmm::load_recipe(HYPERVET_QEMU_RECIPE);
    if (!recipe) throw std::runtime_error(recipe.error());
    vmm::VmmOptions options;
    options.agent = HYPERVET_AGENT;
    options.choices["accel"] = "tcg";
    return vmm::VmmBackend("vmm:qemu", *std::move(recipe), std::move(options));
  }();
  return made;
}

// The least wall time of a program; one that does not pass is no figure.
double least_of(const backends::Backend& backend, const program::CompiledCase& compiled) {
  std::vector<double> all;
  for (unsigned i = 0; i < kTries; ++i) {
    backends::Job job;
    job.configuration = &compiled.configuration;
    job.program = compiled.program;
    job.limits.deadline = std::chrono::seconds(60);
    backends::Outcome outcome;
    all.push_back(seconds(CLOCK_MONOTONIC, [&] { outcome = backend.run(job); }));
    const auto judgement = judge::judge(compiled, outcome);
    if (judgement.verdict != judge::Verdict::kPass)
      throw std::runtime_error(
          fmt::format("{}: {}: {}", backend.name(), compiled.id, judgement.reason));
  }
  return std::ranges::min(all);
}

void guest_read(benchmark::State& state) try {
  const auto depth = static_cast<unsigned>(state.range(1));
  const auto rounds = static_cast<unsigned>(state.range(2));
  const Programs programs(state.range(0) != 0, depth, rounds);
  if (const auto there = qemu().availability(); !there.available)
    return state.SkipWithError(there.reason.c_str());
  if (const auto why = qemu().refuses(programs.many().configuration))
    return state.SkipWithError(why->c_str());
  const auto each = [&](const backends::Backend& backend) {
    return (least_of(backend, programs.many()) - least_of(backend, programs.few())) /
           ((rounds - kFewRounds) * depth);
  };
  each(simulator());  // both have booted then
  each(qemu());
  const double best = compare(
      state, kMicroseconds, [&] { return each(simulator()); }, [&] { return each(qemu()); });
  state.counters["requests/s"] = 1 / best;
  state.counters["qemu_requests/s"] = 1e6 / state.counters["floor_us"];
} catch (const std::exception& error) {
  state.SkipWithError(error.what());
}
// No deeper than 128: that is the reference device's queue, of one indirect descriptor each.
BENCHMARK(guest_read)
    ->Name("guest/read")
    ->ArgNames({"packed", "depth", "rounds"})
    ->ArgsProduct({{0, 1}, {1}, {50}})
    ->ArgsProduct({{0, 1}, {32}, {64}})
    ->ArgsProduct({{0, 1}, {128}, {32}})
    ->UseManualTime()
    ->Iterations(20)
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
