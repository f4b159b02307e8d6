// SPDX-License-Identifier: Apache-2.0
// What the KVM engine adds to KVM: each figure of the engine stands beside that of the shortest
// loop of the same ioctls (turns.h).
//
//   kvm/lifecycle  create a VM, load and run a trivial program, destroy it   (held to 1.25)
//   kvm/exit       one exit to user space and back                           (held to 1.05)
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "backends/kvm/kvm_backend.h"
#include "backends/kvm/tables.h"
#include "backends/machine/elf_loader.h"
#include "backends/machine/pvh_boot.h"
#include "benchmarks/turns.h"
#include "guest-payloads/protocol/layout.h"

namespace {

using namespace hypervet;
using benchmarks::compare;
using protocol::Doorbell;

// The program of kvm_guest.S: how often it exits.
using Exits = std::uint32_t;
constexpr Exits kNone = 0, kMany = 5000;
constexpr auto kReady = static_cast<std::uint32_t>(Doorbell::kReady);
constexpr auto kFinished = static_cast<std::uint32_t>(Doorbell::kFinished);

const kvm::KvmBackend& engine() {
  static const kvm::KvmBackend made{HYPERVET_KVM_BENCHMARK_GUEST};
  return made;
}

int must(int result) {
  if (result < 0) throw std::runtime_error("an ioctl of the floor failed");
  return result;
}

// The floor: no thread, no supervision, no answer but the time; what is read from files is read
// once, as the engine does.
class Floor {
 public:
  Floor() {
    kvm_ = must(open("/dev/kvm", O_RDWR | O_CLOEXEC));
    run_size_ = static_cast<std::size_t>(must(ioctl(kvm_, KVM_GET_VCPU_MMAP_SIZE, 0)));
    cpuid_.count = kvm::kMaxCpuidEntries;
    must(ioctl(kvm_, kvm::kGetSupportedCpuid.number, &cpuid_));
    file_ = machine::read_payload_file(HYPERVET_KVM_BENCHMARK_GUEST).value();
    payload_ = machine::parse_elf(file_).value();
  }

  // Ticks of the TSC between the guest's kReady and kFinished.
  std::uint64_t run(Exits program) {
    const int vm = must(ioctl(kvm_, KVM_CREATE_VM, 0));
    must(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffb'd000));
    must(ioctl(vm, KVM_CREATE_IRQCHIP, 0));
    std::uint64_t ticks = 0;
    {
      machine::GuestMemory memory(protocol::kDefaultMemory);
      kvm_userspace_memory_region region{};
      region.memory_size = memory.size();
      region.userspace_addr = reinterpret_cast<std::uintptr_t>(memory.raw());
      must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
      ticks = run_cpu(vm, memory, program);
      close(vm);
    }
    return ticks;
  }

 private:
  std::uint64_t run_cpu(int vm, machine::GuestMemory& memory, Exits program) {
    const int vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0));
    must(ioctl(vcpu, kvm::kSetCpuid2.number, &cpuid_));
    auto* run = static_cast<kvm_run*>(
        mmap(nullptr, run_size_, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0));
    load(memory, program);
    enter(vcpu);
    const std::uint64_t ticks = loop(vcpu, run);
    munmap(run, run_size_);
    close(vcpu);
    return ticks;
  }

  void load(machine::GuestMemory& memory, Exits program) {
    for (const auto& segment : payload_.segments) {
      std::memcpy(memory.raw() + segment.address, segment.contents.data(), segment.contents.size());
    }
    std::memcpy(memory.raw() + protocol::kProgramAddress, &program, sizeof program);
    start_info_ = machine::write_boot_info(
                      memory, "", machine::BootModule{protocol::kProgramAddress, sizeof program})
                      .value();
  }

  void enter(int vcpu) {
    kvm_sregs sregs;
    must(ioctl(vcpu, KVM_GET_SREGS, &sregs));
    kvm_segment flat{};
    flat.limit = 0xffff'ffff;
    flat.selector = 8;
    flat.type = 11;
    flat.present = flat.db = flat.s = flat.g = 1;
    sregs.cs = flat;
    flat.selector = 16;
    flat.type = 3;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
    sregs.cr0 = 0x11;
    must(ioctl(vcpu, KVM_SET_SREGS, &sregs));
    kvm_regs regs{};
    regs.rip = payload_.pvh_entry;
    regs.rbx = start_info_;
    regs.rflags = 2;
    must(ioctl(vcpu, KVM_SET_REGS, &regs));
  }

  static std::uint64_t loop(int vcpu, const kvm_run* run) {
    std::uint64_t ready = 0;
    for (;;) {
      must(ioctl(vcpu, KVM_RUN, 0));
      if (run->exit_reason != KVM_EXIT_IO) throw std::runtime_error("the floor's guest failed");
      if (run->io.port != protocol::kDoorbellPort) continue;
      std::uint32_t why;
      std::memcpy(&why, reinterpret_cast<const char*>(run) + run->io.data_offset, 4);
      if (why == kFinished) return __rdtsc() - ready;
      ready = __rdtsc();
    }
  }

  int kvm_ = -1;
  std::size_t run_size_ = 0;
  kvm::CpuidTable cpuid_;
  std::vector<std::byte> file_;
  machine::Payload payload_;
  std::uint64_t start_info_ = 0;
};

Floor& bare() {
  static Floor made;
  return made;
}

backends::Outcome run_engine(Exits program) {
  static const backends::Configuration configuration;
  backends::Job job;
  job.configuration = &configuration;
  job.program = std::as_bytes(std::span(&program, 1));
  auto outcome = engine().run(job);
  if (outcome.stop != backends::Stop::kFinished) throw std::runtime_error(outcome.detail);
  return outcome;
}

bool available(benchmark::State& state) {
  const auto why = engine().availability();
  if (!why.available) state.SkipWithError(why.reason.c_str());
  return why.available;
}

void lifecycle(benchmark::State& state) {
  if (!available(state)) return;
  compare(
      state, benchmarks::kMilliseconds,
      [] { return benchmarks::seconds(CLOCK_MONOTONIC, [] { run_engine(kNone); }); },
      [] { return benchmarks::seconds(CLOCK_MONOTONIC, [] { bare().run(kNone); }); });
}
BENCHMARK(lifecycle)
    ->Name("kvm/lifecycle")
    ->UseManualTime()
    ->Iterations(300)
    ->Unit(benchmark::kMillisecond);

void exit_and_back(benchmark::State& state) {
  if (!available(state)) return;
  const double hertz = static_cast<double>(run_engine(kNone).tsc_khz) * 1e3;
  const auto per_exit = [hertz](std::uint64_t ticks) {
    return static_cast<double>(ticks) / hertz / kMany;
  };
  compare(
      state, benchmarks::kNanoseconds, [&] { return per_exit(run_engine(kMany).ticks); },
      [&] { return per_exit(bare().run(kMany)); });
}
BENCHMARK(exit_and_back)
    ->Name("kvm/exit")
    ->UseManualTime()
    ->Iterations(60)
    ->Unit(benchmark::kNanosecond);

}  // namespace

BENCHMARK_MAIN();
