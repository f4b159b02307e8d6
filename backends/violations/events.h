// SPDX-License-Identifier: Apache-2.0
// What passes the seams: the model's (or the machine's) results as plain values, each beside the
// context that a rule's conditions look at. The interposer changes the values; whoever asked
// carries them out. No thread has a claim on them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "guest-payloads/protocol/observation.h"

namespace hypervet::violations {

// --- Faults
// ---------------------------------------------------------------------------------------------------------

inline constexpr std::uint8_t kInvalidOpcode = 6, kGeneralProtection = 13, kPageFault = 14;

struct Fault {
  std::uint8_t vector = kGeneralProtection;
  std::optional<std::uint32_t> error_code;
  std::uint64_t cr2 = 0;  // #PF only
  auto operator<=>(const Fault&) const = default;
};
inline constexpr Fault kUd{kInvalidOpcode, std::nullopt, 0};
inline constexpr Fault kGp0{kGeneralProtection, 0, 0};

// --- Hypercalls
// -----------------------------------------------------------------------------------------------------

enum class CodeMode : std::uint8_t {
  kLong,
  kCompat
};  // kLong: EFER.LMA and CS.L; kCompat: any other

struct HypercallContext {
  unsigned cpu = 0;
  std::uint64_t number = 0;  // as the guest passed it, cut to 32 bits outside 64-bit mode
  std::array<std::uint64_t, 4> arguments{};  // likewise
  bool known = false;                        // a number that the host implements
  unsigned cpl = 0;
  CodeMode mode = CodeMode::kLong;
  bool native = true;  // this vendor's instruction
};

// Before the model sees the call.
struct HypercallCall {
  std::uint64_t number = 0;
  std::array<std::uint64_t, 4> arguments{};  // a0..a3 from RBX, RCX, RDX, RSI
  bool allow = false;    // leave out the checks of privilege, feature and arguments
  bool ignore = false;   // answer as if done, do nothing
  bool truncate = true;  // outside 64-bit mode: only the low 32 bits of the inputs count
  bool operator==(const HypercallCall&) const = default;
};

// After it. `registers` is what the guest will have; RIP is moved by `advance` afterwards, by the
// caller.
struct HypercallResult {
  protocol::RegisterFile registers{};
  std::optional<Fault> fault;  // set: nothing else of this counts
  std::uint8_t advance = 3;    // 0: the instruction executes again
};

// --- CPUID and MSRs
// ---------------------------------------------------------------------------------------------------

struct CpuidLeaf {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  auto operator<=>(const CpuidLeaf&) const = default;
};

struct MsrRead {
  std::uint64_t value = 0;
  bool fault = false;  // #GP(0)
  auto operator<=>(const MsrRead&) const = default;
};

// Before the model sees the write.
struct MsrWrite {
  std::uint64_t value = 0;
  bool ignore = false;  // nothing happens, nothing is raised
  bool keep = false;    // the value is stored, nothing else happens
  bool fault = false;   // #GP(0), nothing else happens
  // #GP(0) that the model would raise is not; the value is stored and nothing else happens.
  bool never_fault = false;
  auto operator<=>(const MsrWrite&) const = default;
};

// --- Structures in guest memory
// -----------------------------------------------------------------------------------------

enum class Area : std::uint8_t {
  kWallClock,
  kSystemTime,
  kAsyncPf,
  kStealTime,
  kPvEoi,
  kClockPairing
};
enum class WhenWritten : std::uint8_t { kRegister, kUpdate, kInject, kNotify };

struct FieldContext {
  Area area = Area::kWallClock;
  std::string_view field;  // static text, by its name in the source
  unsigned cpu = 0;
  WhenWritten when = WhenWritten::kUpdate;
  std::uint64_t area_begin = 0, area_end = 0;  // guest-physical, the end exclusive
};

// One write of at most eight bytes, little-endian.
struct FieldWrite {
  std::uint64_t address = 0;
  std::uint64_t value = 0;
  unsigned size = 0;
  bool logged = true;  // the dirty log is told
  auto operator<=>(const FieldWrite&) const = default;
};

// --- Interrupts and wake-ups
// --------------------------------------------------------------------------------------------

enum class Source : std::uint8_t {
  kSendIpi,            // KVM_HC_SEND_IPI
  kKick,               // KVM_HC_KICK_CPU: a wake-up, no vector
  kAsyncPfReady,       // 'page ready' interrupt
  kAsyncPfNotPresent,  // 'page not present' #PF; vector 14
  kIcr,                // the guest's ICR, self-IPIs included
  kTimer,              // local APIC timer
  kNmi,                // NMI from anywhere but ICR and SEND_IPI
  kMsi,                // message-signalled interrupt
};

// Delivery modes by their number in the ICR (Intel SDM vol. 3, figure 11-12).
enum class DeliveryMode : std::uint8_t {
  kFixed = 0,
  kLowestPriority = 1,
  kSmi = 2,
  kNmi = 4,
  kInit = 5,
  kSipi = 6
};

struct InterruptContext {
  Source source = Source::kIcr;
  // CPUs that the whole request addresses: for `to: lowest` and `to: highest`.
  unsigned lowest = 0, highest = 0;
};

struct Interrupt {
  unsigned cpu = 0;
  std::uint8_t vector = 0;
  DeliveryMode mode = DeliveryMode::kFixed;
  auto operator<=>(const Interrupt&) const = default;
};
// A rule may name a CPU that the machine does not have: whoever delivers skips it.

// --- Local APIC
// ---------------------------------------------------------------------------------------------------------

enum class EoiKind : std::uint8_t { kPvEoi, kApicEoi };

// --- Exits to user space
// --------------------------------------------------------------------------------------------------

enum class ExitKind : std::uint8_t { kHypercall, kMsr };

struct Exit {
  ExitKind kind = ExitKind::kHypercall;
  std::uint64_t number = 0;                  // hypercall number, or MSR index
  std::array<std::uint64_t, 3> arguments{};  // of a hypercall
  std::uint64_t flags = 0;                   // hypercall: bit 0 LONG_MODE
  std::uint64_t value = 0;                   // MSR: the value written
  bool write = false;                        // MSR
  bool drop = false;                         // user space is never told; the guest sees 0
  std::optional<std::uint64_t> result{};     // reaches the guest instead of user space's answer
  bool operator==(const Exit&) const = default;
};

}  // namespace hypervet::violations
