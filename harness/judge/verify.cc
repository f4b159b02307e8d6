// SPDX-License-Identifier: Apache-2.0
#include "harness/judge/verify.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/judge/allowed.h"
#include "harness/judge/implied.h"
#include "harness/judge/registers.h"
#include "harness/judge/waits.h"
#include "harness/program/disassemble.h"
#include "harness/program/fields.h"

namespace hypervet::judge {
namespace {

using program::Expectation;
using program::Observation;
using program::StepPlan;
using protocol::Op;
using protocol::OpCode;

std::string fault_text(const protocol::ExecutedPayload& fault) {
  program::FaultPattern pattern{fault.vector, {}};
  if (fault.has_error != 0) pattern.error_code = fault.error_code;
  std::string text = to_string(pattern);
  if (fault.vector == 14) text += fmt::format(" at address {:#x}", fault.cr2);
  return text;
}

bool matches(const program::FaultPattern& pattern, const protocol::ExecutedPayload& fault) {
  if (pattern.vector != fault.vector) return false;
  if (!pattern.error_code) return true;
  return fault.has_error != 0 && fault.error_code == *pattern.error_code;
}

std::string faults_text(const Expectation& expectation) {
  std::string text;
  for (const program::FaultPattern& each : expectation.faults)
    text += (text.empty() ? "" : " or ") + to_string(each);
  if (expectation.may_not_fault) text += text.empty() ? "no fault" : " or no fault";
  return text;
}

// Did an op that the rest of the program depends on answer that it cannot?
bool ended_early(const Evidence& evidence) {
  const auto& ops = evidence.compiled().ops;
  for (std::uint32_t i = 0; i < ops.size(); ++i) {
    if ((ops[i].flags & protocol::kOrEnd) == 0) continue;
    for (const Observation* each : evidence.of(i)) {
      const auto* values = std::get_if<program::Values>(&each->payload);
      if (values != nullptr && values->front() == 0) return true;
    }
  }
  return false;
}

const Expectation* find(const StepPlan& plan, Expectation::Kind kind, std::string_view field = {}) {
  const auto found = std::ranges::find_if(plan.expectations, [&](const Expectation& each) {
    return each.kind == kind && each.field == field;
  });
  return found == plan.expectations.end() ? nullptr : &*found;
}

class Verifier {
 public:
  Verifier(const Evidence& evidence, bool finished)
      : evidence_(evidence),
        compiled_(evidence.compiled()),
        finished_(finished && !ended_early(evidence)) {}

  Findings run() {
    for (std::size_t i = 0; i < compiled_.plans.size() && !findings_.skip; ++i) {
      plan_ = &compiled_.plans[i];
      index_ = i;
      if (plan_->op) {
        step();
      } else if (plan_->check) {
        checks();
      }
    }
    return std::move(findings_);
  }

 private:
  void step() {
    op_ = &compiled_.ops[*plan_->op];
    const auto& observations = evidence_.of(*plan_->op);
    if (observations.empty()) {
      if (finished_) never_observed();
      return;
    }
    for (const Observation* each : observations) observed(*each);
  }

  // The program ended and this step told nothing.
  void never_observed() {
    const std::string what = program::describe_op(compiled_, *plan_->op);
    if (plan_->context.handler) {
      if (!plan_->expectations.empty()) handler_never_ran();
    } else if (!plan_->context.on || joined(*plan_->context.on)) {
      gap(fmt::format("the agent reported nothing of {}", what));
    } else if (!plan_->expectations.empty()) {
      gap(fmt::format("the program ended before {} was done; it needs a `join`", what));
    }
  }

  void handler_never_ran() {
    fail(plan_->step->mark,
         fmt::format("the handler of vector {:#x} runs", *plan_->context.handler), "it never ran");
  }

  // Did a later join of that CPU see its block finished?
  bool joined(unsigned cpu) const {
    for (std::size_t i = index_; i < compiled_.plans.size(); ++i) {
      const StepPlan& later = compiled_.plans[i];
      if (!later.op) continue;
      const Op& op = compiled_.ops[*later.op];
      if (op.code != OpCode::kJoin || op.operands[0].value != cpu) continue;
      for (const Observation* each : evidence_.of(*later.op)) {
        const auto reached = program::read_field(later, op, *each, "reached");
        if (reached && reached->value != 0) return true;
      }
    }
    return false;
  }

  void observed(const Observation& observation) {
    if (!fault_as_expected(observation) || is_meaningless()) return;
    const ObservedNames names(evidence_, observation.header.sequence, plan_->context);
    implied(observation);
    for (const Expectation& each : plan_->expectations) {
      switch (each.kind) {
        case Expectation::Kind::kField:
          field(each, observation, names);
          break;
        case Expectation::Kind::kUnchangedOthers:
        case Expectation::Kind::kUnchangedAll:
          unchanged(each, observation);
          break;
        case Expectation::Kind::kFault:
          break;
      }
    }
  }

