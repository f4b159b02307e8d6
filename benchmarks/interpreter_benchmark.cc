// SPDX-License-Identifier: Apache-2.0
//
// How fast the simulator's processor interprets, beside a native floor: the same machine code run
// by the host. Counters: guest instructions a second; for round trips, the time of one.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "backends/machine/guest_memory.h"
#include "backends/sim/cpu/code_cache.h"
#include "backends/sim/cpu/cpu.h"

namespace hypervet::sim {
namespace {

constexpr std::uint64_t kCodeAt = 0x10000, kArrayAt = 0x20000, kIdtAt = 0x2000, kGdtAt = 0x1000;
constexpr std::uint64_t kForever = ~std::uint64_t{0};

// mov $N, %ecx; 1: add %rcx, %rax; xor %rax, %rdx; lea 3(%rdx), %rbx; dec %ecx; jnz 1b
constexpr std::uint8_t kRegisterLoop[] = {0x48, 0x01, 0xc8, 0x48, 0x31, 0xc2, 0x48,
                                          0x8d, 0x5a, 0x03, 0xff, 0xc9, 0x75, 0xf2};

// Insertion sort of the 32-bit array at RDI with RSI elements.
//   mov $1,%ecx; outer: cmp %rsi,%rcx; jae done; mov (%rdi,%rcx,4),%eax; mov %rcx,%rdx
//   inner: test %rdx,%rdx; jz place; mov -4(%rdi,%rdx,4),%r8d; cmp %eax,%r8d; jbe place
//   mov %r8d,(%rdi,%rdx,4); dec %rdx; jmp inner
//   place: mov %eax,(%rdi,%rdx,4); inc %rcx; jmp outer; done:
constexpr std::uint8_t kSort[] = {0xb9, 0x01, 0x00, 0x00, 0x00, 0x48, 0x39, 0xf1, 0x73, 0x27,
                                  0x8b, 0x04, 0x8f, 0x48, 0x89, 0xca, 0x48, 0x85, 0xd2, 0x74,
                                  0x14, 0x44, 0x8b, 0x44, 0x97, 0xfc, 0x41, 0x39, 0xc0, 0x76,
                                  0x09, 0x44, 0x89, 0x04, 0x97, 0x48, 0xff, 0xca, 0xeb, 0xe8,
                                  0x90, 0x89, 0x04, 0x97, 0x48, 0xff, 0xc1, 0xeb, 0xd4};

class BenchPlatform final : public Platform {
 public:
  std::uint64_t mmio_read(Cpu&, std::uint64_t, unsigned) override { return 0; }
  void mmio_write(Cpu&, std::uint64_t, unsigned, std::uint64_t) override {}
  std::uint32_t port_in(Cpu&, std::uint16_t, unsigned) override { return 0; }
  void port_out(Cpu&, std::uint16_t, unsigned, std::uint32_t) override {}
  std::optional<std::uint64_t> rdmsr(Cpu&, std::uint32_t) override { return 0; }
  bool wrmsr(Cpu&, std::uint32_t, std::uint64_t) override { return true; }
  CpuidResult cpuid(Cpu&, std::uint32_t, std::uint32_t) override { return {}; }
  HypercallResult hypercall(Cpu& cpu, HypercallInstruction) override {
    cpu.set_gpr(kRax, 0);
    return {};
  }
  std::optional<std::uint8_t> acknowledge_interrupt(Cpu&) override { return std::nullopt; }
  std::uint8_t read_cr8(Cpu&) override { return 0; }
  void write_cr8(Cpu&, std::uint8_t) override {}
  std::uint64_t tsc(Cpu& cpu) override { return cpu.ticks(); }
  AbsentPage page_absent(Cpu&, std::uint64_t, bool) override { return {}; }
};

// A processor in long mode, CPL 0, identity-mapped with 2 MiB pages.
struct Bench {
  Bench() : memory(16 << 20), code(memory), cpu(platform, memory, code) {
    memory.store<std::uint64_t>(0x4000, 0x5003);
    memory.store<std::uint64_t>(0x5000, 0x6003);
    for (std::uint64_t i = 0; i < 512; ++i)
      memory.store<std::uint64_t>(0x6000 + 8 * i, i << 21 | 0x83);
    memory.store<std::uint64_t>(kGdtAt + 8, 0x00af9b000000ffff);
    memory.store<std::uint64_t>(kGdtAt + 16, 0x00cf93000000ffff);
    start.cr0 = cr0::kPe | cr0::kEt | cr0::kWp | cr0::kPg;
    start.cr3 = 0x4000;
    start.cr4 = cr4::kPae;
    start.efer = efer::kLme | efer::kLma;
    start.gdtr = {.base = kGdtAt, .limit = 23};
    start.idtr = {.base = kIdtAt, .limit = 0xfff};
    for (Segment& s : start.segment)
      s = {.selector = 16, .attributes = 0xc093, .limit = ~0u, .base = 0};
    start.segment[kCs] = {.selector = 8, .attributes = 0xa09b, .limit = ~0u, .base = 0};
    start.rip = kCodeAt;
    start.gpr[kRsp] = 0x9000;
  }
  // `body`, then HLT.
  void load(std::span<const std::uint8_t> body) {
    memory.write(kCodeAt, body);
    memory.store<std::uint8_t>(kCodeAt + body.size(), 0xf4);
  }
  std::uint64_t run() {
    cpu.set_state(start);
    const RunResult r = cpu.run(kForever);
    if (r.reason != StopReason::halted) std::abort();
    return r.instructions;
  }

