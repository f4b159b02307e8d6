// SPDX-License-Identifier: Apache-2.0
#include "harness/program/fields.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "harness/program/used_elements.h"

namespace hypervet::program {
namespace {

using protocol::Op;
using protocol::OpCode;
using protocol::RegisterFile;
using spec::Number;

struct Register {
  std::string_view name;
  std::uint64_t RegisterFile::* member;
};
constexpr std::array<Register, 18> kRegisters = {{
    {"rax", &RegisterFile::rax},
    {"rcx", &RegisterFile::rcx},
    {"rdx", &RegisterFile::rdx},
    {"rbx", &RegisterFile::rbx},
    {"rsp", &RegisterFile::rsp},
    {"rbp", &RegisterFile::rbp},
    {"rsi", &RegisterFile::rsi},
    {"rdi", &RegisterFile::rdi},
    {"r8", &RegisterFile::r8},
    {"r9", &RegisterFile::r9},
    {"r10", &RegisterFile::r10},
    {"r11", &RegisterFile::r11},
    {"r12", &RegisterFile::r12},
    {"r13", &RegisterFile::r13},
    {"r14", &RegisterFile::r14},
    {"r15", &RegisterFile::r15},
    {"rip", &RegisterFile::rip},
    {"rflags", &RegisterFile::rflags},
}};

Number number(std::uint64_t value) { return Number{value, {}, false}; }
Number list_of(std::vector<std::uint64_t> values) { return Number{0, std::move(values), true}; }

std::uint64_t low_bytes(std::uint64_t value, unsigned width) {
  return width >= 8 ? value : value & ((std::uint64_t{1} << (8 * width)) - 1);
}

// Ops beside the instructions that touch memory or the APIC under the fault guard.
bool guarded(OpCode code) {
  switch (code) {
    case OpCode::kRead:
    case OpCode::kFill:
    case OpCode::kAwaitMemory:
    case OpCode::kSendIcr:
    case OpCode::kApicRead:
    case OpCode::kApicWrite:
    case OpCode::kApicMode:
    case OpCode::kPut:
    case OpCode::kVirtioFind:
    case OpCode::kVirtioRead:
    case OpCode::kVirtioWrite:
    case OpCode::kVirtioAwait:
    case OpCode::kRegionRead:
    case OpCode::kRegionWrite:
    case OpCode::kVirtioNotify:
    case OpCode::kVirtioCapability:
      return true;
    default:
      return false;
  }
}

// Names of the Values that an op answers with, in order.
std::vector<std::string_view> value_names(const StepPlan& plan, OpCode code) {
  switch (code) {
    case OpCode::kHalt:
    case OpCode::kSettle:
      return {"", "waited"};
    case OpCode::kAwaitMemory:
    case OpCode::kAwaitInterrupts:
    case OpCode::kVirtioAwait:
      return {"reached", "waited", "value"};
    case OpCode::kVirtioFind:
      return {"found",      "device", "vendor", "version", "msix", "line", "notify-multiplier",
              "config-size"};
    case OpCode::kVirtioRead:
    case OpCode::kRegionRead:
      return {"value", "there"};
    case OpCode::kVirtioWrite:
    case OpCode::kRegionWrite:
    case OpCode::kVirtioNotify:
      return {"", "there"};
    case OpCode::kVirtioInterrupts:
      return {"done", "msix"};
    case OpCode::kVirtioCapability:
      return {"found", "place", "cap_len", "bar", "id", "offset", "length", "address"};
    case OpCode::kJoin:
      return {"reached", "waited"};
    case OpCode::kHost:
      return {"status", "result"};
    case OpCode::kApicRead:
      return {"value"};
    case OpCode::kScenario: {
      std::vector<std::string_view> names;
      if (plan.scenario != nullptr)
        for (const std::string_view name : plan.scenario->results)
          if (!name.empty()) names.push_back(name);
      return names;
    }
    default:
      return {};
  }
}

// What an instruction op's registers mean.
std::optional<std::uint64_t> instruction_value(const Op& op, const RegisterFile& after,
                                               std::string_view field) {
  const std::uint64_t edx_eax = (after.rdx << 32) | low_bytes(after.rax, 4);
  switch (op.code) {
    case OpCode::kCpuid:
      if (field == "eax") return low_bytes(after.rax, 4);
      if (field == "ebx") return low_bytes(after.rbx, 4);
      if (field == "ecx") return low_bytes(after.rcx, 4);
      if (field == "edx") return low_bytes(after.rdx, 4);
      break;
    case OpCode::kRdmsr:
    case OpCode::kRdtsc:
      if (field == "value") return edx_eax;
      break;
    case OpCode::kIn:
    case OpCode::kLoad:
      if (field == "value") return low_bytes(after.rax, op.width);
      break;
    default:
      break;
  }
  return std::nullopt;
}

std::optional<Number> read_executed(const Op& op, const protocol::ExecutedPayload& executed,
                                    std::string_view field) {
  const bool faulted = executed.vector != protocol::kNoFault;
  if (field == "error-code")
    return faulted && executed.has_error != 0 ? std::optional(number(executed.error_code))
                                              : std::nullopt;
  if (field == "cr2") return faulted ? std::optional(number(executed.cr2)) : std::nullopt;
  if (field == "fault") return number(executed.vector);
  if (!is_instruction(op.code)) return std::nullopt;
  if (field == "rip") return number(executed.before.rip);
  if (field == "length") return number(executed.after.rip - executed.before.rip);
  const auto found = std::ranges::find(kRegisters, field, &Register::name);
  if (found != kRegisters.end()) return number(executed.after.*found->member);
  if (faulted) return std::nullopt;
  const auto value = instruction_value(op, executed.after, field);
  return value ? std::optional(number(*value)) : std::nullopt;
}

std::optional<std::uint64_t> structure_field(const spec::StructureField& field,
                                             const Bytes& bytes) {
  if (field.size == 0 || field.size > 8 || field.offset > bytes.size() ||
      bytes.size() - field.offset < field.size)
    return std::nullopt;
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + field.offset, field.size);
  const unsigned unused = 64 - 8 * field.size;
  if (field.is_signed)
    value = static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
  return value;
}

std::optional<Number> read_bytes(const StepPlan& plan, const Op& op, const Bytes& bytes,
                                 std::string_view field) {
  const std::string_view whole = op.code == OpCode::kInterruptLog ? "order" : "bytes";
  if (field == whole) return list_of({bytes.begin(), bytes.end()});
  if (plan.implied && plan.implied->used) {
    const auto value = used_field(*plan.implied->used, bytes, field);
    return value ? std::optional(number(*value)) : std::nullopt;
  }
  if (plan.structure == nullptr) return std::nullopt;
  const auto found = std::ranges::find(plan.structure->fields, field, &spec::StructureField::name);
  if (found == plan.structure->fields.end()) return std::nullopt;
  const auto value = structure_field(*found, bytes);
  return value ? std::optional(number(*value)) : std::nullopt;
}

std::optional<Number> read_values(const StepPlan& plan, const Op& op, const Values& values,
                                  std::string_view field) {
  if (op.code == OpCode::kCounts) {
    if (field == "per-cpu") return list_of(values);
    std::uint64_t total = 0;
    for (const std::uint64_t count : values) total += count;
    return field == "total" ? std::optional(number(total)) : std::nullopt;
  }
  const auto names = value_names(plan, op.code);
  const auto found = std::ranges::find(names, field);
  const auto index = static_cast<std::size_t>(found - names.begin());
  if (found == names.end() || index >= values.size()) return std::nullopt;
  return number(values[index]);
}

// As the op itself has them.
std::vector<std::string> own_names(const StepPlan& plan, const Op& op);

}  // namespace

