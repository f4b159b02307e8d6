// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "guest-payloads/protocol/layout.h"
#include "harness/spec/fields.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

constexpr std::size_t kMaxPoints =
    4096;  // combinations of parameters that one expression is tried with

// Constants of the interface, parameters of one instance, and the functions of the machine.
class Instance final : public Environment {
 public:
  explicit Instance(const Interface& interface) : interface_(interface) {}
  void set(std::string_view name, std::uint64_t value) {
    values_.insert_or_assign(std::string(name), value);
  }

  std::optional<Number> lookup(std::string_view name) const override {
    if (const auto own = values_.find(name); own != values_.end())
      return Number{own->second, {}, false};
    const auto constant = interface_.constants.find(std::string(name));
    if (constant == interface_.constants.end()) return std::nullopt;
    return Number{constant->second, {}, false};
  }
  std::optional<Number> call(std::string_view,
                             const std::vector<Number>& arguments) const override {
    return arguments.front();  // apic-id and phys: some number
  }

 private:
  const Interface& interface_;
  std::map<std::string, std::uint64_t, std::less<>> values_;
};

}  // namespace

Scope::Scope(const Interface& interface, const Case& a_case)
    : interface_(interface), case_(a_case) {
  if (a_case.on_device) addresses_.emplace(kRequestQueue, a_case.mark);
}

const std::vector<std::uint64_t>* Scope::parameter(std::string_view name) const {
  for (const auto& [each, values] : case_.parameters) {
    if (each == name) return &values;
  }
  return nullptr;
}

Scope::Found Scope::find(std::string_view name) const {
  if (interface_.constants.contains(std::string(name)) || parameter(name) != nullptr)
    return {Kind::kKnown, nullptr, {}};
  if (addresses_.contains(name)) return {Kind::kAddress, nullptr, {}};
  const std::size_t dot = name.find('.');
  if (dot != std::string_view::npos && groups_.contains(name.substr(0, dot)))
    return {Kind::kAddress, nullptr, {}};
  const auto found = observed_.find(name.substr(0, dot));
  if (found == observed_.end()) return {};
  return {Kind::kObserved, &found->second,
          dot == std::string_view::npos ? "" : name.substr(dot + 1)};
}

bool Scope::is_known(std::string_view name) const {
  const Kind kind = find(name).kind;
  return kind == Kind::kKnown || kind == Kind::kAddress;
}

bool Scope::define(const std::string& name, const Mark& mark, Problems& problems) const {
  if (!is_name(name)) {
    problems.add(
        mark,
        fmt::format("{} cannot be a name: letters, digits, '_' and '-', beginning with a letter",
                    quote(name)));
    return false;
  }
  if (find(name).kind != Kind::kUnknown || groups_.contains(name)) {
    problems.add(mark, fmt::format("{} already names something", quote(name)));
    return false;
  }
  return true;
}

bool Scope::add_address(const std::string& name, const Mark& mark, Problems& problems) {
  if (!define(name, mark, problems)) return false;
  addresses_.emplace(name, mark);
  return true;
}

bool Scope::add_group(const std::string& name, const Mark& mark, Problems& problems) {
  if (!define(name, mark, problems)) return false;
  groups_.insert(name);
  return true;
}

bool Scope::add_observed(const std::string& name, const Mark& mark, Observed observed,
                         Problems& problems) {
  if (!define(name, mark, problems)) return false;
  observed_.emplace(name, std::move(observed));
  return true;
}

void Scope::report_unknown(const Use& use, Problems& problems) const {
  const std::size_t hyphen = use.name.find('-');
  if (hyphen != std::string::npos && find(use.name.substr(0, hyphen)).kind != Kind::kUnknown) {
    problems.add(use.mark, fmt::format("unknown name {}; a subtraction is written with spaces",
                                       quote(use.name)));
    return;
  }
  std::vector<std::string_view> known;
  for (const auto& [name, value] : interface_.constants) known.push_back(name);
  for (const auto& [name, values] : case_.parameters) known.push_back(name);
  for (const auto& [name, mark] : addresses_) known.push_back(name);
  for (const auto& [name, observed] : observed_) known.push_back(name);
  problems.add(use.mark,
               fmt::format("unknown name {}{}", quote(use.name), did_you_mean(use.name, known)));
}

