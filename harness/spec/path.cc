// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/path.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/spec/names.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

constexpr std::string_view kCpl = "cpl", kResult = "result", kCpus = "cpus";

using protocol::PathLoopEntry;

const PathLoopEntry* find_loop(std::string_view name) {
  const auto* found = std::ranges::find(protocol::kPathLoops, name, &PathLoopEntry::name);
  return found == std::end(protocol::kPathLoops) ? nullptr : found;
}

// Left out, these are 0; all other arguments must be given.
bool may_be_left_out(std::string_view argument) {
  return argument == "a0" || argument == "a1" || argument == "subleaf";
}

// Reads what stands after a loop's name. One problem is enough: the first is kept.
class Reader {
 public:
  Reader(const Measure& measure, const Environment& names) : measure_(measure), names_(names) {}

  // The loop's arguments, then `cpl` and `result`, are the keys there may be.
  void keys(const PathLoopEntry& loop) {
    const Node& node = measure_.arguments;
    if (node.is_null()) return;
    if (!node.is_map()) {
      problem(node.mark, fmt::format("'{}' takes its arguments in braces, not {}", loop.name,
                                     kind_name(node)));
      return;
    }
    std::vector<std::string_view> known;
    for (const std::string_view each : loop.arguments) {
      if (!each.empty()) known.push_back(each);
    }
    if (loop.user) known.push_back(kCpl);
    if (loop.proof == protocol::PathProof::kSameResult) known.push_back(kResult);
    for (std::size_t i = 0; i < node.entries.size(); ++i) {
      const std::string& key = node.entries[i].first;
      if (std::ranges::find(known, key) != known.end()) continue;
      problem(node.key_marks[i], fmt::format("unknown key {} in '{}'{}", quote(key), loop.name,
                                             did_you_mean(key, known)));
    }
  }

  std::optional<std::uint64_t> number(std::string_view key) {
    const Node* node = measure_.arguments.find(key);
    if (node == nullptr || node->is_null()) return std::nullopt;
    const auto expression = Expression::parse(*node);
    if (!expression) return problem(expression.error());
    const auto value = expression->evaluate(names_);
    if (!value) return problem(value.error());
    if (value->is_list) return problem(diagnose(node->mark, "a number is wanted, not a list"));
    return value->value;
  }

  void problem(const Mark& mark, std::string what) { problem(diagnose(mark, std::move(what))); }
  const std::optional<Diagnostic>& found() const { return problem_; }

 private:
  std::nullopt_t problem(Diagnostic diagnostic) {
    if (!problem_) problem_ = std::move(diagnostic);
    return std::nullopt;
  }

  const Measure& measure_;
  const Environment& names_;
  std::optional<Diagnostic> problem_;
};

bool is_port_width(std::uint64_t width) { return width == 1 || width == 2 || width == 4; }

void read_arguments(Operation& made, const Measure& measure, Reader& reader) {
  const PathLoopEntry& loop = *made.loop;
  for (unsigned i = 0; i < protocol::kPathArguments; ++i) {
    const std::string_view name = loop.arguments[i];
    if (name.empty()) break;
    const auto value = reader.number(name);
    if (!value && !may_be_left_out(name)) {
      reader.problem(measure.mark, fmt::format("'{}' needs '{}:'", loop.name, name));
    }
    made.arguments[i] = value.value_or(0);
    if (name == "width" && value && !is_port_width(*value)) {
      reader.problem(measure.arguments.find(name)->mark, "width is 1, 2 or 4 bytes");
    }
    if (name == "port" && value.value_or(0) > 0xffff) {
      reader.problem(measure.arguments.find(name)->mark, "a port is at most 0xffff");
    }
  }
  if (const auto cpl = reader.number(kCpl)) {
    if (*cpl != 0 && *cpl != 3) reader.problem(measure.mark, "cpl is 0 or 3");
    made.user = *cpl == 3;
  }
  made.result = reader.number(kResult);
}

}  // namespace

std::expected<Operation, Diagnostic> operation(const Interface& interface, const Path& path,
                                               const Measure& measure, const Binding& binding) {
  Operation made;
  made.loop = find_loop(measure.loop);
  if (made.loop == nullptr) {
    std::vector<std::string_view> known;
    for (const PathLoopEntry& each : protocol::kPathLoops) known.push_back(each.name);
    return std::unexpected(diagnose(
        measure.mark,
        fmt::format("unknown loop {}{}", quote(measure.loop), did_you_mean(measure.loop, known))));
  }
  Names names(interface.constants);
  std::uint64_t cpus = path.conditions.machine.cpus;
  for (const auto& [name, value] : binding.values) {
    names.set(name, value);
    if (name == kCpus) cpus = value;
  }
  Reader reader(measure, names);
  reader.keys(*made.loop);
  read_arguments(made, measure, reader);
  if (cpus < 1 || cpus > protocol::kMaxCpus) {
    reader.problem(path.conditions.mark,
                   fmt::format("a machine has 1 to {} CPUs, not {}", protocol::kMaxCpus, cpus));
  } else if (cpus < made.loop->cpus) {
    reader.problem(measure.mark, fmt::format("'{}' needs {} CPUs, the machine has {}",
                                             made.loop->name, made.loop->cpus, cpus));
  }
  if (reader.found()) return std::unexpected(*reader.found());
  made.cpus = static_cast<unsigned>(cpus);
  made.batch = path.batch.value_or(made.loop->batch);
  return made;
}

std::optional<PathPlace> find_path(const Specs& specs, std::string_view id) {
  for (const Interface& interface : specs.interfaces) {
    for (const Path& path : interface.paths) {
      if (path.id == id) return PathPlace{&interface, &path};
    }
  }
  return std::nullopt;
}

std::expected<Binding, std::string> same_point(const Path& other, const Binding& binding) {
  Binding made;
  for (const auto& [name, values] : other.conditions.parameters) {
    const auto ours =
        std::ranges::find(binding.values, name, [](const auto& e) { return e.first; });
    if (ours == binding.values.end()) {
      return std::unexpected(
          fmt::format("{} has a parameter {}, this path has not", other.id, quote(name)));
    }
    if (std::ranges::find(values, ours->second) == values.end()) {
      return std::unexpected(fmt::format("{} is not measured with {}={}", other.id, name,
                                         format_number(ours->second)));
    }
    made.values.push_back(*ours);
  }
  return made;
}

}  // namespace hypervet::spec
