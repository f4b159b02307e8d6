// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/vcpu.h"

#include <sys/mman.h>

#include <algorithm>

#include "backends/kvm/tables.h"

namespace hypervet::kvm {
namespace {

constexpr std::uint64_t kInterruptFlag = 1 << 9;  // RFLAGS.IF, SDM vol. 1, 3.4.3

template <typename T>
Result<T> get(const Fd& fd, Request request) {
  T value{};
  if (auto done = call(fd, request, &value); !done) return std::unexpected(done.error());
  return value;
}

}  // namespace

Result<int> set_cpuid(const Fd& vcpu, std::span<const kvm_cpuid_entry2> entries) {
  if (entries.size() > kMaxCpuidEntries) {
    return std::unexpected(Error{"KVM_SET_CPUID2: too many entries", E2BIG});
  }
  CpuidTable table;
  table.count = static_cast<std::uint32_t>(entries.size());
  std::ranges::copy(entries, table.entries);
  return call(vcpu, kSetCpuid2, &table);
}

Result<Vcpu> Vcpu::open(Fd fd, std::size_t run_size, std::uint32_t debug_flags) {
  Vcpu vcpu;
  vcpu.fd_ = std::move(fd);
  void* at = mmap(nullptr, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd_.get(), 0);
  if (at == MAP_FAILED) return failure("mmap of kvm_run");
  vcpu.run_ = static_cast<kvm_run*>(at);
  vcpu.run_size_ = run_size;
  vcpu.debug_flags_ = debug_flags;
  return vcpu;
}

Vcpu& Vcpu::operator=(Vcpu&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(run_, other.run_);
  std::swap(run_size_, other.run_size_);
  std::swap(debug_flags_, other.debug_flags_);
  return *this;
}

Vcpu::~Vcpu() {
  if (run_ != nullptr) munmap(run_, run_size_);
}

Result<kvm_regs> Vcpu::regs() const { return get<kvm_regs>(fd_, HV_REQUEST(KVM_GET_REGS)); }

Result<kvm_sregs> Vcpu::sregs() const { return get<kvm_sregs>(fd_, HV_REQUEST(KVM_GET_SREGS)); }

Result<int> Vcpu::set_regs(const kvm_regs& regs) {
  return call(fd_, HV_REQUEST(KVM_SET_REGS), &regs);
}

Result<int> Vcpu::set_sregs(const kvm_sregs& sregs) {
  return call(fd_, HV_REQUEST(KVM_SET_SREGS), &sregs);
}

Result<kvm_mp_state> Vcpu::mp_state() const {
  return get<kvm_mp_state>(fd_, HV_REQUEST(KVM_GET_MP_STATE));
}

Result<kvm_lapic_state> Vcpu::lapic() const {
  return get<kvm_lapic_state>(fd_, HV_REQUEST(KVM_GET_LAPIC));
}

Result<kvm_vcpu_events> Vcpu::events() const {
  return get<kvm_vcpu_events>(fd_, HV_REQUEST(KVM_GET_VCPU_EVENTS));
}

std::optional<std::uint64_t> Vcpu::msr(std::uint32_t index) const {
  MsrTable table;
  table.entry.index = index;
  if (call(fd_, kGetMsrs, &table).value_or(0) != 1) return std::nullopt;
  return table.entry.data;
}

std::optional<std::uint64_t> Vcpu::translate(std::uint64_t linear) const {
  kvm_translation translation{};
  translation.linear_address = linear;
  if (!call(fd_, HV_REQUEST(KVM_TRANSLATE), &translation) || translation.valid == 0) {
    return std::nullopt;
  }
  return translation.physical_address;
}

Result<int> Vcpu::enable(std::uint32_t capability, std::uint64_t argument) {
  kvm_enable_cap request{};
  request.cap = capability;
  request.args[0] = argument;
  return call(fd_, HV_REQUEST(KVM_ENABLE_CAP), &request);
}

Result<int> Vcpu::single_step(bool on) {
  kvm_guest_debug debug{};
  if (on) {
    const std::uint32_t hold_back = debug_flags_ & KVM_GUESTDBG_BLOCKIRQ;
    if (hold_back == 0) {
      const auto now = regs();
      if (!now) return std::unexpected(now.error());
      if ((now->rflags & kInterruptFlag) != 0)
        return std::unexpected(Error{"KVM_SET_GUEST_DEBUG: no KVM_GUESTDBG_BLOCKIRQ", ENOTSUP});
    }
    debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | hold_back;
  }
  return call(fd_, HV_REQUEST(KVM_SET_GUEST_DEBUG), &debug);
}

}  // namespace hypervet::kvm
