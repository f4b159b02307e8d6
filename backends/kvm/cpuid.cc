// SPDX-License-Identifier: Apache-2.0
// Leaves: Intel SDM vol. 2A "CPUID", AMD APM vol. 3 appendix E,
// Documentation/virt/kvm/x86/cpuid.rst.
#include "backends/kvm/cpuid.h"

#include <algorithm>

namespace hypervet::kvm {
namespace {

constexpr std::uint32_t kVersionLeaf = 1;
constexpr std::uint32_t kTopologyLeaf = 0xb;
constexpr std::uint32_t kTopologyLeaf2 = 0x1f;
constexpr std::uint32_t kAmdTopologyLeaf = 0x8000'001e;
constexpr std::uint32_t kTscDeadlineBit = 1u << 24;  // of leaf 1 ECX
// KVM leaves it to the VMM to say that there is a hypervisor.
constexpr std::uint32_t kHypervisorBit = 1u << 31;  // leaf 1, ECX

bool is_hypervisor_leaf(const kvm_cpuid_entry2& entry) {
  return (entry.function >> 16) == (kHypervisorBase >> 16);
}

// The kernel fills its table with leaves that say nothing; one that is missing reads as zero too,
// and the table is bounded.
bool says_nothing(const kvm_cpuid_entry2& entry) {
  return (entry.eax | entry.ebx | entry.ecx | entry.edx) == 0 && entry.function != kTopologyLeaf &&
         entry.function != kTopologyLeaf2 && entry.function != kAmdTopologyLeaf &&
         !is_hypervisor_leaf(entry);
}

std::uint32_t& word(kvm_cpuid_entry2& entry, unsigned reg) {
  switch (reg) {
    case 0:
      return entry.eax;
    case 1:
      return entry.ebx;
    case 2:
      return entry.ecx;
    default:
      return entry.edx;
  }
}

void add_vmm_features(kvm_cpuid_entry2& features, const Settings& settings) {
  if (settings.hypercall_exits) features.eax |= 1u << kFeatureMapGpaRange;
  if (settings.migration_control) features.eax |= 1u << kFeatureMigrationControl;
  if (settings.realtime_hint) features.edx |= 1u << kHintRealtime;
}

void take_away(kvm_cpuid_entry2& entry, const std::vector<backends::CpuidBit>& without) {
  for (const backends::CpuidBit& bit : without) {
    if (bit.leaf == entry.function && bit.bit < 32) word(entry, bit.reg) &= ~(1u << bit.bit);
  }
}

void move_up(kvm_cpuid_entry2& entry) {
  // The signature leaf's EAX is the highest leaf of the block; 0 is the old way to say base + 1.
  if (entry.function == kHypervisorBase && entry.eax != 0) entry.eax += kHypervisorStep;
  entry.function += kHypervisorStep;
}

}  // namespace

CpuidEntries compose_cpuid(const CpuidEntries& supported, const CpuidEntries& hyperv,
                           const backends::Configuration& configuration, const Settings& settings,
                           bool tsc_deadline) {
  CpuidEntries entries;
  entries.reserve(supported.size() + hyperv.size());
  if (settings.hyperv_leaves) entries = hyperv;
  for (kvm_cpuid_entry2 entry : supported) {
    if (says_nothing(entry)) continue;
    if (entry.function == kVersionLeaf) entry.ecx |= kHypervisorBit;
    if (entry.function == kVersionLeaf && tsc_deadline) entry.ecx |= kTscDeadlineBit;
    if (entry.function == (kHypervisorBase | 1)) add_vmm_features(entry, settings);
    take_away(entry, configuration.without);
    if (settings.hyperv_leaves && is_hypervisor_leaf(entry)) move_up(entry);
    entries.push_back(entry);
  }
  return entries;
}

void set_apic_id(CpuidEntries& entries, std::uint32_t apic_id, unsigned cpus) {
  for (kvm_cpuid_entry2& entry : entries) {
    switch (entry.function) {
      case kVersionLeaf:  // EBX: initial APIC id in 31:24, number of logical processors in 23:16
        entry.ebx = (entry.ebx & 0x0000'ffff) | (cpus << 16) | (apic_id << 24);
        break;
      case kTopologyLeaf:
      case kTopologyLeaf2:
        entry.edx = apic_id;
        break;
      case kAmdTopologyLeaf:
        entry.eax = apic_id;
        break;
      default:
        break;
    }
  }
}

}  // namespace hypervet::kvm
