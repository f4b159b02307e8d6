// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/vm.h"

namespace hypervet::kvm {
namespace {

// Three pages that Intel's processors need for real mode, out of the way of RAM and of the APIC
// pages.
constexpr std::uintptr_t kTssAddress = 0xfffb'd000;
// Local APIC's MSI window (SDM vol. 3, "Message Address Register Format"): destination in bits
// 19:12.
constexpr std::uint32_t kMsiAddress = 0xfee0'0000;
constexpr unsigned kMsiDestinationShift = 12;

}  // namespace

Result<Vm> Vm::create(const System& system) {
  Vm vm;
  auto fd = call(system.fd(), HV_REQUEST(KVM_CREATE_VM));
  if (!fd) return std::unexpected(fd.error());
  vm.fd_ = Fd(*fd);
  if (auto done = call(vm.fd_, HV_REQUEST(KVM_SET_TSS_ADDR), kTssAddress); !done) {
    return std::unexpected(done.error());
  }
  return vm;
}

Result<int> Vm::set_memory(void* host, std::uint64_t size) {
  kvm_userspace_memory_region region{};
  region.memory_size = size;
  region.userspace_addr = reinterpret_cast<std::uintptr_t>(host);
  return call(fd_, HV_REQUEST(KVM_SET_USER_MEMORY_REGION), &region);
}

Result<int> Vm::create_irqchip() { return call(fd_, HV_REQUEST(KVM_CREATE_IRQCHIP)); }

Result<Vcpu> Vm::create_vcpu(const System& system, unsigned id) {
  auto fd = call(fd_, HV_REQUEST(KVM_CREATE_VCPU), id);
  if (!fd) return std::unexpected(fd.error());
  return Vcpu::open(Fd(*fd), system.run_size());
}

Result<int> Vm::enable(std::uint32_t capability, std::uint64_t argument) {
  kvm_enable_cap request{};
  request.cap = capability;
  request.args[0] = argument;
  return call(fd_, HV_REQUEST(KVM_ENABLE_CAP), &request);
}

Result<int> Vm::trap_msr(std::uint32_t index) {
  if (auto done = enable(KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER); !done) {
    return done;
  }
  // A clear bit denies, and a denied access exits to user space. Everything else stays allowed.
  std::uint8_t bitmap = 0;
  kvm_msr_filter filter{};
  filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
  filter.ranges[0].flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
  filter.ranges[0].base = index;
  filter.ranges[0].nmsrs = 1;
  filter.ranges[0].bitmap = &bitmap;
  return call(fd_, HV_REQUEST(KVM_X86_SET_MSR_FILTER), &filter);
}

Result<int> Vm::signal_msi(std::uint8_t vector, std::uint8_t apic_id) {
  kvm_msi msi{};
  msi.address_lo = kMsiAddress | (std::uint32_t{apic_id} << kMsiDestinationShift);
  msi.data = vector;
  return call(fd_, HV_REQUEST(KVM_SIGNAL_MSI), &msi);
}

}  // namespace hypervet::kvm
