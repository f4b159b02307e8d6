// SPDX-License-Identifier: Apache-2.0
#include "harness/judge/stopped.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "harness/judge/registers.h"
#include "harness/program/disassemble.h"

namespace hypervet::judge {
namespace {

using program::CompiledCase;
using program::Observation;
using protocol::FrameKind;

std::string_view reason_text(protocol::Refusal reason) {
  constexpr std::array<std::string_view, 16> kReasons = {
      "no reason",    "bad magic",     "bad version",     "bad size",
      "bad checksum", "too many CPUs", "unknown op",      "bad width",
      "bad slot",     "bad block",     "nested too deep", "bad variant",
      "bad operand",  "bad flags",     "bad place",       "not allowed in this context"};
  const auto index = static_cast<std::size_t>(reason);
  return index < kReasons.size() ? kReasons[index] : "unknown reason";
}

bool ends_an_op(FrameKind kind) {
  return kind == FrameKind::kDone || kind == FrameKind::kExecuted || kind == FrameKind::kValues ||
         kind == FrameKind::kBytes;
}

// The op of this CPU that has begun (serial channel) and not ended.
std::optional<std::uint32_t> begun(unsigned cpu, std::span<const Observation> observations) {
  std::optional<std::uint32_t> result;
  for (const Observation& each : observations) {
    if (each.header.cpu != cpu) continue;
    if (each.header.kind == FrameKind::kBegin) result = each.header.op;
    if (ends_an_op(each.header.kind) && result == each.header.op) result.reset();
  }
  return result;
}

}  // namespace

std::vector<std::optional<std::uint32_t>> last_ops(const CompiledCase& compiled,
                                                   const backends::Outcome& outcome,
                                                   std::span<const Observation> observations) {
  std::vector<std::optional<std::uint32_t>> result(compiled.configuration.cpus);
  for (unsigned cpu = 0; cpu < result.size(); ++cpu) {
    if (cpu < outcome.cpus.size()) result[cpu] = outcome.cpus[cpu].op;
    if (!result[cpu]) result[cpu] = begun(cpu, observations);
    if (result[cpu] && *result[cpu] >= compiled.ops.size()) result[cpu].reset();
  }
  return result;
}

std::string whereabouts(const CompiledCase& compiled,
                        const std::vector<std::optional<std::uint32_t>>& ops) {
  std::string result;
  for (std::size_t cpu = 0; cpu < ops.size(); ++cpu)
    result += fmt::format("{}cpu {} in {}", result.empty() ? "" : "; ", cpu,
                          ops[cpu] ? program::describe_op(compiled, *ops[cpu]) : "no op");
  return result;
}

std::string states(const backends::Outcome& outcome) {
  std::string result;
  for (std::size_t cpu = 0; cpu < outcome.cpus.size(); ++cpu) {
    const backends::CpuState& state = outcome.cpus[cpu];
    if (!state.seen) continue;
    result += fmt::format("cpu {}{}, code at rip: {:02x}\n", cpu, state.halted ? " (halted)" : "",
                          fmt::join(state.code, " "));
    result += dump(state.registers);
    result += fmt::format("     cs {:04x} cr0 {:x} cr2 {:x} cr3 {:x} cr4 {:x} efer {:x}\n",
                          state.cs, state.cr0, state.cr2, state.cr3, state.cr4, state.efer);
  }
  return result;
}

std::string refusal(const CompiledCase& compiled, std::span<const Observation> observations) {
  for (const Observation& each : observations)
    if (const auto* refused = std::get_if<protocol::RefusedPayload>(&each.payload))
      return fmt::format("{}: {}", reason_text(refused->reason),
                         refused->op == 0xffff'ffff ? "the program's header"
                                                    : program::describe_op(compiled, refused->op));
  return {};
}

std::string panic(const CompiledCase& compiled, std::span<const Observation> observations) {
  for (const Observation& each : observations) {
    if (each.header.kind != FrameKind::kPanic) continue;
    const protocol::ExecutedPayload& fault = *each.executed();
    return fmt::format("{} on cpu {} at rip {:#x}, error code {:#x}, cr2 {:#x}, in {}\n{}",
                       program::fault_name(fault.vector), each.header.cpu, fault.after.rip,
                       fault.error_code, fault.cr2,
                       each.header.op < compiled.ops.size()
                           ? program::describe_op(compiled, each.header.op)
                           : "no op",
                       dump(fault.after));
  }
  return {};
}

}  // namespace hypervet::judge