bool is_instruction(OpCode code) { return code >= OpCode::kCpuid && code <= OpCode::kRdtsc; }

bool waits(OpCode code) {
  return code == OpCode::kAwaitMemory || code == OpCode::kAwaitInterrupts ||
         code == OpCode::kVirtioAwait || code == OpCode::kJoin;
}

bool has_slot(OpCode code) {
  switch (code) {
    case OpCode::kRdmsr:
    case OpCode::kIn:
    case OpCode::kLoad:
    case OpCode::kHypercall:
    case OpCode::kRdtsc:
    case OpCode::kApicRead:
    case OpCode::kHost:
    case OpCode::kVirtioRead:
    case OpCode::kRegionRead:
    case OpCode::kVirtioCapability:
      return true;
    default:
      return false;
  }
}

unsigned result_registers(OpCode code) {
  constexpr unsigned rax = 1, rcx = 2, rdx = 4, rbx = 8;
  switch (code) {
    case OpCode::kCpuid:
      return rax | rbx | rcx | rdx;
    case OpCode::kRdmsr:
    case OpCode::kRdtsc:
      return rax | rdx;
    case OpCode::kIn:
    case OpCode::kLoad:
    case OpCode::kHypercall:
      return rax;
    default:
      return 0;
  }
}

namespace {

std::vector<std::string> own_names(const StepPlan& plan, const Op& op) {
  std::vector<std::string> names;
  switch (op.code) {
    case OpCode::kCpuid:
      names = {"eax", "ebx", "ecx", "edx"};
      break;
    case OpCode::kRdmsr:
    case OpCode::kRdtsc:
    case OpCode::kIn:
    case OpCode::kLoad:
      names = {"value"};
      break;
    case OpCode::kCounts:
      names = {"per-cpu", "total"};
      break;
    case OpCode::kInterruptLog:
      names = {"order"};
      break;
    case OpCode::kRead:
      names = {"bytes"};
      if (plan.structure != nullptr)
        for (const auto& field : plan.structure->fields) names.push_back(field.name);
      break;
    default:
      for (const std::string_view name : value_names(plan, op.code))
        if (!name.empty()) names.emplace_back(name);
  }
  if (is_instruction(op.code)) {
    for (const Register& each : kRegisters) names.emplace_back(each.name);
    names.emplace_back("length");
  }
  if (is_instruction(op.code) || guarded(op.code)) {
    names.emplace_back("error-code");
    names.emplace_back("cr2");
    names.emplace_back("fault");
  }
  return names;
}

}  // namespace

