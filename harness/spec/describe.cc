// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "backends/violations/vocabulary.h"
#include "guest-payloads/protocol/paths.h"
#include "harness/spec/verbs.h"

namespace hypervet::spec {
namespace {

// A verb in words: {key} stands for the text of that argument. The first sentence whose arguments
// are all there is taken; what it does not name follows as "key value".
struct Sentence {
  std::string_view verb;
  std::string_view text;
};
constexpr std::array kSentences = std::to_array<Sentence>({
    {"alloc", "allocate {size} bytes as {as}"},
    {"cpuid", "cpuid leaf {leaf}"},
    {"rdmsr", "read MSR {msr}"},
    {"wrmsr", "write {msr} = {value}"},
    {"in", "in from port {port}"},
    {"out", "out to port {port}: {value}"},
    {"load", "load from {from}"},
    {"store", "store {value} to {to}"},
    {"read", "read {struct} at {from}"},
    {"read", "read {size} bytes at {from}"},
    {"fill", "fill {size} bytes at {to} with {value}"},
    {"map", "map page {as} to {to}"},
    {"map", "map page {as}"},
    {"hypercall", "hypercall {kvm}({args})"},
    {"hypercall", "hypercall {kvm}()"},
    {"rdtsc", "read the TSC"},
    {"settle", "let {for} pass"},
    {"await", "wait until memory at {memory} is {equals}"},
    {"await", "wait until memory at {memory} is not {not-equals}"},
    {"await", "wait until memory at {memory} is at least {at-least}"},
    {"await", "wait for interrupts {interrupts}"},
    {"await", "wait until the device has used {used}"},
    {"await", "wait for interrupt {count} of {interrupt}"},
    {"await", "wait for the interrupt of {interrupt}"},
    {"handler", "on interrupt {vector}"},
    {"ipi", "send interrupt {vector} to {to}"},
    {"ipi", "send an interrupt to {to}"},
    {"self-ipi", "send itself interrupt {vector}"},
    {"counts", "count interrupts of vector {vector}"},
    {"interrupt-log", "list the interrupts of CPU {cpu}"},
    {"interrupt-log", "list the interrupts of this CPU"},
    {"apic", "read APIC register {read}"},
    {"apic", "write APIC register {write} = {value}"},
    {"apic-eoi", "signal the end of interrupt to the APIC"},
    {"apic-mode", "switch the APIC to {mode}"},
    {"on", "on CPU {cpu}"},
    {"join", "wait for CPU {cpu}"},
    {"repeat", "repeat {times} times"},
    {"host", "the host does {verb}"},
    {"check", "check that {that}"},
    {"assume", "only if {that}; else {because}"},
    {"halt", "halt"},
    {"bring-up", "bring the device up until {until}"},
    {"bring-up", "bring the device up"},
    {"find", "look for the device"},
    {"reset", "reset the device"},
    {"status", "write status {write}"},
    {"status", "wait until the status is {await}"},
    {"status", "read the status"},
    {"register", "read {read} of queue {queue}"},
    {"register", "read {read}"},
    {"register", "write {write} of queue {queue} = {value}"},
    {"register", "write {write} = {value}"},
    {"region", "read {read} at {offset}"},
    {"region", "write {write} at {offset}: {value}"},
    {"config", "read the configuration's {read}"},
    {"config", "write the configuration's {write} = {value}"},
    {"features", "read the features of the {read}"},
    {"features", "accept features {write}"},
    {"capability", "look for capability {type}"},
    {"chain", "lay out chain {as} of {readable}, then writable {writable}"},
    {"chain", "lay out chain {as} of {readable}"},
    {"chain", "lay out chain {as} of writable {writable}"},
    {"submit", "make {count} times {chain} available"},
    {"submit", "make {chain} available"},
    {"submit", "make descriptor {head} available as it is"},
    {"descriptors", "write descriptors {table}"},
    {"indirect", "write indirect table {as}: {table}"},
    {"avail", "write available index {index}"},
    {"notify", "notify queue {queue}"},
    {"used", "look at completion {at}"},
    {"good-request", "a good request succeeds"},
    {"interrupts", "count interrupts of {of}"},
    {"suppress", "want used buffer notifications as flags {flags} say"},
    {"suppress", "want used buffer notifications from event {event} on"},
    {"wanted", "which notifications the device wants"},
    {"queue-setup", "set up queue {queue}"},
    {"queue-reset", "reset queue {queue}"},
    {"no-outside-write", "nothing was written outside the buffers"},
});

// The key that a bare value stands for.
std::string_view sole_key(std::string_view name) {
  const Verb* verb = find_verb(name);
  return verb == nullptr ? std::string_view() : verb->sole;
}

using Arguments = std::vector<std::pair<std::string, std::string>>;

Arguments arguments_of(const Step& step) {
  Arguments arguments;
  if (step.arguments.is_scalar())
    arguments.emplace_back(sole_key(step.verb), step.arguments.scalar);
  for (const auto& [key, value] : step.arguments.entries) {
    if (key == "do") continue;
    std::string text = flow_text(value);
    // A hypercall's arguments stand in parentheses already.
    if (key == "args" && text.size() >= 2) text = text.substr(1, text.size() - 2);
    arguments.emplace_back(key, std::move(text));
  }
  return arguments;
}

// The sentence with its blanks filled, which are then taken from the arguments; "" if one is
// missing.
std::string fill(std::string_view text, Arguments& arguments) {
  Arguments rest = arguments;
  std::string filled;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    filled += text.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    const std::string_view key = text.substr(open + 1, close - open - 1);
    const auto found =
        std::ranges::find(rest, key, [](const auto& each) { return std::string_view(each.first); });
    if (found == rest.end()) return "";
    filled += found->second;
    rest.erase(found);
    text.remove_prefix(close + 1);
  }
  arguments = std::move(rest);
  return filled;
}

std::string expectation(const Node& node) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : node.entries) {
    const bool bare = key == "fault" && value.is_scalar() && value.scalar != "none";
    parts.push_back(bare ? value.scalar : fmt::format("{} {}", key, flow_text(value)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

void add_steps(const std::vector<Step>& steps, std::size_t indent,
               std::vector<std::string>& lines) {
  for (const Step& each : steps) {
    lines.push_back(std::string(indent, ' ') + describe(each) + (each.block.empty() ? "" : ":"));
    add_steps(each.block, indent + 2, lines);
  }
}

}  // namespace

std::string flow_text(const Node& node) {
  std::vector<std::string> parts;
  switch (node.kind) {
    case Node::Kind::kNull:
      return "";
    case Node::Kind::kScalar:
      return node.scalar;
    case Node::Kind::kList:
      for (const Node& each : node.items) parts.push_back(flow_text(each));
      return fmt::format("[{}]", fmt::join(parts, ", "));
    case Node::Kind::kMap:
      for (const auto& [key, value] : node.entries) {
        parts.push_back(value.is_null() ? key : fmt::format("{}: {}", key, flow_text(value)));
      }
      return fmt::format("{{{}}}", fmt::join(parts, ", "));
  }
  return "";
}

std::string describe(const Step& step) {
  Arguments arguments = arguments_of(step);
  std::string text;
  for (const Sentence& each : kSentences) {
    if (text.empty() && each.verb == step.verb) text = fill(each.text, arguments);
  }
  if (text.empty()) text = step.verb;
  std::string name;
  for (const auto& [key, value] : arguments) {
    if (key == "as") {
      name = fmt::format(" as {}", value);
    } else {
      text += fmt::format(", {} {}", key, value);
    }
  }
  text += name;
  if (step.expect) text += fmt::format("   expect {}", expectation(*step.expect));
  return text;
}

namespace {

// The matrix, and a machine that is not the usual one.
std::vector<std::string> conditions_of(const Case& a_case) {
  std::vector<std::string> lines;
  std::size_t first = 0;
  for (const auto& [name, values] : a_case.parameters) {
    const auto begin = a_case.parameter_texts.begin() + static_cast<std::ptrdiff_t>(first);
    const std::size_t shown = std::min<std::size_t>(values.size(), 8);
    lines.push_back(
        fmt::format("for each {} of {}{}", name,
                    fmt::join(begin, begin + static_cast<std::ptrdiff_t>(shown), ", "),
                    shown < values.size() ? fmt::format(", ... ({} values)", values.size()) : ""));
    first += values.size();
  }
  std::vector<std::string> machine;
  if (a_case.machine.cpus != 1) machine.push_back(fmt::format("with {} CPUs", a_case.machine.cpus));
  for (const std::string& each : a_case.machine.without) machine.push_back("without " + each);
  for (const auto& [name, value] : a_case.machine.settings)
    machine.push_back(fmt::format("with {} {}", name, value));
  if (!machine.empty()) lines.push_back(fmt::format("on a machine {}", fmt::join(machine, ", ")));
  return lines;
}

}  // namespace

std::string describe(const Measure& measure) {
  const auto* loop =
      std::ranges::find(protocol::kPathLoops, measure.loop, &protocol::PathLoopEntry::name);
  const std::string arguments = flow_text(measure.arguments);
  return fmt::format("{}{}{}{}{}", measure.loop, arguments.size() > 2 ? " " : "",
                     arguments.size() > 2 ? arguments : "",
                     loop == std::end(protocol::kPathLoops) ? "" : ": ",
                     loop == std::end(protocol::kPathLoops) ? "" : loop->what);
}

std::vector<std::string> describe(const Path& path) {
  std::vector<std::string> lines = conditions_of(path.conditions);
  lines.push_back("times " + describe(path.measure));
  if (path.contrast) lines.push_back("against " + describe(*path.contrast));
  if (!path.contrast_id.empty()) lines.push_back("against the path " + path.contrast_id);
  if (!path.note.empty()) lines.push_back("note: " + path.note);
  return lines;
}

std::vector<std::string> describe(const Case& a_case) {
  std::vector<std::string> lines = conditions_of(a_case);
  add_steps(a_case.steps, 0, lines);
  return lines;
}

std::string describe(const Violation& violation) {
  const Node& rule = violation.rule;
  const Node* at = rule.find("at");
  const std::string seam_name = at != nullptr ? flow_text(*at) : "?";
  const violations::SeamEntry* seam = violations::find_seam(seam_name);
  std::vector<std::string> conditions, effects;
  for (const auto& [name, value] : rule.entries) {
    if (name == "at") continue;
    const violations::Key* key = seam == nullptr ? nullptr : violations::find_key(*seam, name);
    const bool condition = key != nullptr && key->role == violations::KeyRole::kCondition;
    (condition ? conditions : effects)
        .push_back(value.is("yes") ? name : fmt::format("{} {}", name, flow_text(value)));
  }
  return fmt::format("{}{}{}: {}", seam_name, conditions.empty() ? "" : " of ",
                     fmt::join(conditions, ", "), fmt::join(effects, ", "));
}

}  // namespace hypervet::spec
