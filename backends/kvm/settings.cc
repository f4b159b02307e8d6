// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/devices/slot.h"
#include "backends/machine/pvh_boot.h"

namespace hypervet::kvm {
namespace {

// KVM_HC_MAP_GPA_RANGE as a bit of KVM_CAP_EXIT_HYPERCALL.
constexpr int kMapGpaRangeBit = 1 << 12;

std::string_view value_of(const backends::Configuration& configuration, std::string_view name) {
  if (const auto at = configuration.settings.find(name); at != configuration.settings.end()) {
    return at->second;
  }
  for (const backends::Setting& setting : backends::known_settings()) {
    if (setting.name == name) return setting.values.front();
  }
  return {};
}

std::optional<std::string> unknown_setting(const backends::Configuration& configuration) {
  for (const auto& [name, value] : configuration.settings) {
    const auto& known = backends::known_settings();
    const auto setting =
        std::ranges::find_if(known, [&](const auto& each) { return each.name == name; });
    if (setting == known.end()) return fmt::format("there is no setting {}", name);
    if (std::ranges::find(setting->values, value) == setting->values.end()) {
      return fmt::format("setting {} has no value {}", name, value);
    }
  }
  return std::nullopt;
}

std::optional<std::string> device_refusal(const Settings& settings, const System& system) {
  if (settings.doorbell && !(system.has(KVM_CAP_IOEVENTFD) && system.has(KVM_CAP_IRQFD) &&
                             system.has(KVM_CAP_IRQ_ROUTING))) {
    return "doorbell=on: the kernel lacks KVM_CAP_IOEVENTFD, KVM_CAP_IRQFD or KVM_CAP_IRQ_ROUTING";
  }
  if (settings.platform_timers && !system.has(KVM_CAP_PIT2)) {
    return "platform-timers=on: the kernel lacks KVM_CAP_PIT2";
  }
  if (settings.split_irqchip && (settings.doorbell || settings.platform_timers)) {
    return "doorbell=on and platform-timers=on need the kernel's PIC and IOAPIC (irqchip=kernel)";
  }
  return std::nullopt;
}

std::optional<std::string> capability_refusal(const Settings& settings, const System& system) {
  if (settings.enforce_features && !system.has(KVM_CAP_ENFORCE_PV_FEATURE_CPUID)) {
    return "enforce-features=on: the kernel lacks KVM_CAP_ENFORCE_PV_FEATURE_CPUID";
  }
  if (!settings.hypercall_patching &&
      (system.extension(KVM_CAP_DISABLE_QUIRKS2) & KVM_X86_QUIRK_FIX_HYPERCALL_INSN) == 0) {
    return "hypercall-patching=off: the kernel cannot turn KVM_X86_QUIRK_FIX_HYPERCALL_INSN off";
  }
  if (settings.hypercall_exits &&
      (system.extension(KVM_CAP_EXIT_HYPERCALL) & kMapGpaRangeBit) == 0) {
    return "hypercall-exits=on: KVM_CAP_EXIT_HYPERCALL does not offer KVM_HC_MAP_GPA_RANGE";
  }
  if (settings.migration_control &&
      !(system.has(KVM_CAP_X86_USER_SPACE_MSR) && system.has(KVM_CAP_X86_MSR_FILTER))) {
    return "migration-control=on: the kernel lacks KVM_CAP_X86_USER_SPACE_MSR or "
           "KVM_CAP_X86_MSR_FILTER";
  }
  if (settings.hyperv_leaves && system.hyperv_cpuid().empty()) {
    return "hyperv-leaves=on: the kernel lacks KVM_CAP_SYS_HYPERV_CPUID";
  }
  if (settings.split_irqchip &&
      !(system.has(KVM_CAP_SPLIT_IRQCHIP) && system.has(KVM_CAP_SIGNAL_MSI))) {
    return "irqchip=split: the kernel lacks KVM_CAP_SPLIT_IRQCHIP or KVM_CAP_SIGNAL_MSI";
  }
  return device_refusal(settings, system);
}

}  // namespace

Settings read_settings(const backends::Configuration& configuration) {
  const auto is = [&](std::string_view name, std::string_view value) {
    return value_of(configuration, name) == value;
  };
  return {.enforce_features = is("enforce-features", "on"),
          .hypercall_patching = is("hypercall-patching", "on"),
          .hypercall_exits = is("hypercall-exits", "on"),
          .migration_control = is("migration-control", "on"),
          .hyperv_leaves = is("hyperv-leaves", "on"),
          .realtime_hint = is("realtime-hint", "on"),
          .serial_channel = is("channel", "serial"),
          .x2apic = is("apic", "x2apic"),
          .split_irqchip = is("irqchip", "split"),
          .doorbell = is("doorbell", "on"),
          .platform_timers = is("platform-timers", "on"),
          .device_words = devices::slot_command_line(configuration.settings)};
}

std::optional<std::string> refusal(const backends::Configuration& configuration,
                                   const System& system, unsigned max_cpus,
                                   const HostClock& host_clock) {
  if (configuration.cpus == 0 || configuration.cpus > max_cpus) {
    return fmt::format("{} CPUs: this host gives a machine 1 to {}", configuration.cpus, max_cpus);
  }
  if (configuration.memory < protocol::kMinimumMemory ||
      configuration.memory > machine::kMaxMemory) {
    return fmt::format("{} bytes of memory: a machine has {} to {}", configuration.memory,
                       protocol::kMinimumMemory, machine::kMaxMemory);
  }
  if (auto unknown = unknown_setting(configuration)) return unknown;
  if (const auto clock = configuration.settings.find("host-clock");
      clock != configuration.settings.end()) {
    if (auto why = host_clock.refusal(clock->second)) return why;
  }
  if (auto why = devices::refuses_slot(configuration.settings)) return why;
  if (value_of(configuration, "transport") == "pci" && !system.has(KVM_CAP_SIGNAL_MSI)) {
    return "transport=pci: the kernel lacks KVM_CAP_SIGNAL_MSI";
  }
  return capability_refusal(read_settings(configuration), system);
}

std::string agent_command_line(const Settings& settings, unsigned cpus, std::uint64_t tsc_khz) {
  auto line =
      fmt::format("channel={} apic={} cpus={}", settings.serial_channel ? "serial" : "memory",
                  settings.x2apic ? "x2apic" : "xapic", cpus);
  if (settings.serial_channel) line += " exit=debug-exit";
  if (tsc_khz != 0) line += fmt::format(" tsc-khz={}", tsc_khz);
  return line + settings.device_words;
}

}  // namespace hypervet::kvm