std::vector<std::string> field_names(const StepPlan& plan, const Op& op) {
  if (!plan.shown) return own_names(plan, op);
  std::vector<std::string> names;
  for (const Shown& each : *plan.shown) names.push_back(each.name);
  return names;
}

const StepPlan* holder(std::span<const StepPlan> plans, std::span<const Op> ops,
                       const StepPlan& plan, std::string_view field) {
  const auto holds = [&](const StepPlan& each) {
    return each.op && has_field(each, ops[*each.op], field);
  };
  if (holds(plan)) return &plan;
  for (const std::size_t index : plan.others)
    if (holds(plans[index])) return &plans[index];
  return nullptr;
}

bool has_field(const StepPlan& plan, const Op& op, std::string_view field) {
  const auto names = field_names(plan, op);
  return std::ranges::find(names, field) != names.end();
}

std::string_view primary_field(const StepPlan& plan, const Op& op) {
  if (plan.shown)
    return plan.shown->empty() ? std::string_view() : std::string_view(plan.shown->front().name);
  switch (op.code) {
    case OpCode::kRdmsr:
    case OpCode::kRdtsc:
    case OpCode::kIn:
    case OpCode::kLoad:
    case OpCode::kApicRead:
    case OpCode::kAwaitMemory:
    case OpCode::kAwaitInterrupts:
    case OpCode::kVirtioRead:
    case OpCode::kRegionRead:
      return "value";
    case OpCode::kVirtioFind:
      return "found";
    case OpCode::kVirtioCapability:
      return "place";
    case OpCode::kVirtioNotify:
      return "there";
    case OpCode::kVirtioAwait:
      return "waited";
    case OpCode::kHypercall:
      return "rax";
    case OpCode::kHost:
      return "result";
    case OpCode::kHalt:
    case OpCode::kSettle:
    case OpCode::kJoin:
      return "waited";
    case OpCode::kCounts:
      return "total";
    case OpCode::kInterruptLog:
      return "order";
    case OpCode::kRead:
      return plan.structure == nullptr ? "bytes" : "";
    default:
      return "";
  }
}

std::optional<Number> read_field(const StepPlan& plan, const Op& op, const Observation& observation,
                                 std::string_view field) {
  if (!plan.shown) return read_raw(plan, op, observation, field);
  const auto found = std::ranges::find(*plan.shown, field, &Shown::name);
  if (found == plan.shown->end()) return std::nullopt;
  return read_raw(plan, op, observation, found->field);
}

std::optional<Number> read_raw(const StepPlan& plan, const Op& op, const Observation& observation,
                               std::string_view field) {
  if (field.empty()) return std::nullopt;
  if (const auto* executed = observation.executed()) return read_executed(op, *executed, field);
  if (const auto* values = std::get_if<Values>(&observation.payload))
    return read_values(plan, op, *values, field);
  if (const auto* bytes = std::get_if<Bytes>(&observation.payload))
    return read_bytes(plan, op, *bytes, field);
  return std::nullopt;
}

}  // namespace hypervet::program
