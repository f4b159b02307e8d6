// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/system.h"

#include <fcntl.h>

#include <algorithm>
#include <memory>

namespace hypervet::kvm {
namespace {

struct Need {
  unsigned long capability;
  const char* name;
};
constexpr Need kNeeded[] = {
    {KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},       {KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"},
    {KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"},           {KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE"},
    {KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
};

std::unexpected<Error> useless(std::string why) {
  return std::unexpected(Error{std::move(why), 0});
}

}  // namespace

Result<CpuidEntries> read_cpuid(const Fd& fd, Request request) {
  const auto table = std::make_unique<CpuidTable>();
  table->count = kMaxCpuidEntries;
  if (auto done = call(fd, request, table.get()); !done) return std::unexpected(done.error());
  const std::size_t count = std::min<std::size_t>(table->count, kMaxCpuidEntries);
  return CpuidEntries(table->entries, table->entries + count);
}

Result<System> System::open(const std::filesystem::path& device) {
  System system;
  system.fd_ = Fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (!system.fd_) return failure("open");
  const auto version = call(system.fd_, HV_REQUEST(KVM_GET_API_VERSION));
  if (!version) return useless("it is not a KVM device (" + version.error().what + ")");
  if (*version != KVM_API_VERSION) {
    return useless("it speaks KVM API version " + std::to_string(*version) + ", not " +
                   std::to_string(KVM_API_VERSION));
  }
  for (const Need& need : kNeeded) {
    if (!system.has(need.capability)) return useless(std::string("it lacks ") + need.name);
  }
  const auto size = call(system.fd_, HV_REQUEST(KVM_GET_VCPU_MMAP_SIZE));
  if (!size) return useless(size.error().what);
  if (static_cast<std::size_t>(*size) < sizeof(kvm_run)) {
    return useless("KVM_GET_VCPU_MMAP_SIZE answers " + std::to_string(*size));
  }
  system.run_size_ = static_cast<std::size_t>(*size);
  auto cpuid = read_cpuid(system.fd_, kGetSupportedCpuid);
  if (!cpuid) return useless(cpuid.error().what);
  system.supported_cpuid_ = std::move(*cpuid);
  if (system.has(KVM_CAP_SYS_HYPERV_CPUID)) {
    if (auto leaves = read_cpuid(system.fd_, kGetSupportedHvCpuid)) {
      system.hyperv_cpuid_ = std::move(*leaves);
    }
  }
  return system;
}

int System::extension(unsigned long capability) const {
  return call(fd_, HV_REQUEST(KVM_CHECK_EXTENSION), capability).value_or(0);
}

}  // namespace hypervet::kvm
