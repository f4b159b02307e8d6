// SPDX-License-Identifier: Apache-2.0
// Wrappers around one instruction each. Nothing here keeps state; any CPU may call any of it at CPL
// 0.
#pragma once

#include <cstdint>

namespace hypervet::guest {

inline std::uint64_t rdmsr(std::uint32_t msr) {
  std::uint32_t low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
  return (std::uint64_t{high} << 32) | low;
}

inline void wrmsr(std::uint32_t msr, std::uint64_t value) {
  asm volatile("wrmsr"
               :
               : "c"(msr), "a"(static_cast<std::uint32_t>(value)),
                 "d"(static_cast<std::uint32_t>(value >> 32))
               : "memory");
}

struct CpuidResult {
  std::uint32_t eax, ebx, ecx, edx;
};

inline CpuidResult cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
  CpuidResult r;
  asm volatile("cpuid"
               : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
               : "a"(leaf), "c"(subleaf));
  return r;
}

inline std::uint64_t rdtsc() {
  std::uint32_t low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return (std::uint64_t{high} << 32) | low;
}

// Keeps RDTSC from being executed before the loads that precede it (SDM vol. 2, RDTSC).
inline void lfence() { asm volatile("lfence" : : : "memory"); }

inline void out8(std::uint16_t port, std::uint8_t value) {
  asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

inline void out32(std::uint16_t port, std::uint32_t value) {
  asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

inline void out16(std::uint16_t port, std::uint16_t value) {
  asm volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

inline std::uint8_t in8(std::uint16_t port) {
  std::uint8_t value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

inline std::uint16_t in16(std::uint16_t port) {
  std::uint16_t value;
  asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

inline std::uint32_t in32(std::uint16_t port) {
  std::uint32_t value;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

// Writes `count` bytes to one port; one exit for all of them under most hypervisors.
inline void out_bytes(std::uint16_t port, const void* data, std::uint64_t count) {
  asm volatile("rep outsb" : "+S"(data), "+c"(count) : "d"(port) : "memory");
}

inline void interrupts_on() { asm volatile("sti" : : : "memory"); }
inline void interrupts_off() { asm volatile("cli" : : : "memory"); }
inline void halt() { asm volatile("hlt" : : : "memory"); }
// STI takes effect after the next instruction, so no interrupt can slip in before HLT (SDM vol. 2,
// STI).
inline void interrupts_on_and_halt() { asm volatile("sti\n\thlt" : : : "memory"); }
inline void pause() { asm volatile("pause" : : : "memory"); }

inline bool interrupts_enabled() {
  std::uint64_t flags;
  asm volatile("pushfq\n\tpopq %0" : "=r"(flags) : : "memory");
  return (flags & 0x200) != 0;
}

inline std::uint64_t read_cr2() {
  std::uint64_t value;
  asm volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}

inline void invlpg(std::uint64_t address) {
  asm volatile("invlpg (%0)" : : "r"(address) : "memory");
}

inline std::uint32_t mmio_read32(std::uint64_t address) {
  std::uint32_t value;
  asm volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

inline void mmio_write32(std::uint64_t address, std::uint32_t value) {
  asm volatile("movl %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

// BTR without LOCK, as a guest kernel ends an interrupt through the PV EOI word; true if the bit
// was set.
inline bool test_and_clear_bit0(std::uint64_t address) {
  bool was;
  asm volatile("btrl $0, (%1)" : "=@ccc"(was) : "r"(address) : "memory");
  return was;
}

inline void load_task_register(std::uint16_t selector) { asm volatile("ltr %0" : : "r"(selector)); }

}  // namespace hypervet::guest