  // False: what the step observed otherwise is of no account.
  bool fault_as_expected(const Observation& observation) {
    const Expectation* wanted = find(*plan_, Expectation::Kind::kFault);
    const auto* fault = observation.fault();
    if (wanted != nullptr || program::is_instruction(op_->code)) ++findings_.checked;
    if (fault != nullptr) {
      const bool fits =
          wanted != nullptr && std::ranges::any_of(wanted->faults, [&](const auto& each) {
            return matches(each, *fault);
          });
      if (!fits)
        fail(wanted == nullptr ? plan_->step->mark : wanted->mark,
             wanted == nullptr ? "no fault" : faults_text(*wanted), fault_text(*fault));
      return fits;
    }
    if (wanted == nullptr || wanted->may_not_fault) return true;
    fail(wanted->mark, faults_text(*wanted), "no fault" + result_text(observation));
    return false;
  }

  std::string result_text(const Observation& observation) const {
    const std::string_view name = program::primary_field(*plan_, *op_);
    const auto value = program::read_field(*plan_, *op_, observation, name);
    return value ? fmt::format(", {} = {}", name, text_of(*value)) : "";
  }

  // Of memory after a wait that was not reached, of a vector where interrupts come by the line.
  bool is_meaningless() const {
    if (!plan_->implied || !plan_->implied->only_if) return false;
    const auto& [index, field] = *plan_->implied->only_if;
    const StepPlan& other = compiled_.plans[index];
    const Op& op = compiled_.ops[*other.op];
    return std::ranges::none_of(evidence_.of(*other.op), [&](const Observation* each) {
      const auto value = program::read_raw(other, op, *each, field);
      return value && value->value != 0;
    });
  }

  // What holds unless the spec says otherwise: an await is reached, a host verb is carried out.
  void implied(const Observation& observation) {
    if (observation.fault() != nullptr) return;
    if (program::waits(op_->code)) {
      ++findings_.checked;
      const auto reached = program::read_raw(*plan_, *op_, observation, "reached");
      if (reached && reached->value == 0 && (op_->flags & protocol::kOrEnd) != 0)
        fail(plan_->step->mark, awaited(*plan_, *op_), not_reached(*plan_, *op_, observation));
    }
    if (op_->code == OpCode::kHost) {
      ++findings_.checked;
      const auto status = program::read_field(*plan_, *op_, observation, "status");
      if (status && status->value != 0 &&
          find(*plan_, Expectation::Kind::kField, "status") == nullptr)
        gap(fmt::format("the host did not carry out {}: {}",
                        program::describe_op(compiled_, *plan_->op), host_status(status->value)));
    }
    if (!plan_->implied) return;
    for (Unmet& each : unmet(*plan_, *op_, observation, findings_.checked)) {
      if (!each.skip) {
        fail(plan_->step->mark, std::move(each.expected), std::move(each.observed));
      } else if (findings_.failures.empty()) {
        findings_.skip = std::move(each.expected);
        findings_.skip_mark = plan_->step->mark;
      }
    }
  }

  static std::string host_status(std::uint64_t status) {
    switch (static_cast<protocol::HostStatus>(status)) {
      case protocol::HostStatus::kDone:
        return "done";
      case protocol::HostStatus::kUnknownVerb:
        return "this backend does not have the verb";
      case protocol::HostStatus::kBadArgument:
        return "an argument is not one that the verb takes";
      case protocol::HostStatus::kFailed:
        return "it tried and could not";
    }
    return fmt::format("status {}", status);
  }

  void field(const Expectation& expectation, const Observation& observation,
             const ObservedNames& names) {
    const auto value = program::read_field(*plan_, *op_, observation, expectation.field);
    if (!value) {
      // A fault that the spec allows leaves no result to look at; without one there is none of a
      // fault's.
      const bool faultless = expectation.field == "error-code" || expectation.field == "cr2";
      if (observation.fault() != nullptr && faultless) {
        fail(expectation.mark, describe(expectation.allowed, expectation.field, names), "none");
      } else if (observation.fault() == nullptr && !faultless) {
        gap(fmt::format("the agent's answer to {} lacks `{}`",
                        program::describe_op(compiled_, *plan_->op), expectation.field));
      }
      return;
    }
    if (expectation.field == "value" && is_absent(observation)) {
      ++findings_.checked;
      fail(expectation.mark, describe(expectation.allowed, expectation.field, names),
           "the device has no such register or region");
      return;
    }
    const auto answer = allows(expectation.allowed, *value, names);
    if (!answer) {
      std::vector<const spec::Expression*> expressions;
      collect_expressions(expectation.allowed, expressions);
      no_value(expressions, names, answer.error());
      return;
    }
    ++findings_.checked;
    if (!*answer)
      fail(expectation.mark, describe(expectation.allowed, expectation.field, names),
           fmt::format("{} = {}", expectation.field, text_of(*value)));
  }

