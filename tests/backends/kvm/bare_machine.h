// SPDX-License-Identifier: Apache-2.0
// A machine of the engine's lowest parts alone, for tests of those: a VM, RAM, one vCPU that runs
// guest.S, and exits that the test itself answers. The thread that calls run() is the vCPU's.
#pragma once

#include <poll.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "backends/kvm/cpuid.h"
#include "backends/kvm/entry_state.h"
#include "backends/kvm/memory_slot.h"
#include "backends/kvm/vm.h"
#include "backends/machine/elf_loader.h"
#include "backends/machine/guest_memory.h"
#include "backends/machine/pvh_boot.h"
#include "tests/backends/kvm/steps.h"

namespace hypervet::kvm::test {

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  return std::move(*result);
}

enum class Chips { kKernel, kSplit };

class BareMachine {
 public:
  static constexpr unsigned kPins = 24;

  explicit BareMachine(Chips chips = Chips::kKernel)
      : system(must(System::open(KvmBackend::kDevice))),
        memory(protocol::kMinimumMemory),
        vm(must(Vm::create(system))) {
    must(chips == Chips::kSplit ? vm.create_split_irqchip(kPins) : vm.create_irqchip());
    ram = must(MemorySlot::create(vm, 0, {.size = memory.size(), .host = memory.raw()}));
    vcpu = must(vm.create_vcpu(system, 0));
    auto cpuid = compose_cpuid(system.supported_cpuid(), {}, {}, {}, false);
    set_apic_id(cpuid, 0, 1);
    must(set_cpuid(vcpu.fd(), cpuid));
  }

  // Runs the steps to their end. Every exit but the doorbell's comes to `on_exit`.
  void run(const Steps& steps, const std::function<void(kvm_run&)>& on_exit = {}) {
    load(steps);
    const Guard guard(vcpu);
    for (;;) {
      const int error = vcpu.run();
      ASSERT_EQ(error, 0) << "KVM_RUN: " << strerror(error);
      kvm_run& exit = vcpu.state();
      if (exit.exit_reason == KVM_EXIT_IO && exit.io.port == protocol::kDoorbellPort) return;
      ASSERT_TRUE(on_exit) << "exit reason " << exit.exit_reason;
      on_exit(exit);
      if (testing::Test::HasFatalFailure()) return;
    }
  }

  std::vector<std::uint32_t> reported() const {
    const auto size = memory.load<std::uint32_t>(protocol::kMailboxAddress + 8).value_or(0);
    std::vector<std::uint32_t> values(size / 4);
    memory.read(protocol::kObservationsAddress,
                {reinterpret_cast<std::uint8_t*>(values.data()), size});
    return values;
  }

  const System system;
  machine::GuestMemory memory;
  Vm vm;
  MemorySlot ram;
  Vcpu vcpu;

 private:
  // Ends a guest that does not come to its end: far more time than it ever needs.
  class Guard {
   public:
    explicit Guard(Vcpu& vcpu)
        : thread_([this, &vcpu, runner = pthread_self()](const std::stop_token&) {
            std::unique_lock lock(mutex_);
            if (done_.wait_for(lock, std::chrono::seconds(60), [&] { return over_; })) return;
            vcpu.interrupt_run();
            pthread_kill(runner, SIGUSR1);
          }) {
      struct sigaction action{};
      action.sa_handler = [](int) {};
      sigaction(SIGUSR1, &action, nullptr);
    }
    ~Guard() {
      const std::lock_guard lock(mutex_);
      over_ = true;
      done_.notify_all();
    }

   private:
    std::mutex mutex_;
    std::condition_variable done_;
    bool over_ = false;
    std::jthread thread_;
  };

  void load(const Steps& steps) {
    const auto bytes = machine::read_payload_file(HYPERVET_KVM_TEST_GUEST);
    ASSERT_TRUE(bytes) << bytes.error();
    const auto payload = machine::parse_elf(*bytes);
    ASSERT_TRUE(payload) << payload.error();
    ASSERT_TRUE(machine::load_payload(*payload, memory, machine::agent_reserved_areas()));
    memory.fill(protocol::kMailboxAddress, machine::kPageSize, 0);
    const auto words = steps.words();
    memory.write(protocol::kProgramAddress,
                 {reinterpret_cast<const std::uint8_t*>(words.data()), words.size() * 4});
    const auto info = machine::write_boot_info(
        memory, "",
        machine::BootModule{.address = protocol::kProgramAddress, .size = words.size() * 4});
    ASSERT_TRUE(info) << info.error();
    must(enter_pvh(vcpu, payload->pvh_entry, *info));
  }
};

// What the guest wrote where nobody is: KVM_EXIT_MMIO or KVM_EXIT_IO, a write.
struct Written {
  std::uint64_t address = 0;
  std::uint64_t value = 0;
  bool operator==(const Written&) const = default;
};
inline std::optional<Written> write_of(const kvm_run& exit) {
  Written written;
  if (exit.exit_reason == KVM_EXIT_MMIO && exit.mmio.is_write != 0) {
    written.address = exit.mmio.phys_addr;
    std::memcpy(&written.value, exit.mmio.data, std::min<std::size_t>(exit.mmio.len, 8));
    return written;
  }
  if (exit.exit_reason == KVM_EXIT_IO && exit.io.direction == KVM_EXIT_IO_OUT) {
    written.address = exit.io.port;
    std::memcpy(&written.value, reinterpret_cast<const std::uint8_t*>(&exit) + exit.io.data_offset,
                exit.io.size);
    return written;
  }
  return std::nullopt;
}

}  // namespace hypervet::kvm::test
