// SPDX-License-Identifier: Apache-2.0
//
// The architectural state of one simulated processor, as a plain value: copy it to take a snapshot
// of the processor, hand it back to Cpu::set_state() to return to it.
#pragma once

#include <array>
#include <cstdint>

namespace hypervet::sim {

enum Gpr : std::uint8_t {
  kRax,
  kRcx,
  kRdx,
  kRbx,
  kRsp,
  kRbp,
  kRsi,
  kRdi,
  kR8,
  kR9,
  kR10,
  kR11,
  kR12,
  kR13,
  kR14,
  kR15,
};

enum SegmentName : std::uint8_t { kEs, kCs, kSs, kDs, kFs, kGs };

// Exception vectors (Intel SDM vol. 3, table 6-1).
enum Vector : std::uint8_t {
  kDivideError = 0,
  kDebug = 1,
  kNmi = 2,
  kBreakpoint = 3,
  kOverflow = 4,
  kBound = 5,
  kInvalidOpcode = 6,
  kNoMath = 7,
  kDoubleFault = 8,
  kInvalidTss = 10,
  kNotPresent = 11,
  kStackFault = 12,
  kGeneralProtection = 13,
  kPageFault = 14,
  kAlignment = 17,
};

namespace rflags {
inline constexpr std::uint64_t kCf = 1, kFixed = 2, kPf = 4, kAf = 0x10, kZf = 0x40, kSf = 0x80,
                               kTf = 0x100, kIf = 0x200, kDf = 0x400, kOf = 0x800, kIopl = 0x3000,
                               kNt = 0x4000, kRf = 0x10000, kVm = 0x20000, kAc = 0x40000,
                               kId = 0x200000;
inline constexpr std::uint64_t kStatus = kCf | kPf | kAf | kZf | kSf | kOf;
}  // namespace rflags

namespace cr0 {
inline constexpr std::uint64_t kPe = 1, kMp = 2, kEm = 4, kTs = 8, kEt = 0x10, kNe = 0x20,
                               kWp = 0x10000, kAm = 0x40000, kNw = 1u << 29, kCd = 1u << 30,
                               kPg = 1u << 31;
}  // namespace cr0

namespace cr4 {
inline constexpr std::uint64_t kVme = 1, kPvi = 2, kTsd = 4, kDe = 8, kPse = 0x10, kPae = 0x20,
                               kMce = 0x40, kPge = 0x80, kPce = 0x100, kOsfxsr = 0x200,
                               kOsxmmexcpt = 0x400, kUmip = 0x800, kFsgsbase = 0x10000,
                               kSmep = 0x100000;
}  // namespace cr4

namespace efer {
inline constexpr std::uint64_t kSce = 1, kLme = 0x100, kLma = 0x400, kNxe = 0x800;
}  // namespace efer

namespace page_fault {
inline constexpr std::uint32_t kPresent = 1, kWrite = 2, kUser = 4, kReserved = 8, kFetch = 16;
}  // namespace page_fault

// A segment register with its hidden part. `attributes` are bits 40-47 and 52-55 of the
// descriptor in bits 0-7 and 12-15, as VMX access rights have them.
struct Segment {
  std::uint16_t selector = 0;
  std::uint16_t attributes = 0;
  std::uint32_t limit = 0xffff;
  std::uint64_t base = 0;

  static constexpr std::uint16_t kPresentBit = 1 << 7, kLong = 1 << 13, kBig = 1 << 14,
                                 kGranular = 1 << 15;
  bool present() const { return attributes & kPresentBit; }
  bool long_mode() const { return attributes & kLong; }
  bool big() const { return attributes & kBig; }
  unsigned dpl() const { return (attributes >> 5) & 3; }
};

struct TableRegister {
  std::uint64_t base = 0;
  std::uint16_t limit = 0;
};

enum class Activity : std::uint8_t { running, halted, wait_for_sipi, shutdown };

// What run_mode() of the processor fetches; also part of the key of decoded code.
enum class CodeWidth : std::uint8_t { bits16, bits32, bits64 };

// Default values are those after RESET (Intel SDM vol. 3, table 10-1), RIP apart.
struct CpuState {
  std::array<std::uint64_t, 16> gpr{};
  std::uint64_t rip = 0xfff0;
  std::uint64_t rflags = rflags::kFixed;
  std::uint64_t cr0 = cr0::kEt;
  std::uint64_t cr2 = 0;
  std::uint64_t cr3 = 0;
  std::uint64_t cr4 = 0;
  std::uint64_t efer = 0;
  std::array<Segment, 6> segment{{{.attributes = 0x93},
                                  {.attributes = 0x9b},
                                  {.attributes = 0x93},
                                  {.attributes = 0x93},
                                  {.attributes = 0x93},
                                  {.attributes = 0x93}}};
  Segment tr{.attributes = 0x8b};
  Segment ldtr{.attributes = 0x82};
  TableRegister gdtr{.limit = 0xffff};
  TableRegister idtr{.limit = 0xffff};
  std::array<std::uint64_t, 8> dr{0, 0, 0, 0, 0, 0, 0xffff0ff0, 0x400};

  // MSRs that the processor keeps itself; all others are asked of the Platform.
  std::uint64_t kernel_gs_base = 0;
  std::uint64_t star = 0;
  std::uint64_t lstar = 0;
  std::uint64_t cstar = 0;
  std::uint64_t sfmask = 0;
  std::uint64_t sysenter_cs = 0;
  std::uint64_t sysenter_esp = 0;
  std::uint64_t sysenter_eip = 0;
  std::uint64_t tsc_aux = 0;

  // Ticks since the processor was created; instructions plus the extra costs of some.
  std::uint64_t ticks = 0;
  std::uint64_t instructions = 0;

  Activity activity = Activity::running;
  bool interrupt_shadow = false;  // after STI or MOV SS, for one instruction
  bool nmi_pending = false;
  bool nmi_blocked = false;  // until IRET
  bool interrupt_line = false;
};

}  // namespace hypervet::sim
