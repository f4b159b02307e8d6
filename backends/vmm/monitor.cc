// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/monitor.h"

#include <algorithm>
#include <charconv>
#include <regex>

namespace hypervet::vmm {
namespace {

using Json = process::Qmp::Json;
using machine::HostAnswer;
using protocol::HostStatus;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{5000};
constexpr milliseconds kPatienceWhenAsleep{500};
// A VMM that spins holds its monitor up, and there is no verdict in where its CPUs stand.
constexpr milliseconds kPatienceWhenSpinning{60};

struct Register {
  std::string_view name;
  std::uint64_t protocol::RegisterFile::* field;
};
constexpr Register kRegisters[] = {
    {"RAX", &protocol::RegisterFile::rax}, {"RBX", &protocol::RegisterFile::rbx},
    {"RCX", &protocol::RegisterFile::rcx}, {"RDX", &protocol::RegisterFile::rdx},
    {"RSI", &protocol::RegisterFile::rsi}, {"RDI", &protocol::RegisterFile::rdi},
    {"RBP", &protocol::RegisterFile::rbp}, {"RSP", &protocol::RegisterFile::rsp},
    {"R8 ", &protocol::RegisterFile::r8},  {"R9 ", &protocol::RegisterFile::r9},
    {"R10", &protocol::RegisterFile::r10}, {"R11", &protocol::RegisterFile::r11},
    {"R12", &protocol::RegisterFile::r12}, {"R13", &protocol::RegisterFile::r13},
    {"R14", &protocol::RegisterFile::r14}, {"R15", &protocol::RegisterFile::r15},
    {"RIP", &protocol::RegisterFile::rip}, {"RFL", &protocol::RegisterFile::rflags},
};

// The hexadecimal number behind NAME= .
std::uint64_t value_of(std::string_view text, std::string_view name) {
  const auto at = text.find(std::string(name) + '=');
  std::uint64_t value = 0;
  if (at == text.npos) return value;
  auto rest = text.substr(at + name.size() + 1);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  std::from_chars(rest.data(), rest.data() + rest.size(), value, 16);
  return value;
}

backends::CpuState parse_cpu(std::string_view text) {
  backends::CpuState cpu;
  for (const auto& [name, field] : kRegisters) cpu.registers.*field = value_of(text, name);
  cpu.cr0 = value_of(text, "CR0");
  cpu.cr2 = value_of(text, "CR2");
  cpu.cr3 = value_of(text, "CR3");
  cpu.cr4 = value_of(text, "CR4");
  cpu.efer = value_of(text, "EFER");
  cpu.cs = static_cast<std::uint16_t>(value_of(text, "CS "));
  cpu.halted = value_of(text, "HLT") == 1;
  return cpu;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::vector<backends::CpuState> parse_registers(std::string_view text) {
  constexpr std::string_view kBegin = "CPU#";
  std::vector<backends::CpuState> cpus;
  for (auto at = text.find(kBegin); at != text.npos && cpus.size() < protocol::kMaxCpus;) {
    const auto next = text.find(kBegin, at + kBegin.size());
    cpus.push_back(parse_cpu(text.substr(at, next - at)));
    at = next;
  }
  return cpus;
}

Json verb_argument(std::string_view text, const protocol::HostVerbEntry& verb,
                   const std::array<std::uint64_t, 4>& arguments, std::uint64_t memory) {
  static const std::regex form(
      R"((?:(\$memory|[0-9]+)-)?\$([a-z0-9-]*[a-z0-9])(?:\*([0-9]+)|(!=0))?)");
  std::match_results<std::string_view::const_iterator> parts;
  if (!std::regex_match(text.begin(), text.end(), parts, form)) return std::string(text);
  std::uint64_t value = memory;
  for (std::size_t i = 0; i < std::size(verb.arguments); ++i) {
    if (!verb.arguments[i].empty() && parts[2].str() == verb.arguments[i]) value = arguments[i];
  }
  if (parts[4].matched) return value != 0;
  if (parts[3].matched) value *= number(parts[3].str());
  if (parts[1].matched)
    value = (parts[1].str() == "$memory" ? memory : number(parts[1].str())) - value;
  return value;
}

HostAnswer Monitor::perform(const machine::HostCall& call) {
  const auto verb = std::ranges::find(recipe_.verbs, call.verb, &MonitorVerb::verb);
  const auto* entry =
      std::ranges::find(protocol::kHostVerbs, call.verb, &protocol::HostVerbEntry::verb);
  if (verb == recipe_.verbs.end() || entry == std::end(protocol::kHostVerbs))
    return {HostStatus::kUnknownVerb, 0};
  Json arguments = Json::object();
  for (const auto& [name, text] : verb->arguments)
    arguments[name] = verb_argument(text, *entry, call.arguments, memory_);
  const auto returned = qmp_.command(verb->execute, std::move(arguments), kPatience);
  if (!returned) return {HostStatus::kFailed, 0};
  if (verb->result.empty()) return {HostStatus::kDone, 0};
  const auto found = returned->find(verb->result);
  if (found == returned->end() || !found->is_number_unsigned()) return {HostStatus::kFailed, 0};
  return {HostStatus::kDone, found->get<std::uint64_t>()};
}

std::vector<backends::CpuState> Monitor::cpus(bool spins) {
  const auto said = qmp_.command("human-monitor-command", {{"command-line", "info registers -a"}},
                                 spins ? kPatienceWhenSpinning : kPatienceWhenAsleep);
  if (!said || !said->is_string()) return {};
  return parse_registers(said->get<std::string>());
}

bool Monitor::gave_up() {
  const auto status = qmp_.command("query-status", Json::object(), kPatienceWhenAsleep);
  return status && process::text_of(*status, "status") == "internal-error";
}

bool Monitor::guest_left() {
  qmp_.pump(milliseconds(0));
  return qmp_.take_event("SHUTDOWN") || qmp_.take_event("RESET");
}

}  // namespace hypervet::vmm
