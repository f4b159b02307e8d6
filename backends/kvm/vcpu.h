// SPDX-License-Identifier: Apache-2.0
// One virtual CPU and its shared kvm_run area. The kernel serialises every call but
// interrupt_run(): whoever calls while another thread is inside run() waits. So only the thread
// that runs the vCPU, or anybody while that thread is known to be outside, calls here;
// interrupt_run() alone is for other threads.
#pragma once

#include <linux/kvm.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/kvm/ioctl.h"

namespace hypervet::kvm {

// A table that KVM_SET_CPUID2 takes; at most kMaxCpuidEntries.
Result<int> set_cpuid(const Fd& vcpu, std::span<const kvm_cpuid_entry2> entries);

class Vcpu {
 public:
  // `debug_flags`: what KVM_SET_GUEST_DEBUG takes here, KVM_CAP_SET_GUEST_DEBUG2.
  static Result<Vcpu> open(Fd fd, std::size_t run_size, std::uint32_t debug_flags);
  Vcpu() = default;
  Vcpu(Vcpu&& other) noexcept
      : fd_(std::move(other.fd_)),
        run_(std::exchange(other.run_, nullptr)),
        run_size_(other.run_size_),
        debug_flags_(other.debug_flags_) {}
  Vcpu& operator=(Vcpu&& other) noexcept;
  ~Vcpu();

  const Fd& fd() const { return fd_; }
  // Shared with the kernel; valid until the next run().
  kvm_run& state() { return *run_; }
  const kvm_run& state() const { return *run_; }
  std::size_t state_size() const { return run_size_; }

  // KVM_RUN: 0, or errno. EINTR: interrupt_run() or a signal; EAGAIN: try again.
  int run() { return ioctl(fd_.get(), KVM_RUN, 0) == 0 ? 0 : errno; }
  // Makes the present or next run() return EINTR until clear_interrupt(). A vCPU that is inside
  // needs a signal too.
  void interrupt_run() { set_immediate_exit(1); }
  void clear_interrupt() { set_immediate_exit(0); }

  Result<kvm_regs> regs() const;
  Result<kvm_sregs> sregs() const;
  Result<int> set_regs(const kvm_regs& regs);
  Result<int> set_sregs(const kvm_sregs& sregs);
  Result<kvm_mp_state> mp_state() const;
  Result<kvm_lapic_state> lapic() const;
  Result<kvm_vcpu_events> events() const;
  // nullopt: the kernel does not know the MSR.
  std::optional<std::uint64_t> msr(std::uint32_t index) const;
  // Guest-physical address; nullopt: not mapped.
  std::optional<std::uint64_t> translate(std::uint64_t linear) const;
  Result<int> enable(std::uint32_t capability, std::uint64_t argument);
  // The next run() carries out one instruction and exits (KVM_EXIT_DEBUG); interrupts are held back
  // until it is off again. Where the kernel cannot hold them back and one may come it is refused
  // with ENOTSUP: an interrupt that is taken while KVM has the trap flag set for a step saves that
  // flag on the guest's stack, and IRET gives it back to a guest that nobody traces.
  Result<int> single_step(bool on);

 private:
  void set_immediate_exit(std::uint8_t value) {
    std::atomic_ref(run_->immediate_exit).store(value, std::memory_order_seq_cst);
  }

  Fd fd_;
  kvm_run* run_ = nullptr;
  std::size_t run_size_ = 0;
  std::uint32_t debug_flags_ = 0;
};

}  // namespace hypervet::kvm
