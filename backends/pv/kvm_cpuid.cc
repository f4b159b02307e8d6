// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/kvm_cpuid.h"

namespace hypervet::pv {
namespace {

using violations::CpuidLeaf;

// Leaf 1 ECX bit 31, by convention set under every hypervisor (Intel SDM: reserved as 0; AMD APM
// vol. 3, E.3.2).
constexpr std::uint32_t kHypervisorPresent = 1u << 31;

// Hyper-V's first leaves (Hypervisor Top-Level Functional Specification, 2.4): "Microsoft Hv",
// "Hv#1".
constexpr CpuidLeaf kHypervVendor = {0x4000'0005, 0x7263'694d, 0x666f'736f, 0x7648'2074};
constexpr CpuidLeaf kHypervInterface = {0x3123'7648, 0, 0, 0};

std::uint32_t offered_features(const backends::Configuration& configuration) {
  std::uint32_t features = kvm::kSupportedFeatures;
  if (has_setting(configuration, "hypercall-exits", "on")) features |= 1u << kvm::kMapGpaRange;
  if (has_setting(configuration, "migration-control", "on"))
    features |= 1u << kvm::kMigrationControl;
  for (const backends::CpuidBit& bit : configuration.without)
    if (bit.leaf == kvm::kLeafFeatures && bit.reg == 0 && bit.bit < 32)
      features &= ~(1u << bit.bit);
  return features;
}

}  // namespace

bool has_setting(const backends::Configuration& configuration, std::string_view name,
                 std::string_view value) {
  if (const auto found = configuration.settings.find(name); found != configuration.settings.end())
    return found->second == value;
  for (const backends::Setting& setting : backends::known_settings())
    if (setting.name == name) return setting.values.front() == value;
  return false;
}

KvmCpuid::KvmCpuid(const backends::Configuration& configuration)
    : configuration_(configuration),
      hyperv_(has_setting(configuration, "hyperv-leaves", "on")),
      base_(kvm::kLeafSignature + (hyperv_ ? kvm::kLeafStep : 0)),
      features_(offered_features(configuration)),
      hints_(has_setting(configuration, "realtime-hint", "on") ? kvm::kHintRealtime : 0),
      enforced_(has_setting(configuration, "enforce-features", "on")) {}

CpuidLeaf KvmCpuid::leaf(std::uint32_t leaf, const CpuidLeaf& base) const {
  if (leaf >= kvm::kLeafSignature && leaf <= kvm::kHypervisorLeavesEnd) {
    const CpuidLeaf result = hypervisor_leaf(leaf);
    // `without` names KVM's leaves by their usual place, wherever they lie.
    if (leaf < base_) return result;
    return without(leaf - base_ + kvm::kLeafSignature, result);
  }
  CpuidLeaf result = base;
  if (leaf == 1) result.ecx |= kHypervisorPresent;
  return without(leaf, result);
}

CpuidLeaf KvmCpuid::hypervisor_leaf(std::uint32_t leaf) const {
  // EAX names the highest leaf of this block, here the features leaf.
  if (leaf == base_) return {base_ + 1, kvm::kSignatureEbx, kvm::kSignatureEcx, kvm::kSignatureEdx};
  if (leaf == base_ + 1) return {features_, 0, 0, hints_};
  if (hyperv_ && leaf == kvm::kLeafSignature) return kHypervVendor;
  if (hyperv_ && leaf == kvm::kLeafSignature + 1) return kHypervInterface;
  return {};
}

CpuidLeaf KvmCpuid::without(std::uint32_t leaf, CpuidLeaf result) const {
  std::uint32_t* const registers[] = {&result.eax, &result.ebx, &result.ecx, &result.edx};
  for (const backends::CpuidBit& bit : configuration_.without)
    if (bit.leaf == leaf && bit.reg < 4 && bit.bit < 32) *registers[bit.reg] &= ~(1u << bit.bit);
  return result;
}

}  // namespace hypervet::pv
