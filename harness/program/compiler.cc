// SPDX-License-Identifier: Apache-2.0
#include "harness/program/compiler.h"

#include <algorithm>
#include <array>

#include "harness/program/compile.h"
#include "harness/program/configuration.h"
#include "harness/program/failure.h"
#include "harness/program/fields.h"
#include "harness/program/virtio/good_request.h"

namespace hypervet::program {

using protocol::Op;
using spec::Node;

namespace {

// What waits, or starts what outlives the handler, the agent refuses there.
bool may_stand_in_handler(std::string_view verb) {
  constexpr std::array<std::string_view, 10> kRefused = {"halt",      "settle", "await", "handler",
                                                         "apic-mode", "on",     "join",  "host",
                                                         "scenario",  "repeat"};
  return std::ranges::find(kRefused, verb) == kRefused.end();
}

}  // namespace

std::span<const Compiler::Verb> Compiler::verbs() {
  constexpr auto of_device = [](std::string_view name, void (Compiler::*compile)(Site&),
                                std::string_view sole = {}) {
    return Verb{name, compile, sole, false, true};
  };
  static constexpr std::array table = {
      Verb{"alloc", &Compiler::alloc},
      Verb{"cpuid", &Compiler::cpuid},
      Verb{"rdmsr", &Compiler::rdmsr},
      Verb{"wrmsr", &Compiler::wrmsr},
      Verb{"in", &Compiler::in},
      Verb{"out", &Compiler::out},
      Verb{"load", &Compiler::load},
      Verb{"store", &Compiler::store},
      Verb{"read", &Compiler::read},
      Verb{"fill", &Compiler::fill},
      Verb{"map", &Compiler::map},
      Verb{"hypercall", &Compiler::hypercall},
      Verb{"rdtsc", &Compiler::rdtsc},
      Verb{"halt", &Compiler::halt},
      Verb{"settle", &Compiler::settle, "for"},
      Verb{"await", &Compiler::await},
      Verb{"handler", &Compiler::handler, {}, true},
      Verb{"ipi", &Compiler::ipi},
      Verb{"self-ipi", &Compiler::self_ipi, "vector"},
      Verb{"counts", &Compiler::counts, "vector"},
      Verb{"interrupt-log", &Compiler::interrupt_log, "cpu"},
      Verb{"apic", &Compiler::apic},
      Verb{"apic-eoi", &Compiler::apic_eoi},
      Verb{"apic-mode", &Compiler::apic_mode, "mode"},
      Verb{"on", &Compiler::on, {}, true},
      Verb{"join", &Compiler::join, "cpu"},
      Verb{"repeat", &Compiler::repeat, {}, true},
      Verb{"host", &Compiler::host, "verb"},
      Verb{"scenario", &Compiler::scenario},
      Verb{"check", &Compiler::check, "that"},
      Verb{"assume", &Compiler::assume},
      of_device("bring-up", &Compiler::bring_up),
      of_device("find", &Compiler::find),
      of_device("reset", &Compiler::reset, "within"),
      of_device("status", &Compiler::status),
      of_device("register", &Compiler::device_register),
      of_device("region", &Compiler::region),
      of_device("config", &Compiler::config),
      of_device("features", &Compiler::features),
      of_device("capability", &Compiler::capability),
      of_device("chain", &Compiler::chain),
      of_device("submit", &Compiler::submit),
      of_device("descriptors", &Compiler::descriptors),
      of_device("indirect", &Compiler::indirect),
      of_device("avail", &Compiler::avail),
      of_device("notify", &Compiler::notify, "queue"),
      of_device("used", &Compiler::used),
      of_device("good-request", &Compiler::good_request, "within"),
      of_device("interrupts", &Compiler::interrupts_of, "of"),
      of_device("suppress", &Compiler::suppress),
      of_device("wanted", &Compiler::wanted, "queue"),
      of_device("queue-setup", &Compiler::queue_setup),
      of_device("queue-reset", &Compiler::queue_reset, "queue"),
      of_device("no-outside-write", &Compiler::no_outside_write),
  };
  return table;
}

Compiler::Compiler(const spec::Specs& specs, const spec::Interface& an_interface,
                   const spec::Clause& clause, const spec::Case& a_case,
                   const spec::Binding& binding)
    : specs_(specs),
      interface_(an_interface),
      clause_(clause),
      case_(a_case),
      binding_(binding),
      known_(result_.symbols, result_.window) {}

CompiledCase Compiler::run() {
  result_.id = spec::instance_id(clause_, case_, binding_);
  result_.clause = &clause_;
  result_.source = &case_;
  result_.configuration = configuration_of(specs_, case_, binding_);
  for (const auto& [name, value] : interface_.constants)
    result_.symbols[name] = Symbol{Symbol::Kind::kConstant, value, {}};
  for (const auto& [name, value] : binding_.values)
    define(name, Symbol{Symbol::Kind::kParameter, value, {}}, case_.mark);
  if (case_.on_device) {
    driver_.emplace(binding_);
    const auto queue = virtio::good_request(driver_->device_word()).queue;
    define(std::string(spec::kRequestQueue), Symbol{Symbol::Kind::kAddress, queue, {}}, case_.mark);
  }
  if (case_.steps.empty()) fail(case_.mark, "a case without steps checks nothing");
  steps(case_.steps, Scope{});
  if (builder_.ops().size() > protocol::kMaxOps)
    fail(case_.mark, "the case compiles to {} ops, a program holds {}", builder_.ops().size(),
         protocol::kMaxOps);
  end_without_what_is_needed();
  const std::uint64_t seed = protocol::checksum(result_.id.data(), result_.id.size());
  result_.program =
      builder_.finish(result_.configuration.cpus, seed, arena_ - protocol::kArenaAddress);
  result_.ops = builder_.ops();
  return std::move(result_);
}

// A wait fails the case unless the spec says what becomes of it, and so do interrupts that cannot
// be had: what would come after is neither looked at nor waited for.
void Compiler::end_without_what_is_needed() {
  for (const StepPlan& each : result_.plans) {
    if (!each.op) continue;
    const auto code = builder_.ops()[*each.op].code;
    const bool left_open = std::ranges::any_of(each.expectations, [](const Expectation& expected) {
      return expected.kind == Expectation::Kind::kField && expected.field == "reached";
    });
    if ((waits(code) && !left_open) || code == protocol::OpCode::kVirtioInterrupts)
      builder_.end_without(*each.op);
  }
}

void Compiler::steps(std::span<const spec::Step> list, const Scope& scope) {
  for (const spec::Step& each : list) step(each, scope);
}

void Compiler::step(const spec::Step& step, const Scope& scope) {
  const auto found = std::ranges::find(verbs(), step.verb, &Verb::name);
  if (found == verbs().end()) fail(step.mark, "no step is called `{}`", step.verb);
  if (!found->has_block && !step.block.empty()) fail(step.mark, "`{}` has no `do:`", step.verb);
  if (scope.context.handler && !may_stand_in_handler(step.verb))
    fail(step.mark, "`{}` cannot stand in a handler", step.verb);
  if (found->of_device) only_once(step, scope);
  Arguments arguments(step.arguments, step.mark, step.verb, found->sole);
  if (found->has_block) arguments.find("do");
  Site site{step, arguments, scope};
  (this->*found->compile)(site);
  arguments.finish();
}

// What a step does to a ring is known when it is compiled: it happens once, in the order of the
// text.
void Compiler::only_once(const spec::Step& step, const Scope& scope) const {
  if (!driver_) fail(step.mark, "`{}` needs a device: the case has no `on:`", step.verb);
  if (scope.context.on || scope.context.handler)
    fail(step.mark, "`{}` stands in the program itself", step.verb);
  constexpr std::array<std::string_view, 6> kRepeatable = {"status", "register", "region",
                                                           "config", "features", "notify"};
  if (scope.context.repeated && std::ranges::find(kRepeatable, step.verb) == kRepeatable.end())
    fail(step.mark, "`{}` cannot be repeated: its place in the ring is known when it is compiled",
         step.verb);
}

std::size_t Compiler::plan(Site& site) {
  StepPlan plan;
  plan.step = &site.step;
  plan.context = site.scope.context;
  plan.parent = site.scope.parent;
  result_.plans.push_back(std::move(plan));
  return result_.plans.size() - 1;
}

std::size_t Compiler::emit(Site& site, const Op& op) {
  const std::size_t index = plan(site);
  result_.plans[index].op = builder_.add(op);
  result_.plan_of_op.push_back(index);
  if (builder_.ops().size() > protocol::kMaxOps)
    fail(site.step.mark, "a program holds at most {} ops", protocol::kMaxOps);
  return index;
}

void Compiler::emit_block(Site& site, const Op& op, Context context) {
  if (site.scope.depth >= protocol::kMaxNesting)
    fail(site.step.mark, "blocks nest at most {} deep", protocol::kMaxNesting);
  const std::size_t index = emit(site, op);
  finish_plan(index, site);
  steps(site.step.block, Scope{context, index, site.scope.depth + 1});
  builder_.close_block(*result_.plans[index].op);
}

// `as` and `expect`, once the ops are known.
void Compiler::finish_plans(const std::vector<std::size_t>& indexes, Site& site) {
  StepPlan& first = result_.plans[indexes.front()];
  first.others.assign(indexes.begin() + 1, indexes.end());
  define_observed(site, indexes.front());
  if (!site.step.expect) return;
  for (Expectation& each : take(parse_expectations(*site.step.expect))) {
    // A fault is that of the last op, which is what the step is about.
    std::size_t at = indexes.back();
    if (each.kind == Expectation::Kind::kField) {
      const StepPlan* found = holder(result_.plans, builder_.ops(), first, each.field);
      at = found == nullptr ? indexes.front()
                            : static_cast<std::size_t>(found - result_.plans.data());
    }
    check_expectation(result_.plans[at], each);
    result_.plans[at].expectations.push_back(std::move(each));
  }
}

std::vector<std::string> Compiler::fields_of_step(const StepPlan& plan) const {
  std::vector<std::string> names = field_names(plan, builder_.ops()[*plan.op]);
  for (const std::size_t each : plan.others) {
    const StepPlan& other = result_.plans[each];
    std::ranges::move(field_names(other, builder_.ops()[*other.op]), std::back_inserter(names));
  }
  return names;
}

void Compiler::check_expectation(const StepPlan& plan, const Expectation& expectation) {
  const std::string& verb = plan.step->verb;
  if (!plan.op) fail(expectation.mark, "`{}` observes nothing", verb);
  const Op& op = builder_.ops()[*plan.op];
  if (expectation.kind == Expectation::Kind::kFault) {
    if (!has_field(plan, op, "fault")) fail(expectation.mark, "`{}` cannot fault", verb);
    return;
  }
  if (expectation.kind != Expectation::Kind::kField) {
    if (!is_instruction(op.code)) fail(expectation.mark, "`{}` observes no registers", verb);
    return;
  }
  if (!has_field(plan, op, expectation.field))
    fail(expectation.mark, "`{}` does not observe `{}` (it observes: {})", verb, expectation.field,
         fmt::join(fields_of_step(plan), ", "));
  const bool is_list = expectation.field == "per-cpu" || expectation.field == "order" ||
                       expectation.field == "bytes";
  if (!is_list && expectation.allowed.kind == Allowed::Kind::kList)
    fail(expectation.mark, "`{}` is one number, not a list", expectation.field);
  std::vector<const spec::Expression*> expressions;
  collect_expressions(expectation.allowed, expressions);
  for (const spec::Expression* each : expressions) check_names(*each);
}

// Every name stands for something, and what can be evaluated already can be without an error.
void Compiler::check_names(const spec::Expression& expression) {
  bool known = true;
  for (const spec::Use& use : expression.uses()) {
    if (use.is_function) continue;
    const auto [base, field] = split_name(result_.symbols, use.name);
    const auto found = result_.symbols.find(base);
    if (found == result_.symbols.end()) fail(use.mark, "unknown name {}", spec::quote(use.name));
    used_names_.insert(found->first);
    if (found->second.kind != Symbol::Kind::kObserved) continue;
    known = false;
    const StepPlan& plan = result_.plans[found->second.plans.back()];
    const Op& op = builder_.ops()[*plan.op];
    if (field.empty() && primary_field(plan, op).empty())
      fail(use.mark, "`{}` is of a `{}`, which observes several values (`{}.{}`)", base,
           plan.step->verb, base, fmt::join(fields_of_step(plan), ", "));
    if (!field.empty() && holder(result_.plans, builder_.ops(), plan, field) == nullptr)
      fail(use.mark, "`{}` is of a `{}`, which does not observe `{}` (it observes: {})", base,
           plan.step->verb, field, fmt::join(fields_of_step(plan), ", "));
  }
  if (known) take(expression.evaluate(known_));
}

void Compiler::define(const std::string& name, Symbol symbol, const spec::Mark& mark) {
  if (!result_.symbols.emplace(name, std::move(symbol)).second)
    fail(mark, "`{}` already names something", name);
}

void Compiler::define_address(const Site& site, const std::string& name, std::uint64_t address,
                              const spec::Mark& mark) {
  const auto before = defined_by_.find(name);
  if (before != defined_by_.end() && before->second == &site.step) {
    result_.symbols[name].value = address;  // the next copy of `on: {cpu: others}`
    return;
  }
  define(name, Symbol{Symbol::Kind::kAddress, address, {}}, mark);
  defined_by_[name] = &site.step;
}

void Compiler::define_observed(Site& site, std::size_t index) {
  const Node* as = site.arguments.find("as");
  if (as == nullptr) return;
  const std::string& name = word_of(*as);
  const StepPlan& plan = result_.plans[index];
  if (field_names(plan, builder_.ops()[*plan.op]).empty())
    fail(as->mark, "`{}` observes nothing that `as` could name", site.step.verb);
  const auto before = defined_by_.find(name);
  if (before != defined_by_.end() && before->second == &site.step) {
    result_.symbols[name].plans.push_back(index);
  } else {
    define(name, Symbol{Symbol::Kind::kObserved, 0, {index}}, as->mark);
    defined_by_[name] = &site.step;
  }
  result_.plans[index].as = name;
  current_[name] = index;
}

}  // namespace hypervet::program
