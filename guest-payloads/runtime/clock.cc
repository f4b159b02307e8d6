// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/clock.h"

namespace hypervet::guest {

namespace {

std::uint64_t tsc_khz = 1'000'000;

// a * b / c with 128 bits in between.
std::uint64_t scale(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  std::uint64_t low, high;
  asm("mulq %3" : "=a"(low), "=d"(high) : "0"(a), "r"(b) : "cc");
  if (high >= c) return ~0ull;  // DIV would fault
  std::uint64_t quotient, remainder;
  asm("divq %4" : "=a"(quotient), "=d"(remainder) : "0"(low), "1"(high), "r"(c) : "cc");
  return quotient;
}

std::uint64_t khz_from_cpuid() {
  constexpr std::uint32_t kHypervisor = 0x4000'0000, kTiming = 0x4000'0010, kTsc = 0x15;
  const std::uint32_t highest = cpuid(kHypervisor).eax;
  if (highest >= kTiming && highest < kHypervisor + 0x100) {
    if (const std::uint32_t khz = cpuid(kTiming).eax; khz != 0) return khz;
  }
  if (cpuid(0).eax >= kTsc) {
    const CpuidResult r =
        cpuid(kTsc);  // crystal in ECX, TSC = crystal * EBX / EAX (SDM vol. 2, CPUID)
    if (r.eax != 0 && r.ebx != 0 && r.ecx != 0) return scale(r.ecx, r.ebx, r.eax) / 1000;
  }
  return 1'000'000;
}

}  // namespace

void set_tsc_khz(std::uint64_t khz) {
  if (khz == 0) khz = khz_from_cpuid();
  tsc_khz = khz == 0 ? 1'000'000 : khz;
}

std::uint64_t to_ticks(std::uint64_t nanoseconds) { return scale(nanoseconds, tsc_khz, 1'000'000); }
std::uint64_t to_nanoseconds(std::uint64_t ticks) { return scale(ticks, 1'000'000, tsc_khz); }

}  // namespace hypervet::guest
