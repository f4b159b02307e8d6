// SPDX-License-Identifier: Apache-2.0
//
// What a simulated processor asks of the machine around it. The machine implements it; the
// processor calls it from inside Cpu::run(), in the machine's one thread.
//
// Inside a call the processor's state may be read (Cpu::state() is exact: RIP is at the
// instruction, ticks() counts the instructions before it), general registers may be set, and
// request_exit(), set_interrupt_line(), pend_nmi(), init(), sipi() and inject_exception() may be
// called for this processor and for any other. Cpu::set_state() and Cpu::run() may not.
#pragma once

#include <cstdint>
#include <optional>

namespace hypervet::sim {

class Cpu;

enum class HypercallInstruction : std::uint8_t { vmcall, vmmcall };

struct CpuidResult {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

struct GuestFault {
  std::uint8_t vector = 0;
  std::optional<std::uint32_t> error_code;
};

struct HypercallResult {
  // Set: the instruction faults, RIP stays. Otherwise the platform has set the result registers.
  std::optional<GuestFault> fault;
  // Bytes to advance RIP; VMCALL and VMMCALL have three, a declared violation may lie.
  std::uint8_t advance = 3;
};

struct AbsentPage {
  enum class Action : std::uint8_t {
    present,  // the page is back (or the platform has cleared its mark): go on
    retry,    // stop the run as `waiting`, RIP at the instruction
    inject,   // deliver #PF with this CR2 and error code
  };
  Action action = Action::present;
  std::uint64_t cr2 = 0;
  std::uint32_t error_code = 0;
};

class Platform {
 public:
  virtual ~Platform() = default;

  // Physical accesses outside RAM, and to the local APIC's page at 0xfee00000. size: 1, 2, 4, 8;
  // never across a page. The value is in the low bytes.
  virtual std::uint64_t mmio_read(Cpu& cpu, std::uint64_t gpa, unsigned size) = 0;
  virtual void mmio_write(Cpu& cpu, std::uint64_t gpa, unsigned size, std::uint64_t value) = 0;

  // size: 1, 2, 4.
  virtual std::uint32_t port_in(Cpu& cpu, std::uint16_t port, unsigned size) = 0;
  virtual void port_out(Cpu& cpu, std::uint16_t port, unsigned size, std::uint32_t value) = 0;

  // MSRs other than those in CpuState. nullopt or false: #GP(0).
  virtual std::optional<std::uint64_t> rdmsr(Cpu& cpu, std::uint32_t msr) = 0;
  virtual bool wrmsr(Cpu& cpu, std::uint32_t msr, std::uint64_t value) = 0;

  virtual CpuidResult cpuid(Cpu& cpu, std::uint32_t leaf, std::uint32_t subleaf) = 0;
  // Called at every privilege level and in every mode.
  virtual HypercallResult hypercall(Cpu& cpu, HypercallInstruction instruction) = 0;

  // The vector to deliver now, or nothing if the line was raised in vain.
  virtual std::optional<std::uint8_t> acknowledge_interrupt(Cpu& cpu) = 0;

  // Task priority, the upper four bits of TPR. value <= 15.
  virtual std::uint8_t read_cr8(Cpu& cpu) = 0;
  virtual void write_cr8(Cpu& cpu, std::uint8_t value) = 0;

  virtual std::uint64_t tsc(Cpu& cpu) = 0;

  // The guest touches a page that GuestMemory::set_absent() has taken away.
  virtual AbsentPage page_absent(Cpu& cpu, std::uint64_t gpa, bool write) = 0;
};

}  // namespace hypervet::sim