  BenchPlatform platform;
  machine::GuestMemory memory;
  CodeCache code;
  Cpu cpu;
  CpuState start;
};

void report(benchmark::State& state, std::uint64_t instructions) {
  state.counters["MIPS"] =
      benchmark::Counter(static_cast<double>(instructions) / 1e6, benchmark::Counter::kIsRate);
}

// The same code on the host, as a function of (array, length, count).
class Native {
 public:
  explicit Native(std::span<const std::uint8_t> body, std::span<const std::uint8_t> before = {}) {
    page_ =
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page_ == MAP_FAILED) std::abort();
    auto* at = static_cast<std::uint8_t*>(page_);
    *at++ = 0x53;  // push %rbx
    std::memcpy(at, before.data(), before.size());
    at += before.size();
    std::memcpy(at, body.data(), body.size());
    at += body.size();
    *at++ = 0x5b;  // pop %rbx
    *at = 0xc3;
  }
  ~Native() { munmap(page_, 4096); }
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;
  void operator()(void* array, std::uint64_t length) const {
    reinterpret_cast<void (*)(void*, std::uint64_t)>(page_)(array, length);
  }

 private:
  void* page_;
};

constexpr std::uint32_t kIterations = 1'000'000;
constexpr std::uint8_t kLoadCount[] = {0xb9, kIterations & 0xff, kIterations >> 8 & 0xff,
                                       kIterations >> 16 & 0xff, kIterations >> 24};

std::vector<std::uint8_t> joined(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  std::vector<std::uint8_t> all;
  all.reserve(a.size() + b.size() + 8);
  for (const std::uint8_t byte : a) all.push_back(byte);
  for (const std::uint8_t byte : b) all.push_back(byte);
  return all;
}

void RegisterLoop(benchmark::State& state) {
  Bench bench;
  bench.load(joined(kLoadCount, kRegisterLoop));
  std::uint64_t instructions = 0;
  for (auto _ : state) instructions += bench.run();
  report(state, instructions);
}
BENCHMARK(RegisterLoop)->Unit(benchmark::kMillisecond);

void RegisterLoopNative(benchmark::State& state) {
  const Native native(kRegisterLoop, kLoadCount);
  for (auto _ : state) native(nullptr, 0);
  report(state, static_cast<std::uint64_t>(state.iterations()) * kIterations * 5);
}
BENCHMARK(RegisterLoopNative)->Unit(benchmark::kMillisecond);

constexpr std::uint64_t kElements = 2000;

std::vector<std::uint32_t> shuffled() {
  std::vector<std::uint32_t> values(kElements);
  std::uint32_t x = 12345;
  for (std::uint32_t& v : values) v = x = x * 1664525 + 1013904223;
  return values;
}

std::uint64_t sort_once(Bench& bench) {
  const auto values = shuffled();
  bench.memory.write(kArrayAt,
                     {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4});
  bench.start.gpr[kRdi] = kArrayAt;
  bench.start.gpr[kRsi] = kElements;
  return bench.run();
}

void Sort(benchmark::State& state) {
  Bench bench;
  bench.load(kSort);
  std::uint64_t instructions = 0;
  for (auto _ : state) instructions += sort_once(bench);
  for (std::uint64_t i = 1; i < kElements; ++i) {
    if (*bench.memory.load<std::uint32_t>(kArrayAt + 4 * i) <
        *bench.memory.load<std::uint32_t>(kArrayAt + 4 * i - 4)) {
      state.SkipWithError("not sorted");
    }
  }
  report(state, instructions);
}
BENCHMARK(Sort)->Unit(benchmark::kMillisecond);

void SortNative(benchmark::State& state) {
  Bench bench;
  bench.load(kSort);
  const std::uint64_t instructions = sort_once(bench);
  const Native native(kSort);
  for (auto _ : state) {
    auto values = shuffled();
    native(values.data(), kElements);
    benchmark::DoNotOptimize(values.data());
  }
  report(state, static_cast<std::uint64_t>(state.iterations()) * instructions);
}
BENCHMARK(SortNative)->Unit(benchmark::kMillisecond);

// A loop of one instruction under test with DEC and JNZ: the time of an iteration.
void round_trip(benchmark::State& state, std::span<const std::uint8_t> body, Bench& bench) {
  std::vector<std::uint8_t> code = joined(kLoadCount, body);
  // dec %ecx; jnz back
  code.insert(code.end(),
              {0xff, 0xc9, 0x75, static_cast<std::uint8_t>(-4 - static_cast<int>(body.size()))});
  bench.load(code);
  for (auto _ : state) bench.run();
  state.counters["each"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kIterations,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void Vmcall(benchmark::State& state) {
  Bench bench;
  round_trip(state, std::to_array<std::uint8_t>({0x0f, 0x01, 0xc1}), bench);
}
BENCHMARK(Vmcall)->Unit(benchmark::kMillisecond);

void PortOut(benchmark::State& state) {
  Bench bench;
  round_trip(state, std::to_array<std::uint8_t>({0xe6, 0x80}), bench);  // out %al, $0x80
}
BENCHMARK(PortOut)->Unit(benchmark::kMillisecond);

void MmioStore(benchmark::State& state) {
  Bench bench;
  // mov %eax, 0x2000000 (beyond RAM)
  round_trip(state, std::to_array<std::uint8_t>({0x89, 0x04, 0x25, 0x00, 0x00, 0x00, 0x02}), bench);
}
BENCHMARK(MmioStore)->Unit(benchmark::kMillisecond);

void Rdtsc(benchmark::State& state) {
  Bench bench;
  round_trip(state, std::to_array<std::uint8_t>({0x0f, 0x31}), bench);
}
BENCHMARK(Rdtsc)->Unit(benchmark::kMillisecond);

void InterruptAndReturn(benchmark::State& state) {
  Bench bench;
  constexpr std::uint64_t kHandler = 0x11000;
  bench.memory.store<std::uint64_t>(kIdtAt + 16 * 0x21, 0x8e0000081000 | (kHandler >> 16) << 48);
  bench.memory.store<std::uint16_t>(kHandler, 0xcf48);  // iretq
  round_trip(state, std::to_array<std::uint8_t>({0xcd, 0x21}), bench);
}
BENCHMARK(InterruptAndReturn)->Unit(benchmark::kMillisecond);

void FaultAndReturn(benchmark::State& state) {
  Bench bench;
  constexpr std::uint64_t kHandler = 0x11000;
  bench.memory.store<std::uint64_t>(kIdtAt + 16 * 6, 0x8e0000081000 | (kHandler >> 16) << 48);
  // addq $2, (%rsp); iretq
  bench.memory.write(kHandler,
                     std::to_array<std::uint8_t>({0x48, 0x83, 0x04, 0x24, 0x02, 0x48, 0xcf}));
  round_trip(state, std::to_array<std::uint8_t>({0x0f, 0x0b}), bench);  // ud2
}
BENCHMARK(FaultAndReturn)->Unit(benchmark::kMillisecond);

// Back to the snapshot after four written pages.
void Restore(benchmark::State& state) {
  machine::GuestMemory memory(64 << 20);
  for (std::uint64_t page = 0; page < 256; ++page) memory.store<std::uint64_t>(page * 4096, page);
  memory.snapshot();
  for (auto _ : state) {
    for (std::uint64_t page = 0; page < 4; ++page) memory.store<std::uint64_t>(page * 8192, 7);
    benchmark::DoNotOptimize(memory.restore().data());
  }
}
BENCHMARK(Restore);

}  // namespace
}  // namespace hypervet::sim

BENCHMARK_MAIN();
