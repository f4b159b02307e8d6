// SPDX-License-Identifier: Apache-2.0
// What the simulator costs between a snapshot and a verdict's observations, beside the floor:
// copying the pages that such a run writes. Run it with --benchmark_min_time=1.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "backends/sim/sim_backend.h"
#include "guest-payloads/protocol/program.h"

namespace {

using namespace hypervet;
using protocol::OpCode;

const sim::SimBackend& simulator() {
  static const sim::SimBackend backend({.agent = HYPERVET_AGENT});
  return backend;
}

std::vector<std::byte> program_of(std::vector<protocol::Op> ops) {
  protocol::ProgramHeader header{};
  const std::size_t size = ops.size() * sizeof(protocol::Op);
  header.magic = protocol::kProgramMagic;
  header.version = protocol::kProgramVersion;
  header.size = static_cast<std::uint32_t>(sizeof header + size);
  header.checksum = protocol::checksum(ops.data(), size);
  header.op_count = static_cast<std::uint32_t>(ops.size());
  header.cpus = 1;
  std::vector<std::byte> program(sizeof header + size);
  std::memcpy(program.data(), &header, sizeof header);
  if (size != 0) std::memcpy(program.data() + sizeof header, ops.data(), size);
  return program;
}

protocol::Op op(OpCode code, std::uint64_t first) {
  protocol::Op one{};
  one.code = code;
  one.result_slot = protocol::kNoSlot;
  one.operands[0] = {.value = first};
  return one;
}

void run_program(benchmark::State& state, const std::vector<std::byte>& program) {
  backends::Configuration configuration;
  configuration.cpus = static_cast<unsigned>(state.range(0));
  const backends::Job job{.configuration = &configuration,
                          .program = program,
                          .violations = {},
                          .seed = 1,
                          .limits = {}};
  std::uint64_t ticks = 0;
  for (auto _ : state) {
    const backends::Outcome outcome = simulator().run(job);
    if (outcome.stop != backends::Stop::kFinished) state.SkipWithError(outcome.detail.c_str());
    ticks = outcome.ticks;
    benchmark::DoNotOptimize(outcome);
  }
  state.counters["ticks"] = static_cast<double>(ticks);
}

// Restore, empty program, observations.
void BM_EmptyProgram(benchmark::State& state) { run_program(state, program_of({})); }
BENCHMARK(BM_EmptyProgram)->Arg(1)->Arg(8);

void BM_OneHypercall(benchmark::State& state) {
  run_program(state, program_of({op(OpCode::kHypercall, 13)}));
}
BENCHMARK(BM_OneHypercall)->Arg(1)->Arg(8);

// A second of virtual time spent in an await.
void BM_SettleOneSecond(benchmark::State& state) {
  run_program(state, program_of({op(OpCode::kSettle, 1'000'000'000)}));
}
BENCHMARK(BM_SettleOneSecond)->Arg(1)->Unit(benchmark::kMillisecond);

// The floor: the pages of an empty run, dirtied and restored without any machine around them.
void BM_FloorRestorePages(benchmark::State& state) {
  const auto pages = static_cast<std::uint64_t>(state.range(0));
  machine::GuestMemory memory(protocol::kDefaultMemory);
  memory.snapshot();
  for (auto _ : state) {
    for (std::uint64_t page = 0; page < pages; ++page) {
      memory.store(page * machine::kPageSize, page + 1);
    }
    benchmark::DoNotOptimize(memory.restore());
  }
}
BENCHMARK(BM_FloorRestorePages)->Arg(8)->Arg(32);

void BM_FloorMemcpyPages(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0)) * machine::kPageSize;
  std::vector<std::uint8_t> from(size, 1), to(size);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), size);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_FloorMemcpyPages)->Arg(8)->Arg(32);

void BM_BootAgent(benchmark::State& state) {
  const auto image = sim::PayloadImage::load(HYPERVET_AGENT);
  backends::Configuration configuration;
  configuration.cpus = static_cast<unsigned>(state.range(0));
  for (auto _ : state) {
    const auto snapshot = sim::Snapshot::take(*image, configuration, sim::CpuVendor::intel);
    if (!snapshot) state.SkipWithError(snapshot.error().c_str());
    if (snapshot) {
      state.counters["instructions"] = static_cast<double>((*snapshot)->boot_instructions());
    }
  }
}
BENCHMARK(BM_BootAgent)->Arg(1)->Arg(8)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
