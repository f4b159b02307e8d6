// SPDX-License-Identifier: Apache-2.0
// Leaves by number: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E.
#include "backends/sim/base_cpuid.h"

#include <array>
#include <bit>
#include <cstring>
#include <string_view>

namespace hypervet::sim {
namespace {

constexpr std::uint32_t kMaxBasicIntel = 0x16;
constexpr std::uint32_t kMaxBasicAmd = 0x10;
constexpr std::uint32_t kMaxExtended = 0x8000'0008;
constexpr std::uint32_t kHypervisorFirst = 0x4000'0000;
constexpr std::uint32_t kHypervisorLast = 0x4fff'ffff;

constexpr std::uint32_t bit(unsigned number) { return 1u << number; }

// Family 6 model 0x5e stepping 3; family 0x17 model 1 stepping 2.
constexpr std::uint32_t kSignatureIntel = 0x0005'06e3;
constexpr std::uint32_t kSignatureAmd = 0x0080'0f12;

// Leaf 1. ECX: CMPXCHG16B, x2APIC, MOVBE, POPCNT, TSC deadline, hypervisor. EDX: PSE, TSC, MSR,
// PAE, CX8, APIC, PGE, CMOV, CLFLUSH.
constexpr std::uint32_t kLeaf1Ecx = bit(13) | bit(21) | bit(22) | bit(23) | bit(24) | bit(31);
constexpr std::uint32_t kLeaf1Edx =
    bit(3) | bit(4) | bit(5) | bit(6) | bit(8) | bit(9) | bit(13) | bit(15) | bit(19);
// 0x80000001 EDX: SYSCALL, NX, 1 GiB pages, RDTSCP, long mode; ECX: LAHF in 64-bit mode, LZCNT.
constexpr std::uint32_t kExtendedEdx = bit(11) | bit(20) | bit(26) | bit(27) | bit(29);
constexpr std::uint32_t kExtendedEcx = bit(0) | bit(5);
// AMD repeats most of leaf 1's EDX there.
constexpr std::uint32_t kAmdRepeated =
    bit(3) | bit(4) | bit(5) | bit(6) | bit(8) | bit(9) | bit(13) | bit(15);

CpuidResult vendor_leaf(CpuVendor vendor, std::uint32_t max) {
  const char* name = vendor == CpuVendor::intel ? "GenuineIntel" : "AuthenticAMD";
  std::array<std::uint32_t, 3> words;
  std::memcpy(words.data(), name, sizeof words);
  return {.eax = max, .ebx = words[0], .ecx = words[2], .edx = words[1]};
}

CpuidResult brand(std::uint32_t leaf) {
  static constexpr std::array<char, 48> kName = [] {
    constexpr std::string_view text = "hypervet reference processor @ 1.00GHz";
    std::array<char, 48> name{};
    for (std::size_t i = 0; i < text.size(); ++i) name[i] = text[i];
    return name;
  }();
  CpuidResult result;
  std::memcpy(&result, kName.data() + (leaf - 0x8000'0002) * 16, 16);
  return result;
}

// Extended topology: level 0 threads (one each), level 1 cores.
CpuidResult topology(const CpuidQuery& query) {
  const auto cores = static_cast<std::uint32_t>(std::bit_width(query.cpus - 1));
  switch (query.subleaf) {
    case 0:
      return {.eax = 0, .ebx = 1, .ecx = 0x100, .edx = query.apic_id};
    case 1:
      return {.eax = cores, .ebx = query.cpus, .ecx = 0x201, .edx = query.apic_id};
    default:
      return {.ecx = query.subleaf & 0xff, .edx = query.apic_id};
  }
}

CpuidResult basic(CpuVendor vendor, const CpuidQuery& query) {
  const bool intel = vendor == CpuVendor::intel;
  switch (query.leaf) {
    case 0:
      return vendor_leaf(vendor, intel ? kMaxBasicIntel : kMaxBasicAmd);
    case 1:
      return {.eax = intel ? kSignatureIntel : kSignatureAmd,
              .ebx = query.apic_id << 24 | query.cpus << 16 | 8u << 8,  // CLFLUSH line: 8 * 8 bytes
              .ecx = kLeaf1Ecx,
              .edx = kLeaf1Edx | (query.cpus > 1 ? bit(28) : 0)};
    case 7:
      if (query.subleaf != 0) return {};
      // FSGSBASE, TSC_ADJUST, SMEP, CLFLUSHOPT, CLWB; RDPID.
      return {.ebx = bit(0) | bit(1) | bit(7) | bit(23) | bit(24), .ecx = bit(22)};
    case 6:
      return {.eax = bit(2)};  // the APIC timer runs in all power states
    case 0xb:
      return topology(query);
    case 0x15:
      // TSC / core crystal clock: 1/1 of a crystal of 1 GHz.
      if (intel) return {.eax = 1, .ebx = 1, .ecx = kTscKhz * 1000};
      return {};
    case 0x16:
      if (intel) return {.eax = kTscKhz / 1000, .ebx = kTscKhz / 1000, .ecx = 100};
      return {};
    default:
      return {};
  }
}

CpuidResult extended(CpuVendor vendor, const CpuidQuery& query) {
  const bool intel = vendor == CpuVendor::intel;
  switch (query.leaf) {
    case 0x8000'0000: {
      CpuidResult result = vendor_leaf(vendor, kMaxExtended);
      if (intel) result.ebx = result.ecx = result.edx = 0;
      return result;
    }
    case 0x8000'0001:
      return {.eax = intel ? 0 : kSignatureAmd,
              .ecx = kExtendedEcx | (intel || query.cpus == 1 ? 0 : bit(1)),  // CmpLegacy
              .edx = kExtendedEdx | (intel ? 0 : kAmdRepeated)};
    case 0x8000'0002:
    case 0x8000'0003:
    case 0x8000'0004:
      return brand(query.leaf);
    case 0x8000'0007:
      return {.edx = bit(8)};  // invariant TSC
    case 0x8000'0008:
      // Physical and linear address bits; AMD: number of cores less one.
      return {.eax = kPhysicalBits | 48u << 8, .ecx = intel ? 0 : query.cpus - 1};
    default:
      return {};
  }
}

}  // namespace

CpuidResult base_cpuid(CpuVendor vendor, const CpuidQuery& query) {
  if (query.leaf >= kHypervisorFirst && query.leaf <= kHypervisorLast) return {};
  if (query.leaf >= 0x8000'0000 && query.leaf <= kMaxExtended) return extended(vendor, query);
  // Beyond the last leaf Intel repeats the highest basic one, AMD answers zero.
  if (query.leaf > kMaxBasicIntel && vendor == CpuVendor::intel) {
    CpuidQuery highest = query;
    highest.leaf = kMaxBasicIntel;
    return basic(vendor, highest);
  }
  return basic(vendor, query);
}

void withhold(CpuidResult& result, std::uint32_t leaf, std::span<const backends::CpuidBit> bits) {
  for (const backends::CpuidBit& one : bits) {
    if (one.leaf != leaf || one.bit > 31) continue;
    std::uint32_t* const registers[] = {&result.eax, &result.ebx, &result.ecx, &result.edx};
    if (one.reg < 4) *registers[one.reg] &= ~bit(one.bit);
  }
}

}  // namespace hypervet::sim