  // A register or region that the device does not have has no value.
  bool is_absent(const Observation& observation) const {
    const auto there = program::read_raw(*plan_, *op_, observation, "there");
    return there && there->value == 0;
  }

  void unchanged(const Expectation& expectation, const Observation& observation) {
    const auto* executed = observation.executed();
    if (executed == nullptr) return;
    ++findings_.checked;
    const bool all = expectation.kind == Expectation::Kind::kUnchangedAll;
    const Watched what = watched(*op_, all, observation.fault() != nullptr);
    const std::string changed = changes(executed->before, executed->after, what);
    if (!changed.empty())
      fail(expectation.mark, all ? "all registers unchanged" : "all other registers unchanged",
           changed);
  }

  // A check stands behind a step: it looks at each time that step ran.
  void checks() {
    const std::vector<std::uint32_t> when = moments();
    if (when.empty() && finished_ && plan_->context.handler) handler_never_ran();
    for (const std::uint32_t sequence : when) {
      const ObservedNames names(evidence_, sequence, plan_->context);
      const auto value = plan_->check->evaluate(names);
      if (!value) {
        no_value({&*plan_->check}, names, value.error());
        return;
      }
      if (!plan_->because.empty()) {
        if (value->value != 0) continue;
        if (findings_.failures.empty()) {
          findings_.skip = plan_->because;
          findings_.skip_mark = plan_->step->mark;
        }
        return;
      }
      ++findings_.checked;
      if (value->is_list || value->value == 0)
        fail(plan_->step->mark, plan_->check->text(), plan_->check->explain(names));
    }
  }

  std::vector<std::uint32_t> moments() const {
    for (std::size_t i = index_; i-- > 0;) {
      const StepPlan& before = compiled_.plans[i];
      if (plan_->parent == i) break;
      if (!before.op || before.parent != plan_->parent) continue;
      std::vector<std::uint32_t> result;
      const bool block = compiled_.ops[*before.op].block != 0;
      for (const Observation* each : evidence_.of(*before.op))
        if (!block) result.push_back(each->header.sequence);
      // What a block leads to comes after it has begun; and a step that never ran has no moment of
      // its own.
      if (block || (result.empty() && !plan_->context.handler && !plan_->context.repeated))
        result = {kAtTheEnd};
      return result;
    }
    return {kAtTheEnd};
  }

  // An expression could not be evaluated.
  void no_value(const std::vector<const spec::Expression*>& expressions, const ObservedNames& names,
                const spec::Diagnostic& why) {
    for (const spec::Expression* each : expressions) {
      const StepPlan* missing = names.missing(*each);
      if (missing == nullptr) continue;
      if (!finished_) return;
      if (missing->context.handler && evidence_.of(*missing->op).empty()) {
        fail(plan_->step->mark,
             fmt::format("the handler of vector {:#x} runs and observes `{}`",
                         *missing->context.handler, missing->as),
             "it never ran");
      } else {
        gap(fmt::format("`{}` cannot be told: {} observed no such value", each->text(),
                        program::describe_op(compiled_, *missing->op)));
      }
      return;
    }
    gap(spec::to_string(why.mark) + ": " + why.message);
  }

  void fail(const spec::Mark& mark, std::string expected, std::string observed) {
    if (findings_.failures.size() < kMaxFailures)
      findings_.failures.push_back({index_, mark, std::move(expected), std::move(observed)});
  }
  void gap(std::string what) {
    if (findings_.gaps.size() < kMaxFailures) findings_.gaps.push_back(std::move(what));
  }

  const Evidence& evidence_;
  const program::CompiledCase& compiled_;
  bool finished_;  // and every step had its turn
  Findings findings_;
  const StepPlan* plan_ = nullptr;  // at hand
  std::size_t index_ = 0;
  const Op* op_ = nullptr;
};

}  // namespace

Findings verify(const Evidence& evidence, bool finished) {
  return Verifier(evidence, finished).run();
}

std::string sentence(const program::CompiledCase& compiled, const Failure& failure) {
  const StepPlan& plan = compiled.plans[failure.plan];
  const std::string context = to_string(plan.context);
  return fmt::format("{}{}: expected {}, observed {}", plan.step->verb,
                     context.empty() ? "" : " on " + context, failure.expected, failure.observed);
}

}  // namespace hypervet::judge
