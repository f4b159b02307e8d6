// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/vm.h"

#include <cstring>
#include <vector>

namespace hypervet::kvm {
namespace {

// Three pages that Intel's processors need for real mode, out of the way of RAM and of the APIC
// pages.
constexpr std::uintptr_t kTssAddress = 0xfffb'd000;
// Local APIC's MSI window (SDM vol. 3, "Message Address Register Format"): destination in bits
// 19:12.
constexpr std::uint32_t kMsiAddress = 0xfee0'0000;
constexpr unsigned kMsiDestinationShift = 12;
constexpr std::uint32_t kIoApicPins = 24, kPicPins = 8;

constexpr Request kSetGsiRouting = {_IOC(_IOC_WRITE, KVMIO, 0x6a, 8), "KVM_SET_GSI_ROUTING"};

std::unexpected<Error> bad(const char* what) { return std::unexpected(Error{what, EINVAL}); }

kvm_irq_routing_entry entry_of(const Route& route) {
  kvm_irq_routing_entry entry{};
  entry.gsi = route.gsi;
  if (route.to == Route::To::kMessage) {
    entry.type = KVM_IRQ_ROUTING_MSI;
    entry.u.msi.address_lo = route.message.address;
    entry.u.msi.data = route.message.data;
    return entry;
  }
  entry.type = KVM_IRQ_ROUTING_IRQCHIP;
  entry.u.irqchip.pin = route.pin;
  entry.u.irqchip.irqchip = route.to == Route::To::kMasterPic  ? KVM_IRQCHIP_PIC_MASTER
                            : route.to == Route::To::kSlavePic ? KVM_IRQCHIP_PIC_SLAVE
                                                               : KVM_IRQCHIP_IOAPIC;
  return entry;
}

}  // namespace

Message fixed_message(std::uint8_t vector, std::uint8_t apic_id) {
  return {kMsiAddress | (std::uint32_t{apic_id} << kMsiDestinationShift), vector};
}

Result<Vm> Vm::create(const System& system) {
  Vm vm;
  auto fd = call(system.fd(), HV_REQUEST(KVM_CREATE_VM));
  if (!fd) return std::unexpected(fd.error());
  vm.fd_ = std::make_shared<const Fd>(*fd);
  if (auto done = call(*vm.fd_, HV_REQUEST(KVM_SET_TSS_ADDR), kTssAddress); !done) {
    return std::unexpected(done.error());
  }
  return vm;
}

Result<int> Vm::create_irqchip() { return call(*fd_, HV_REQUEST(KVM_CREATE_IRQCHIP)); }

Result<int> Vm::create_split_irqchip(unsigned pins) { return enable(KVM_CAP_SPLIT_IRQCHIP, pins); }

Result<int> Vm::create_pit() {
  kvm_pit_config config{};
  return call(*fd_, HV_REQUEST(KVM_CREATE_PIT2), &config);
}

Result<Vcpu> Vm::create_vcpu(const System& system, unsigned id) {
  auto fd = call(*fd_, HV_REQUEST(KVM_CREATE_VCPU), id);
  if (!fd) return std::unexpected(fd.error());
  return Vcpu::open(Fd(*fd), system.run_size(),
                    static_cast<std::uint32_t>(system.extension(KVM_CAP_SET_GUEST_DEBUG2)));
}

Result<int> Vm::enable(std::uint32_t capability, std::uint64_t argument) {
  kvm_enable_cap request{};
  request.cap = capability;
  request.args[0] = argument;
  return call(*fd_, HV_REQUEST(KVM_ENABLE_CAP), &request);
}

Result<int> Vm::exit_on_msrs(std::span<const MsrRange> ranges) {
  if (ranges.size() > kMostMsrRanges) return bad("KVM_X86_SET_MSR_FILTER: too many ranges");
  if (auto done = enable(KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER); !done) {
    return done;
  }
  // A clear bit denies, and a denied access exits to user space. Everything else stays allowed.
  std::vector<std::uint8_t> denied(kMostMsrs / 8);
  kvm_msr_filter filter{};
  filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const MsrRange& range = ranges[i];
    if (range.count == 0 || range.count > kMostMsrs || !(range.read || range.write)) {
      return bad("KVM_X86_SET_MSR_FILTER: a range of no MSR, of too many, or of no access");
    }
    filter.ranges[i] = {.flags = (range.read ? KVM_MSR_FILTER_READ : 0u) |
                                 (range.write ? KVM_MSR_FILTER_WRITE : 0u),
                        .nmsrs = range.count,
                        .base = range.first,
                        .bitmap = denied.data()};
  }
  return call(*fd_, HV_REQUEST(KVM_X86_SET_MSR_FILTER), &filter);
}

Result<int> Vm::signal(const Message& message) {
  kvm_msi msi{};
  msi.address_lo = message.address;
  msi.data = message.data;
  return call(*fd_, HV_REQUEST(KVM_SIGNAL_MSI), &msi);
}

Result<int> Vm::set_line(std::uint32_t gsi, bool level) {
  kvm_irq_level line{};
  line.irq = gsi;
  line.level = level ? 1 : 0;
  return call(*fd_, HV_REQUEST(KVM_IRQ_LINE), &line);
}

Result<int> Vm::set_routes(std::span<const Route> routes) {
  // struct kvm_irq_routing: a count, flags, then the entries.
  constexpr std::size_t kHeader = 8;
  std::vector<std::uint64_t> table((kHeader + routes.size() * sizeof(kvm_irq_routing_entry)) /
                                   sizeof(std::uint64_t));
  auto* bytes = reinterpret_cast<std::uint8_t*>(table.data());
  const auto count = static_cast<std::uint32_t>(routes.size());
  std::memcpy(bytes, &count, sizeof(count));
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto entry = entry_of(routes[i]);
    std::memcpy(bytes + kHeader + i * sizeof(entry), &entry, sizeof(entry));
  }
  return call(*fd_, kSetGsiRouting, table.data());
}

std::vector<Route> routes_of_kernel_chips() {
  std::vector<Route> routes;
  for (std::uint32_t gsi = 0; gsi < kIoApicPins; ++gsi) {
    if (gsi < 2 * kPicPins) {
      const auto chip = gsi < kPicPins ? Route::To::kMasterPic : Route::To::kSlavePic;
      routes.push_back({.gsi = gsi, .to = chip, .pin = gsi % kPicPins, .message = {}});
    }
    routes.push_back({.gsi = gsi, .to = Route::To::kIoApic, .pin = gsi, .message = {}});
  }
  return routes;
}

}  // namespace hypervet::kvm