void Scope::check_field(const Use& use, const Found& found, Wants wants, Problems& problems) const {
  const Observed& observed = *found.observed;
  if (found.field.empty() && observed.primary.empty()) {
    if (observed.fields.empty()) {
      problems.add(use.mark, fmt::format("{} is a '{}', which observes nothing", quote(use.name),
                                         observed.verb));
    } else {
      problems.add(
          use.mark,
          fmt::format("{} is a '{}', which observes several values; say which, as in '{}.{}'",
                      quote(use.name), observed.verb, use.name, observed.fields.front()));
    }
    return;
  }
  if (!found.field.empty() &&
      std::ranges::find(observed.fields, found.field) == observed.fields.end()) {
    problems.add(use.mark,
                 fmt::format("a '{}' does not observe {}{}", observed.verb, quote(found.field),
                             did_you_mean(found.field, observed.fields)));
    return;
  }
  const bool primary = found.field.empty() || found.field == observed.primary;
  if (wants == Wants::kInput && !(primary && observed.input)) {
    problems.add(
        use.mark,
        fmt::format("{} cannot be an input: only the value of rdmsr, in, load, rdtsc, apic, "
                    "host, status, register, region, config and features, and the RAX of a "
                    "hypercall can",
                    quote(use.name)));
  }
}

bool Scope::check_use(const Use& use, Wants wants, Problems& problems) const {
  if (use.is_function) return true;
  const std::size_t before = problems.count();
  const Found found = find(use.name);
  if (found.kind == Kind::kUnknown) {
    report_unknown(use, problems);
  } else if (found.kind == Kind::kObserved && wants == Wants::kKnown) {
    problems.add(use.mark, fmt::format("{} is not known before the run", quote(use.name)));
  } else if (found.kind == Kind::kObserved) {
    check_field(use, found, wants, problems);
  }
  return problems.count() == before;
}

void Scope::check(const Node& node, Wants wants, const Bounds& bounds, Problems& problems) const {
  const auto expression = Expression::parse(node);
  if (!expression) {
    problems.add(expression.error());
    return;
  }
  const std::vector<Use> uses = expression->uses();
  bool known = true, addresses = false, sound = true;
  for (const Use& use : uses) {
    sound = check_use(use, wants, problems) && sound;
    const Kind kind = use.is_function ? Kind::kKnown : find(use.name).kind;
    known = known && kind != Kind::kObserved;
    // What apic-id and phys give is not known here either.
    addresses = addresses || kind == Kind::kAddress || use.name == "apic-id" || use.name == "phys";
  }
  if (!sound) return;
  if (known && !addresses) return check_values(*expression, node, bounds, problems);
  if (wants != Wants::kInput) return;
  Instance some(interface_);
  for (const auto& [name, values] : case_.parameters) some.set(name, values.front());
  for (const Use& use : uses) {
    if (!use.is_function && find(use.name).kind == Kind::kAddress)
      some.set(use.name, protocol::kArenaAddress);
  }
  const auto sum = expression->slot_sum(
      some, [this](std::string_view name) { return find(name).kind == Kind::kObserved; });
  if (!sum) problems.add(sum.error());
}

bool Scope::check_value(const Expression& expression, const Environment& names, const Node& node,
                        const Bounds& bounds, Problems& problems) const {
  const auto value = expression.evaluate(names);
  if (!value) {
    problems.add(value.error());
    return false;
  }
  if (bounds.what.empty()) return true;
  if (value->is_list) {
    problems.add(node.mark, fmt::format("{} is one number, not a list", bounds.what));
    return false;
  }
  if (value->value < bounds.least || value->value > bounds.most) {
    problems.add(node.mark, fmt::format("{} is from {} to {}, not {}", bounds.what,
                                        format_number(bounds.least), format_number(bounds.most),
                                        format_number(value->value)));
    return false;
  }
  return true;
}

// Tries the values of every parameter that the expression uses.
void Scope::check_values(const Expression& expression, const Node& node, const Bounds& bounds,
                         Problems& problems) const {
  struct Axis {
    std::string name;
    const std::vector<std::uint64_t>* values;
  };
  std::vector<Axis> axes;
  std::size_t points = 1;
  for (const std::string& name : expression.names()) {
    if (const auto* values = parameter(name)) {
      axes.push_back({name, values});
      points = std::min(kMaxPoints, points * values->size());
    }
  }
  for (std::size_t point = 0; point < points; ++point) {
    Instance instance(interface_);
    std::size_t rest = point;
    for (const Axis& axis : axes) {
      instance.set(axis.name, (*axis.values)[rest % axis.values->size()]);
      rest /= axis.values->size();
    }
    if (!check_value(expression, instance, node, bounds, problems)) return;
  }
}

std::optional<std::uint64_t> Scope::constant(const Node& node) const {
  if (!node.is_scalar()) return std::nullopt;
  const auto expression = Expression::parse(node);
  if (!expression) return std::nullopt;
  for (const Use& use : expression->uses()) {
    if (use.is_function ? use.name == "apic-id" || use.name == "phys"
                        : !interface_.constants.contains(use.name)) {
      return std::nullopt;
    }
  }
  const auto value = expression->evaluate(Instance(interface_));
  return value && !value->is_list ? std::optional(value->value) : std::nullopt;
}

}  // namespace hypervet::spec
