// SPDX-License-Identifier: Apache-2.0
// Which keys of a step go together, and the numbers that are more than a range.
#include <fmt/format.h>

#include <array>
#include <initializer_list>
#include <utility>

#include "harness/spec/fields.h"
#include "harness/spec/lint_parts.h"
#include "harness/spec/suggest.h"

namespace hypervet::spec {
namespace {

class Forms {
 public:
  Forms(const Scope& scope, Problems& problems) : scope_(scope), problems_(problems) {}
  void check(const Verb& verb, const Step& step);

 private:
  void await_forms(const Step& step);
  void read_forms(const Step& step);
  void apic_forms(const Step& step);
  void ipi_forms(const Step& step);
  void handler_forms(const Step& step);
  void map_forms(const Step& step);
  void access_forms(const Step& step);
  void status_forms(const Step& step);
  void features_forms(const Step& step);
  void submit_forms(const Step& step);
  void suppress_forms(const Step& step);
  void number_forms(const Step& step);
  bool one_of_keys(const Step& step, std::initializer_list<std::string_view> keys);
  void only_with(const Step& step, std::initializer_list<std::string_view> keys,
                 std::string_view with);

  const Scope& scope_;
  Problems& problems_;
};

// Of these keys exactly one must be there.
bool Forms::one_of_keys(const Step& step, std::initializer_list<std::string_view> keys) {
  const Mark* second = nullptr;
  unsigned found = 0;
  for (const std::string_view key : keys) {
    if (step.arguments.find(key) == nullptr) continue;
    if (++found == 2) second = &step.arguments.key_mark(key);
  }
  if (found == 1) return true;
  const std::string choice = one_of(std::vector<std::string_view>(keys));
  problems_.add(second != nullptr ? *second : step.mark,
                fmt::format("'{}' needs one of {}", step.verb, choice));
  return false;
}

void Forms::only_with(const Step& step, std::initializer_list<std::string_view> keys,
                      std::string_view with) {
  if (step.arguments.find(with) != nullptr) return;
  for (const std::string_view key : keys) {
    if (step.arguments.find(key) == nullptr) continue;
    problems_.add(step.arguments.key_mark(key),
                  fmt::format("'{}:' goes with '{}:' only", key, with));
  }
}

void Forms::await_forms(const Step& step) {
  if (!one_of_keys(step, {"memory", "interrupts", "used", "interrupt"})) return;
  only_with(step, {"equals", "not-equals", "at-least", "mask", "width"}, "memory");
  only_with(step, {"queue"}, "used");
  only_with(step, {"count"}, "interrupt");
  if (step.arguments.find("memory") != nullptr)
    one_of_keys(step, {"equals", "not-equals", "at-least"});
}

void Forms::read_forms(const Step& step) { one_of_keys(step, {"size", "struct"}); }

void Forms::apic_forms(const Step& step) {
  if (!one_of_keys(step, {"read", "write"})) return;
  only_with(step, {"value"}, "write");
  if (step.arguments.find("write") != nullptr && step.arguments.find("value") == nullptr) {
    problems_.add(step.mark, "'apic' with 'write:' needs 'value:'");
  }
  for (const std::string_view key : {"read", "write"}) {
    const Node* place = step.arguments.find(key);
    const auto offset = place == nullptr ? std::nullopt : scope_.constant(*place);
    if (offset && *offset % 16 != 0)
      problems_.add(place->mark, "APIC registers lie 16 bytes apart");
  }
}

void Forms::ipi_forms(const Step& step) {
  const Node* mode = step.arguments.find("mode");
  const bool nmi = mode != nullptr && mode->is("nmi");
  const bool vector = step.arguments.find("vector") != nullptr;
  if (nmi && vector)
    problems_.add(step.arguments.key_mark("vector"), "an NMI has no vector of its own");
  if (!nmi && !vector) problems_.add(step.mark, "'ipi' needs 'vector:'");
}

void Forms::handler_forms(const Step& step) {
  const Node* eoi = step.arguments.find("eoi");
  const bool pv = eoi != nullptr && eoi->is("pv");
  const bool word = step.arguments.find("word") != nullptr;
  if (pv && !word)
    problems_.add(eoi->mark, "'eoi: pv' needs 'word:', the address of the PV EOI word");
  if (!pv && word)
    problems_.add(step.arguments.key_mark("word"), "'word:' goes with 'eoi: pv' only");
}

void Forms::map_forms(const Step& step) {
  const Node* name = step.arguments.find("as");
  const Node* present = step.arguments.find("present");
  const bool again = name != nullptr && name->is_scalar() && scope_.is_address(name->scalar);
  const bool absent = present != nullptr && (present->is("no") || present->is("false"));
  if (!again && !absent && step.arguments.find("to") == nullptr)
    problems_.add(step.mark, "'map' needs 'to:'");
}

// Numbers that take only some values of their range.
// Read or written: what is written is said by `value`.
void Forms::access_forms(const Step& step) {
  if (!one_of_keys(step, {"read", "write"})) return;
  only_with(step, {"value"}, "write");
  if (step.arguments.find("write") != nullptr && step.arguments.find("value") == nullptr)
    problems_.add(step.mark, fmt::format("'{}' with 'write:' needs 'value:'", step.verb));
}

void Forms::status_forms(const Step& step) {
  const bool nothing = step.arguments.is_null() || step.arguments.entries.empty();
  const bool only_name =
      step.arguments.entries.size() == 1 && step.arguments.entries.front().first == "as";
  if (!nothing && !only_name) one_of_keys(step, {"read", "write", "await"});
  only_with(step, {"mask", "within"}, "await");
}

void Forms::features_forms(const Step& step) { one_of_keys(step, {"read", "write"}); }

void Forms::submit_forms(const Step& step) { one_of_keys(step, {"chain", "head"}); }

void Forms::suppress_forms(const Step& step) {
  only_with(step, {"wrap"}, "event");
  if (step.arguments.find("flags") == nullptr && step.arguments.find("event") == nullptr)
    problems_.add(step.mark, "'suppress' needs 'flags:' or 'event:'");
}

void Forms::number_forms(const Step& step) {
  const auto value_of = [&](std::string_view key) {
    const Node* node = step.arguments.find(key);
    return node == nullptr ? std::nullopt : scope_.constant(*node);
  };
  const auto power_of_two = [](std::uint64_t value) {
    return value != 0 && (value & (value - 1)) == 0;
  };
  const auto mark = [&](std::string_view key) { return step.arguments.find(key)->mark; };
  if (const auto width = value_of("width"); width && *width <= 8 && !power_of_two(*width)) {
    problems_.add(mark("width"), "width is 1, 2, 4 or 8");
  }
  if (const auto align = value_of("align"); align && !power_of_two(*align)) {
    problems_.add(mark("align"), "align is a power of two");
  }
  if (const auto cpl = value_of("cpl"); cpl && (*cpl == 1 || *cpl == 2))
    problems_.add(mark("cpl"), "cpl is 0 or 3");
}

void Forms::check(const Verb& verb, const Step& step) {
  using Check = void (Forms::*)(const Step&);
  static constexpr std::array<std::pair<std::string_view, Check>, 13> kForms = {{
      {"await", &Forms::await_forms},
      {"read", &Forms::read_forms},
      {"apic", &Forms::apic_forms},
      {"ipi", &Forms::ipi_forms},
      {"handler", &Forms::handler_forms},
      {"map", &Forms::map_forms},
      {"status", &Forms::status_forms},
      {"register", &Forms::access_forms},
      {"region", &Forms::access_forms},
      {"config", &Forms::access_forms},
      {"features", &Forms::features_forms},
      {"submit", &Forms::submit_forms},
      {"suppress", &Forms::suppress_forms},
  }};
  if (!step.arguments.is_map() && !step.arguments.is_null()) return;
  for (const auto& [name, check_form] : kForms) {
    if (name == verb.name) (this->*check_form)(step);
  }
  number_forms(step);
}

}  // namespace

void lint_forms(const Verb& verb, const Step& step, const Scope& scope, Problems& problems) {
  Forms(scope, problems).check(verb, step);
}

}  // namespace hypervet::spec
