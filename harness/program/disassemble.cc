// SPDX-License-Identifier: Apache-2.0
#include "harness/program/disassemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/paths.h"
#include "guest-payloads/protocol/scenarios.h"
#include "guest-payloads/protocol/virtio.h"
#include "harness/program/fields.h"
#include "harness/spec/expression.h"

namespace hypervet::program {
namespace {

using protocol::AwaitRelation;
using protocol::Op;
using protocol::OpCode;
using protocol::Operand;

std::string text(const Operand& operand) {
  if (operand.slot == protocol::kNoSlot) return spec::format_number(operand.value);
  if (operand.value == 0) return fmt::format("slot {}", operand.slot);
  return fmt::format("slot {} + {:#x}", operand.slot, operand.value);
}

std::string hex(const Operand& operand) {
  return operand.slot == protocol::kNoSlot ? fmt::format("{:#x}", operand.value) : text(operand);
}

std::string duration(const Operand& operand) {
  if (operand.slot != protocol::kNoSlot) return text(operand) + " ns";
  return fmt::format("{} ns", operand.value);
}

std::string name_of_host_verb(std::uint64_t number) {
  const auto* found = std::ranges::find(protocol::kHostVerbs, number, [](const auto& entry) {
    return static_cast<std::uint64_t>(entry.verb);
  });
  return found == std::end(protocol::kHostVerbs) ? fmt::format("verb {}", number)
                                                 : std::string(found->name);
}

std::string name_of_scenario(std::uint64_t number) {
  const auto* found = std::ranges::find(protocol::kScenarios, number, [](const auto& entry) {
    return static_cast<std::uint64_t>(entry.id);
  });
  return found == std::end(protocol::kScenarios) ? fmt::format("number {}", number)
                                                 : std::string(found->name);
}

const char* relation(std::uint16_t variant) {
  switch (static_cast<AwaitRelation>(variant)) {
    case AwaitRelation::kEqual:
      return "==";
    case AwaitRelation::kNotEqual:
      return "!=";
    case AwaitRelation::kAtLeast:
      return ">=";
  }
  return "?";
}

const char* eoi(std::uint16_t variant) {
  switch (static_cast<protocol::EoiMode>(variant)) {
    case protocol::EoiMode::kApic:
      return "apic";
    case protocol::EoiMode::kNone:
      return "none";
    case protocol::EoiMode::kPv:
      return "pv";
  }
  return "?";
}

const char* hypercall_opcode(std::uint16_t variant) {
  switch (static_cast<protocol::HypercallOpcode>(variant)) {
    case protocol::HypercallOpcode::kNative:
      return "hypercall";
    case protocol::HypercallOpcode::kOther:
      return "hypercall (the other vendor's opcode)";
    case protocol::HypercallOpcode::kVmcall:
      return "vmcall";
    case protocol::HypercallOpcode::kVmmcall:
      return "vmmcall";
  }
  return "hypercall (unknown opcode)";
}

std::string name_of_register(const Operand* o) {
  const auto* found =
      std::ranges::find(protocol::kVirtioRegisters, o[0].value,
                        [](const auto& entry) { return static_cast<std::uint64_t>(entry.reg); });
  if (found == std::end(protocol::kVirtioRegisters)) return fmt::format("register {}", o[0].value);
  return found->queue ? fmt::format("{} of queue {}", found->name, o[1].value)
                      : std::string(found->name);
}

std::string name_of_region(std::uint64_t number) {
  const auto* found = std::ranges::find(protocol::kVirtioRegions, number, [](const auto& entry) {
    return static_cast<std::uint64_t>(entry.region);
  });
  return found == std::end(protocol::kVirtioRegions) ? fmt::format("region {}", number)
                                                     : std::string(found->name);
}

const char* interrupts(std::uint64_t mode) {
  switch (static_cast<protocol::VirtioInterrupts>(mode)) {
    case protocol::VirtioInterrupts::kNone:
      return "none";
    case protocol::VirtioInterrupts::kLine:
      return "line";
    case protocol::VirtioInterrupts::kMsix:
      return "msix";
    case protocol::VirtioInterrupts::kNative:
      return "native";
  }
  return "?";
}

std::string virtio(const Op& op) {
  const Operand* o = op.operands;
  const unsigned bits = 8U * op.width;
  switch (op.code) {
    case OpCode::kVirtioFind:
      return fmt::format("virtio find device {} on {}", o[0].value,
                         o[1].value == 0 ? "mmio" : "pci");
    case OpCode::kVirtioRead:
      return fmt::format("virtio read {}", name_of_register(o));
    case OpCode::kVirtioWrite:
      return fmt::format("virtio write {} <- {}", name_of_register(o), hex(o[2]));
    case OpCode::kVirtioAwait:
      return fmt::format("virtio await {} & {} == {} within {}", name_of_register(o), hex(o[2]),
                         hex(o[3]), duration(o[4]));
    case OpCode::kRegionRead:
      return fmt::format("virtio read{} {}[{}]", bits, name_of_region(o[0].value), hex(o[1]));
    case OpCode::kRegionWrite:
      return fmt::format("virtio write{} {}[{}] <- {}", bits, name_of_region(o[0].value), hex(o[1]),
                         hex(o[2]));
    case OpCode::kVirtioNotify:
      return fmt::format("virtio notify{} queue {} <- {}", bits, text(o[0]), hex(o[1]));
    case OpCode::kVirtioInterrupts:
      return fmt::format("virtio interrupts {}, {} queues", interrupts(o[0].value), text(o[1]));
    default:
      return fmt::format("virtio capability {}, number {}", text(o[0]), text(o[1]));
  }
}

std::string body(const Op& op) {
  const Operand* o = op.operands;
  const unsigned bits = 8U * op.width;
  switch (op.code) {
    case OpCode::kCpuid:
      return fmt::format("cpuid {}, subleaf {}", hex(o[0]), text(o[1]));
    case OpCode::kRdmsr:
      return fmt::format("rdmsr {}", hex(o[0]));
    case OpCode::kWrmsr:
      return fmt::format("wrmsr {} <- {}", hex(o[0]), hex(o[1]));
    case OpCode::kIn:
      return fmt::format("in{} {}", bits, hex(o[0]));
    case OpCode::kOut:
      return fmt::format("out{} {} <- {}", bits, hex(o[0]), hex(o[1]));
    case OpCode::kLoad:
      return fmt::format("load{} [{}]", bits, hex(o[0]));
    case OpCode::kStore:
      return fmt::format("store{} [{}] <- {}", bits, hex(o[0]), hex(o[1]));
    case OpCode::kHypercall:
      return fmt::format("{} {}({}, {}, {}, {})", hypercall_opcode(op.variant), text(o[0]),
                         text(o[1]), text(o[2]), text(o[3]), text(o[4]));
    case OpCode::kRdtsc:
      return "rdtsc";
    case OpCode::kRead:
      return fmt::format("read {} bytes at [{}]", text(o[1]), hex(o[0]));
    case OpCode::kFill:
      return fmt::format("fill {} bytes at [{}] with {}", text(o[1]), hex(o[0]), hex(o[2]));
    case OpCode::kPut:
      return fmt::format("put {} bytes of data from {} at [{}]", text(o[2]), text(o[1]), hex(o[0]));
    case OpCode::kMap:
      return fmt::format("map [{}] to {}, flags {}", hex(o[0]), hex(o[1]), hex(o[2]));
    case OpCode::kHalt:
      return "halt";
    case OpCode::kSettle:
      return fmt::format("settle {}", duration(o[0]));
    case OpCode::kAwaitMemory:
      return fmt::format("await [{}]{} & {} {} {} within {}", hex(o[0]), bits, hex(o[1]),
                         relation(op.variant), hex(o[2]), duration(o[3]));
    case OpCode::kAwaitInterrupts:
      return fmt::format("await {} interrupts of vector {} on cpu {} within {}", text(o[1]),
                         hex(o[0]), text(o[2]), duration(o[3]));
    case OpCode::kHandler:
      return fmt::format("handler of vector {}, eoi {}", hex(o[0]), eoi(op.variant));
    case OpCode::kCounts:
      return fmt::format("counts of vector {}", hex(o[0]));
    case OpCode::kInterruptLog:
      return fmt::format("interrupt log of cpu {}", text(o[0]));
    case OpCode::kSendIcr:
      return fmt::format("send icr {} to apic id {}", hex(o[0]), text(o[1]));
    case OpCode::kApicRead:
      return fmt::format("apic read {}", hex(o[0]));
    case OpCode::kApicWrite:
      return fmt::format("apic write {} <- {}", hex(o[0]), hex(o[1]));
    case OpCode::kApicMode:
      return o[0].value == 0 ? "apic mode xapic" : "apic mode x2apic";
    case OpCode::kOnCpu:
      return fmt::format("on cpu {}", text(o[0]));
    case OpCode::kJoin:
      return fmt::format("join cpu {} within {}", text(o[0]), duration(o[1]));
    case OpCode::kHost:
      return fmt::format("host {}({}, {}, {})", name_of_host_verb(o[0].value), hex(o[1]), hex(o[2]),
                         hex(o[3]));
    case OpCode::kScenario:
      return fmt::format("scenario {}({}, {}, {}, {}, {})", name_of_scenario(o[0].value), hex(o[1]),
                         hex(o[2]), hex(o[3]), hex(o[4]), hex(o[5]));
    case OpCode::kRepeat:
      return fmt::format("repeat {} times", text(o[0]));
    case OpCode::kVirtioFind:
    case OpCode::kVirtioRead:
    case OpCode::kVirtioWrite:
    case OpCode::kVirtioAwait:
    case OpCode::kRegionRead:
    case OpCode::kRegionWrite:
    case OpCode::kVirtioNotify:
    case OpCode::kVirtioInterrupts:
    case OpCode::kVirtioCapability:
      return virtio(op);
    case OpCode::kMeasure: {
      const protocol::PathLoopEntry* loop = protocol::find_path_loop(o[0].value);
      const auto variant = static_cast<protocol::MeasureVariant>(op.variant);
      return fmt::format("measure {}{}: {} samples of {} after {}({}, {}, {})",
                         variant == protocol::MeasureVariant::kEmpty ? "the empty twin of " : "",
                         loop == nullptr ? "?" : loop->name, o[1].value, o[2].value >> 32,
                         o[2].value & 0xffff'ffff, hex(o[3]), hex(o[4]), hex(o[5]));
    }
  }
  return fmt::format("unknown op {}", static_cast<unsigned>(op.code));
}

}  // namespace

std::string disassemble(const Op& op) {
  std::string result = body(op);
  if ((op.flags & protocol::kUser) != 0) result += ", cpl 3";
  if ((op.flags & protocol::kCompat) != 0) result += ", 32-bit code";
  if ((op.flags & protocol::kInterruptsOn) != 0) result += ", interrupts on";
  if ((op.flags & protocol::kOrEnd) != 0) result += ", or the end";
  if (op.result_slot != protocol::kNoSlot) result += fmt::format(" -> slot {}", op.result_slot);
  return result;
}

std::string describe_op(const CompiledCase& compiled, std::uint32_t op) {
  if (op >= compiled.ops.size()) return fmt::format("op {}, which the program does not have", op);
  const StepPlan& plan = compiled.plans[compiled.plan_of_op[op]];
  const std::string context = to_string(plan.context);
  const spec::Mark& mark = plan.step->mark;
  return fmt::format("op {}: {} ({}:{}{}{})", op, disassemble(compiled.ops[op]),
                     mark.file ? mark.file->path : "<text>", mark.line, context.empty() ? "" : ", ",
                     context);
}

std::string listing(const CompiledCase& compiled) {
  std::string result;
  std::vector<std::size_t> ends;
  for (std::uint32_t i = 0; i < compiled.ops.size(); ++i) {
    while (!ends.empty() && ends.back() <= i) ends.pop_back();
    result += std::string(2 * ends.size(), ' ') + describe_op(compiled, i) + "\n";
    if (compiled.ops[i].block != 0) ends.push_back(i + 1 + compiled.ops[i].block);
  }
  return result;
}

}  // namespace hypervet::program
