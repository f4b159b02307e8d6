// SPDX-License-Identifier: Apache-2.0
// The seams at instructions of the guest: hypercall, CPUID, RDMSR, WRMSR.
#include <algorithm>
#include <utility>

#include "backends/violations/interposer.h"
#include "backends/violations/rule_values.h"

namespace hypervet::violations {
namespace {

// RFLAGS bits that a host could clobber without the guest losing control: CF PF AF ZF SF DF OF.
constexpr std::uint64_t kClobberableFlags = 0xcd5;

struct NamedRegister {
  std::string_view name;
  std::uint64_t protocol::RegisterFile::* member;
};
constexpr NamedRegister kRegisters[] = {
    {"rax", &protocol::RegisterFile::rax}, {"rcx", &protocol::RegisterFile::rcx},
    {"rdx", &protocol::RegisterFile::rdx}, {"rbx", &protocol::RegisterFile::rbx},
    {"rbp", &protocol::RegisterFile::rbp}, {"rsi", &protocol::RegisterFile::rsi},
    {"rdi", &protocol::RegisterFile::rdi}, {"r8", &protocol::RegisterFile::r8},
    {"r9", &protocol::RegisterFile::r9},   {"r10", &protocol::RegisterFile::r10},
    {"r11", &protocol::RegisterFile::r11}, {"r12", &protocol::RegisterFile::r12},
    {"r13", &protocol::RegisterFile::r13}, {"r14", &protocol::RegisterFile::r14},
    {"r15", &protocol::RegisterFile::r15},
};

void change_registers(const Rule& rule, protocol::RegisterFile& registers) {
  for (const NamedRegister& one : kRegisters)
    if (const auto value = number(rule, one.name)) registers.*one.member = *value;
  if (const auto value = number(rule, "add")) registers.rax += *value;
  if (const auto value = number(rule, "high-half"))
    registers.rax = (registers.rax & 0xffff'ffff) | (*value << 32);
  if (const auto value = number(rule, "rflags-set")) registers.rflags |= *value & kClobberableFlags;
  if (const auto value = number(rule, "rflags-clear"))
    registers.rflags &= ~(*value & kClobberableFlags);
}

void change_fault(std::string_view kind, HypercallResult& result) {
  // A #PF as patching the opcode in a read-only page would raise: present, write, supervisor.
  constexpr std::uint32_t kPresentWrite = 3;
  if (kind == "#UD") result.fault = kUd;
  if (kind == "#GP(0)") result.fault = kGp0;
  if (kind == "#PF") result.fault = Fault{kPageFault, kPresentWrite, result.registers.rip};
  if (kind == "none" && result.fault) {
    result.fault.reset();
    result.advance = 3;
  }
}

bool same(const HypercallResult& a, const HypercallResult& b) {
  const auto same_registers = [&] {
    return std::ranges::all_of(kRegisters, [&](const NamedRegister& one) {
      return a.registers.*one.member == b.registers.*one.member;
    });
  };
  return a.fault == b.fault && a.advance == b.advance && a.registers.rflags == b.registers.rflags &&
         same_registers();
}

}  // namespace

HypercallCall Interposer::changed_call(const HypercallContext& context, HypercallCall call) {
  in_call_.clear();
  const auto holds = [&](std::string_view key, const Value& wanted) {
    if (key == "nr")
      return is(wanted, "any") ||
             (is(wanted, "unknown") ? !context.known : is(wanted, context.number));
    if (key == "cpu") return is(wanted, context.cpu);
    if (key == "cpl") return is(wanted, context.cpl);
    if (key == "mode") return is(wanted, context.mode == CodeMode::kLong ? "long" : "compat");
    if (key == "opcode") return is(wanted, context.native ? "native" : "other");
    // a0 to a3
    return is(wanted, context.arguments[static_cast<std::size_t>(key[1] - '0') % 4]);
  };
  for (Armed& armed : at(Seam::kHypercall)) {
    if (!meets(armed, holds)) continue;
    in_call_.push_back(&armed);
    const Rule& rule = armed.rule;
    const HypercallCall before = call;
    constexpr std::string_view kAs[] = {"as-a0", "as-a1", "as-a2", "as-a3"};
    for (std::size_t i = 0; i < 4; ++i)
      if (const auto value = number(rule, kAs[i])) call.arguments[i] = *value;
    if (const auto value = number(rule, "as-nr")) call.number = *value;
    if (has(rule, "swap-arguments")) std::swap(call.arguments[0], call.arguments[1]);
    if (const auto mask = number(rule, "argument-mask"))
      for (std::uint64_t& argument : call.arguments) argument &= *mask;
    if (has(rule, "truncate") && context.mode == CodeMode::kCompat) call.truncate = false;
    if (has(rule, "allow")) call.allow = true;
    if (has(rule, "ignore")) call.ignore = true;
    if (call != before) ++armed.committed;
  }
  return call;
}

HypercallResult Interposer::changed_result(HypercallResult result) {
  for (Armed* armed : in_call_) {
    const HypercallResult before = result;
    change_registers(armed->rule, result.registers);
    if (const auto value = number(armed->rule, "advance"))
      result.advance = static_cast<std::uint8_t>(*value);
    if (has(armed->rule, "fault")) change_fault(word(armed->rule, "fault"), result);
    if (!same(result, before)) ++armed->committed;
  }
  in_call_.clear();
  return result;
}

CpuidLeaf Interposer::changed_cpuid(unsigned cpu, std::uint32_t leaf, CpuidLeaf result) {
  struct Register {
    std::string_view value, set, clear;
    std::uint32_t CpuidLeaf::* member;
  };
  static constexpr Register kCpuidRegisters[] = {
      {"eax", "eax-set", "eax-clear", &CpuidLeaf::eax},
      {"ebx", "ebx-set", "ebx-clear", &CpuidLeaf::ebx},
      {"ecx", "ecx-set", "ecx-clear", &CpuidLeaf::ecx},
      {"edx", "edx-set", "edx-clear", &CpuidLeaf::edx},
  };
  for (Armed& armed : at(Seam::kCpuid)) {
    if (!meets(armed, [&](std::string_view key, const Value& wanted) {
          return key == "leaf" ? is(wanted, leaf) : is(wanted, cpu);
        }))
      continue;
    const CpuidLeaf before = result;
    for (const Register& one : kCpuidRegisters) {
      std::uint32_t& value = result.*one.member;
      if (const auto wanted = number(armed.rule, one.value))
        value = static_cast<std::uint32_t>(*wanted);
      if (const auto bits = number(armed.rule, one.set)) value |= static_cast<std::uint32_t>(*bits);
      if (const auto bits = number(armed.rule, one.clear))
        value &= static_cast<std::uint32_t>(~*bits);
    }
    if (result != before) ++armed.committed;
  }
  return result;
}

MsrRead Interposer::changed_rdmsr(unsigned cpu, std::uint32_t msr, MsrRead result) {
  for (Armed& armed : at(Seam::kRdmsr)) {
    if (!meets(armed, [&](std::string_view key, const Value& wanted) {
          return key == "msr" ? is(wanted, msr) : is(wanted, cpu);
        }))
      continue;
    const MsrRead before = result;
    const std::string_view fault = word(armed.rule, "fault");
    if (fault == "#GP(0)") result = {.value = 0, .fault = true};
    if (fault == "none" && result.fault) result = {};
    if (!result.fault) {
      if (const auto value = number(armed.rule, "value")) result.value = *value;
      if (const auto value = number(armed.rule, "add")) result.value += *value;
      if (const auto bits = number(armed.rule, "set")) result.value |= *bits;
      if (const auto bits = number(armed.rule, "clear")) result.value &= ~*bits;
    }
    if (result != before) ++armed.committed;
  }
  return result;
}

MsrWrite Interposer::changed_wrmsr(unsigned cpu, std::uint32_t msr, std::uint64_t value) {
  MsrWrite write{.value = value};
  sparing_ = nullptr;
  const auto holds = [&](std::string_view key, const Value& wanted) {
    if (key == "msr") return is(wanted, msr);
    if (key == "cpu") return is(wanted, cpu);
    if (key == "value-is") return is(wanted, value);
    const auto bit = as_number(wanted);
    const bool set = bit && *bit < 64 && ((value >> *bit) & 1) != 0;
    return key == "bit" ? set : !set;
  };
  for (Armed& armed : at(Seam::kWrmsr)) {
    if (!meets(armed, holds)) continue;
    const MsrWrite before = write;
    const Rule& rule = armed.rule;
    if (const auto wanted = number(rule, "value")) write.value = *wanted;
    if (const auto bits = number(rule, "set")) write.value |= *bits;
    if (const auto bits = number(rule, "clear")) write.value &= ~*bits;
    if (has(rule, "ignore")) write.ignore = true;
    if (has(rule, "keep")) write.keep = true;
    if (word(rule, "fault") == "#GP(0)") write.fault = true;
    if (write != before) ++armed.committed;
    // Counted by spared(): most writes would not have faulted anyway.
    if (word(rule, "fault") == "none") {
      write.never_fault = true;
      sparing_ = &armed;
    }
  }
  return write;
}

void Interposer::spared() {
  if (sparing_) ++sparing_->committed;
  sparing_ = nullptr;
}

}  // namespace hypervet::violations
