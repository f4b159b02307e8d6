// SPDX-License-Identifier: Apache-2.0
// The numbers of KVM's paravirtual interface on x86, as its documents and public header name them:
// leaves, feature bits, MSRs, hypercalls, errors, and where the fields of the shared structures
// lie. Sources: Documentation/virt/kvm/x86/{cpuid,hypercalls,msr}.rst and
// arch/x86/include/uapi/asm/kvm_para.h of Linux 6.12. Constants only.
#pragma once

#include <cstdint>

namespace hypervet::pv::kvm {

// --- cpuid.rst
// --------------------------------------------------------------------------------------------------------
inline constexpr std::uint32_t kLeafSignature = 0x4000'0000;  // KVM_CPUID_SIGNATURE
inline constexpr std::uint32_t kLeafFeatures = 0x4000'0001;   // KVM_CPUID_FEATURES
inline constexpr std::uint32_t kLeafStep = 0x100;  // from one hypervisor's block to the next
inline constexpr std::uint32_t kHypervisorLeavesEnd = 0x4fff'ffff;
inline constexpr std::uint32_t kSignatureEbx = 0x4b4d'564b;  // "KVMK"
inline constexpr std::uint32_t kSignatureEcx = 0x564b'4d56;  // "VMKV"
inline constexpr std::uint32_t kSignatureEdx = 0x0000'004d;  // "M\0\0\0"

// Bits of EAX of the features leaf.
enum Feature : std::uint8_t {
  kClockSource = 0,
  kNopIoDelay = 1,
  kClockSource2 = 3,
  kAsyncPf = 4,
  kStealTime = 5,
  kPvEoi = 6,
  kPvUnhalt = 7,
  kPvTlbFlush = 9,
  kAsyncPfVmexit = 10,
  kPvSendIpi = 11,
  kPollControl = 12,
  kPvSchedYield = 13,
  kAsyncPfInt = 14,
  kMapGpaRange = 16,
  kMigrationControl = 17,
  kClockSourceStable = 24,
};
// What KVM_GET_SUPPORTED_CPUID offers (arch/x86/kvm/cpuid.c); bits 15, 16 and 17 are user space's.
inline constexpr std::uint32_t kSupportedFeatures = 0x0100'7efb;
inline constexpr std::uint32_t kHintRealtime = 1;  // EDX bit 0

// --- msr.rst
// ------------------------------------------------------------------------------------------------------------
enum Msr : std::uint32_t {
  kMsrWallClock = 0x11,
  kMsrSystemTime = 0x12,
  kMsrWallClockNew = 0x4b56'4d00,
  kMsrSystemTimeNew = 0x4b56'4d01,
  kMsrAsyncPfEn = 0x4b56'4d02,
  kMsrStealTime = 0x4b56'4d03,
  kMsrPvEoiEn = 0x4b56'4d04,
  kMsrPollControl = 0x4b56'4d05,
  kMsrAsyncPfInt = 0x4b56'4d06,
  kMsrAsyncPfAck = 0x4b56'4d07,
  kMsrMigrationControl = 0x4b56'4d08,
};
inline constexpr std::uint32_t kMsrRangeBegin = 0x4b56'4d00, kMsrRangeEnd = 0x4b56'4dff;
inline constexpr std::uint64_t kMsrEnabled = 1;  // bit 0 of most of them

// Fields: offset and size in bytes.
struct Field {
  unsigned offset, size;
};

namespace wall_clock {  // struct pvclock_wall_clock
inline constexpr Field kVersion{0, 4}, kSec{4, 4}, kNsec{8, 4};
inline constexpr unsigned kSize = 12;
}  // namespace wall_clock

namespace system_time {  // struct pvclock_vcpu_time_info
inline constexpr Field kVersion{0, 4}, kPad0{4, 4}, kTscTimestamp{8, 8}, kSystemTime{16, 8},
    kTscToSystemMul{24, 4}, kTscShift{28, 1}, kFlags{29, 1}, kPad{30, 2};
inline constexpr unsigned kSize = 32;
inline constexpr std::uint8_t kTscStable = 1, kGuestStopped = 2;  // flags
}  // namespace system_time

namespace steal_time {  // struct kvm_steal_time
inline constexpr Field kSteal{0, 8}, kVersion{8, 4}, kFlags{12, 4}, kPreempted{16, 1};
inline constexpr unsigned kSize = 64;
inline constexpr std::uint8_t kVcpuPreempted = 1, kFlushTlb = 2;  // preempted
inline constexpr std::uint64_t kReservedBits = 0x3e;              // MSR bits 5:1
}  // namespace steal_time

namespace async_pf {  // struct kvm_vcpu_pv_apf_data
inline constexpr Field kFlags{0, 4}, kToken{4, 4};
inline constexpr unsigned kSize = 64;  // of which the host uses 8
inline constexpr unsigned kUsed = 8;
inline constexpr std::uint32_t kPageNotPresent = 1;                               // flags
inline constexpr std::uint32_t kAllPagesReady = ~0u;                              // token
inline constexpr std::uint64_t kSendAlways = 2, kAsVmexit = 4, kAsInterrupt = 8;  // MSR bits
inline constexpr std::uint64_t kReservedBits = 0x30, kAddressMask = ~std::uint64_t{0x3f};
inline constexpr unsigned kMaxOutstanding = 64;  // ASYNC_PF_PER_VCPU
}  // namespace async_pf

namespace pv_eoi {  // a four-byte word of which bit 0 is defined
inline constexpr Field kFlag{0, 1};
inline constexpr unsigned kSize = 4;
inline constexpr std::uint8_t kEoiByWord = 1;
}  // namespace pv_eoi

namespace clock_pairing {  // struct kvm_clock_pairing
inline constexpr Field kSec{0, 8}, kNsec{8, 8}, kTsc{16, 8}, kFlags{24, 4}, kPad{28, 36};
inline constexpr unsigned kSize = 64;
inline constexpr std::uint64_t kWallClock = 0;  // the one clock type
}  // namespace clock_pairing

// --- hypercalls.rst
// -------------------------------------------------------------------------------------------------------
enum Hypercall : std::uint64_t {
  kVapicPollIrq = 1,
  kKickCpu = 5,
  kClockPairing = 9,
  kSendIpi = 10,
  kSchedYield = 11,
  kMapGpaRangeCall = 12,
};

// Results, as RAX has them.
inline constexpr std::uint64_t negative(std::uint64_t error) { return ~error + 1; }
inline constexpr std::uint64_t kEperm = negative(1), kEfault = negative(14), kEinval = negative(22),
                               kEopnotsupp = negative(95), kEnosys = negative(1000);

// KVM_EXIT_HYPERCALL, kvm_run.hypercall.flags.
inline constexpr std::uint64_t kExitLongMode = 1;

// ICR bits that KVM_HC_SEND_IPI looks at (Intel SDM vol. 3, figure 11-12).
inline constexpr std::uint64_t kIcrVector = 0xff, kIcrMode = 0x700, kIcrLogical = 0x800,
                               kIcrAssert = 0x4000, kIcrLevel = 0x8000, kIcrShorthand = 0xc0000;
inline constexpr unsigned kIcrModeShift = 8;

}  // namespace hypervet::pv::kvm
