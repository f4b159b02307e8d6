// SPDX-License-Identifier: Apache-2.0
#include "tests/guest-payloads/kvm_run.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "guest-payloads/protocol/layout.h"

namespace hypervet::tests {

namespace {

using Clock = std::chrono::steady_clock;
using namespace protocol;

constexpr std::uint64_t kStartInfo = 0x6000, kModules = 0x6040, kCommandLine = 0x7000,
                        kBootParams = 0x5000;

class File {
 public:
  explicit File(int fd) : fd_(fd) {
    if (fd < 0) throw std::runtime_error(fmt::format("open: {}", std::strerror(errno)));
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

int call(int fd, unsigned long request, const char* name, auto argument) {
  const int result = ::ioctl(fd, request, argument);
  if (result < 0) throw std::runtime_error(fmt::format("{}: {}", name, std::strerror(errno)));
  return result;
}
#define KVM_CALL(fd, request, argument) call(fd, request, #request, argument)

// kvm_cpuid2 as the kernel has it. In C++ the header's own flexible array is preceded by an empty
// struct of size 1, which spoils both the layout and the size in the ioctl numbers.
struct CpuidTable {
  static constexpr unsigned kEntries = 256;
  std::uint32_t count = kEntries;
  std::uint32_t padding = 0;
  kvm_cpuid_entry2 entries[kEntries];
};
constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, std::uint64_t);
constexpr unsigned long kSetCpuid2 = _IOW(KVMIO, 0x90, std::uint64_t);

class Mapping {
 public:
  Mapping(std::size_t size, int flags, int fd) : size_(size) {
    at_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (at_ == MAP_FAILED) throw std::runtime_error("mmap");
  }
  ~Mapping() { ::munmap(at_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::byte* get() const { return static_cast<std::byte*>(at_); }

 private:
  void* at_;
  std::size_t size_;
};

// Loads the PT_LOAD segments and returns the PVH entry, which the linker script makes the ELF entry
// too.
std::uint32_t load_agent(std::byte* memory) {
  std::ifstream in(HV_AGENT_ELF, std::ios::binary);
  const std::vector<char> image{std::istreambuf_iterator<char>(in), {}};
  Elf64_Ehdr header{};
  if (image.size() < sizeof header) throw std::runtime_error("no agent at " HV_AGENT_ELF);
  std::memcpy(&header, image.data(), sizeof header);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    std::memcpy(&segment, image.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type != PT_LOAD) continue;
    std::memcpy(memory + segment.p_paddr, image.data() + segment.p_offset, segment.p_filesz);
  }
  return static_cast<std::uint32_t>(header.e_entry);
}

void put(std::byte* memory, std::uint64_t at, const auto& value) {
  std::memcpy(memory + at, &value, sizeof value);
}

void put_start_info(std::byte* memory, const std::string& words, std::size_t program_size) {
  put(memory, kStartInfo, std::uint32_t{0x336e'c578});
  put(memory, kStartInfo + 4, std::uint32_t{1});
  put(memory, kStartInfo + 12, std::uint32_t{1});  // modules
  put(memory, kStartInfo + 16, kModules);
  put(memory, kStartInfo + 24, kCommandLine);
  put(memory, kModules, kProgramAddress);
  put(memory, kModules + 8, std::uint64_t{program_size});
  std::memcpy(memory + kCommandLine, words.c_str(), words.size() + 1);
}

class Machine {
 public:
  Machine(std::span<const std::byte> program, const KvmOptions& options)
      : options_(options),
        kvm_(::open("/dev/kvm", O_RDWR | O_CLOEXEC)),
        vm_(KVM_CALL(kvm_.get(), KVM_CREATE_VM, 0)),
        memory_(kDefaultMemory, MAP_PRIVATE | MAP_ANONYMOUS, -1) {
    KVM_CALL(vm_.get(), KVM_SET_TSS_ADDR, 0xfffb'd000ul);
    KVM_CALL(vm_.get(), KVM_CREATE_IRQCHIP, 0);
    kvm_userspace_memory_region region{
        .slot = 0,
        .flags = 0,
        .guest_phys_addr = 0,
        .memory_size = kDefaultMemory,
        .userspace_addr = reinterpret_cast<std::uintptr_t>(memory_.get())};
    KVM_CALL(vm_.get(), KVM_SET_USER_MEMORY_REGION, &region);
    entry_ = load_agent(memory_.get());
    for (unsigned i = 0; i < options.cpus; ++i) add_cpu(i);
    result_.tsc_khz = static_cast<std::uint64_t>(KVM_CALL(cpus_[0]->get(), KVM_GET_TSC_KHZ, 0));
    put_start_info(memory_.get(),
                   fmt::format("channel=memory cpus={} tsc-khz={} {}", options.cpus,
                               result_.tsc_khz, options.words),
                   program.size());
    std::memcpy(memory_.get() + kProgramAddress, program.data(), program.size());
    if (options.linux_entry) {
      put_boot_params(program.size());
      enter(kAgentAddress);
    } else {
      enter(entry_);
    }
  }

  KvmRun run() {
    static const bool installed = [] {
      struct sigaction ignore{};
      ignore.sa_handler = [](int) {};
      return ::sigaction(SIGUSR1, &ignore, nullptr) == 0;
    }();
    (void)installed;
    start_ = Clock::now();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < cpus_.size(); ++i) threads.emplace_back([this, i] { run_cpu(i); });
    while (!stop_ && Clock::now() - start_ < options_.limit) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (!stop_.exchange(true)) result_.error = "time is up";
    for (auto& thread : threads) {
      // A signal may come just before KVM_RUN; immediate_exit covers that.
      for (unsigned i = 0; i < runs_.size(); ++i) run_of(i).immediate_exit = 1;
      ::pthread_kill(thread.native_handle(), SIGUSR1);
    }
    for (auto& thread : threads) thread.join();
    take_results();
    return std::move(result_);
  }

 private:
  kvm_run& run_of(unsigned cpu) { return *reinterpret_cast<kvm_run*>(runs_[cpu]->get()); }

  void add_cpu(unsigned index) {
    cpus_.push_back(std::make_unique<File>(KVM_CALL(vm_.get(), KVM_CREATE_VCPU, index)));
    const int fd = cpus_.back()->get();
    const int size = KVM_CALL(kvm_.get(), KVM_GET_VCPU_MMAP_SIZE, 0);
    runs_.push_back(std::make_unique<Mapping>(static_cast<std::size_t>(size), MAP_SHARED, fd));
    const auto table = std::make_unique<CpuidTable>();
    call(kvm_.get(), kGetSupportedCpuid, "KVM_GET_SUPPORTED_CPUID", table.get());
    call(fd, kSetCpuid2, "KVM_SET_CPUID2", table.get());
  }

  void put_boot_params(std::size_t program_size) {
    guest::BootParams params{};
    params.signature = 0x5372'6448;
    params.ramdisk_image = kProgramAddress;
    params.ramdisk_size = static_cast<std::uint32_t>(program_size);
    params.command_line = kCommandLine;
    options_.linux_entry(params);
    put(memory_.get(), kBootParams, params);
  }

  // Xen's docs/misc/pvh.pandoc and Linux's boot.rst alike: 32-bit protected mode, flat segments,
  // paging off; EBX at the start info, or ESI at boot_params.
  void enter(std::uint64_t entry) {
    const int fd = cpus_[0]->get();
    kvm_sregs s{};
    KVM_CALL(fd, KVM_GET_SREGS, &s);
    const kvm_segment code{.base = 0,
                           .limit = ~0u,
                           .selector = 0x10,
                           .type = 11,
                           .present = 1,
                           .dpl = 0,
                           .db = 1,
                           .s = 1,
                           .l = 0,
                           .g = 1,
                           .avl = 0,
                           .unusable = 0,
                           .padding = 0};
    kvm_segment data = code;
    data.selector = 0x18;
    data.type = 3;
    s.cs = code;
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    s.cr0 = 0x11;
    KVM_CALL(fd, KVM_SET_SREGS, &s);
    kvm_regs r{};
    r.rip = entry;
    r.rbx = kStartInfo;
    r.rsi = kBootParams;
    r.rflags = 2;
    KVM_CALL(fd, KVM_SET_REGS, &r);
  }

  void run_cpu(unsigned index) {
    while (!stop_) {
      if (::ioctl(cpus_[index]->get(), KVM_RUN, 0) < 0) {
        if (errno == EINTR || errno == EAGAIN) continue;
        return fail(fmt::format("KVM_RUN: {}", std::strerror(errno)));
      }
      const kvm_run& run = run_of(index);
      if (run.exit_reason != KVM_EXIT_IO) {
        return fail(fmt::format("CPU {} exits by {}", index, run.exit_reason));
      }
      if (run.io.direction == KVM_EXIT_IO_OUT && run.io.port == kDoorbellPort) ring(run);
    }
  }

  void ring(const kvm_run& run) {
    std::uint32_t why = 0;
    std::memcpy(&why, reinterpret_cast<const std::byte*>(&run) + run.io.data_offset, 4);
    if (why == static_cast<std::uint32_t>(Doorbell::kReady)) {
      ready_ = Clock::now();
    } else if (why == static_cast<std::uint32_t>(Doorbell::kHost)) {
      options_.host(*reinterpret_cast<Mailbox*>(memory_.get() + kMailboxAddress));
    } else {
      result_.end = static_cast<Doorbell>(why);
      result_.to_ready = ready_ - start_;
      result_.to_end = Clock::now() - ready_;
      stop_ = true;
    }
  }

  void fail(std::string why) {
    if (!stop_.exchange(true)) result_.error = std::move(why);
  }

  void take_results() {
    std::memcpy(&result_.mailbox, memory_.get() + kMailboxAddress, sizeof result_.mailbox);
    result_.overflowed = result_.mailbox.overflowed != 0;
    if (result_.mailbox.committed > kObservationsSize) {
      result_.error = "more committed than there is room for";
      return;
    }
    FrameReader reader;
    reader.feed({memory_.get() + kObservationsAddress, result_.mailbox.committed});
    while (auto frame = reader.next()) result_.frames.all.push_back(std::move(*frame));
    if (result_.error.empty()) result_.error = reader.error;
    if (result_.error.empty() && !reader.data.empty()) result_.error = "half a frame is committed";
  }

  const KvmOptions& options_;
  File kvm_;
  File vm_;
  Mapping memory_;
  std::vector<std::unique_ptr<File>> cpus_;
  std::vector<std::unique_ptr<Mapping>> runs_;
  std::uint32_t entry_ = 0;
  std::atomic<bool> stop_ = false;
  Clock::time_point start_, ready_;
  KvmRun result_;
};

}  // namespace

std::string kvm_missing() {
  const int fd = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (fd < 0) return fmt::format("/dev/kvm: {}", std::strerror(errno));
  ::close(fd);
  return {};
}

KvmRun run_on_kvm(std::span<const std::byte> program, const KvmOptions& options) {
  try {
    Machine machine(program, options);
    return machine.run();
  } catch (const std::runtime_error& e) {
    KvmRun run;
    run.error = e.what();
    return run;
  }
}

}  // namespace hypervet::tests
