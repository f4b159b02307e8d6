// SPDX-License-Identifier: Apache-2.0
// The verbs that say who executes what and how often, and those that leave the program: host,
// scenario, check, assume.
#include <algorithm>
#include <iterator>

#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/scenarios.h"
#include "harness/program/compile.h"
#include "harness/program/compiler.h"
#include "harness/program/failure.h"

namespace hypervet::program {
namespace {

using protocol::Op;
using protocol::OpCode;
using spec::Node;

// The one key that names an entry of a table; `as` may stand beside it.
const std::string& sole_name(const Node& node, const spec::Step& step) {
  const std::string* found = nullptr;
  for (const auto& [key, value] : node.entries) {
    if (key == "as") continue;
    if (found != nullptr) fail(node.key_mark(key), "`{}` takes one name, and `as`", step.verb);
    found = &key;
  }
  if (found == nullptr) fail(step.mark, "`{}` needs a name", step.verb);
  return *found;
}

template <typename Table>
std::string names_of(const Table& table) {
  std::string list;
  for (const auto& entry : table) {
    if (!list.empty()) list += ", ";
    list += entry.name;
  }
  return list;
}

}  // namespace

void Compiler::on(Site& site) {
  if (site.scope.context.on)
    fail(site.step.mark, "`on` stands in the program itself, not in another `on`");
  const Node& whom = site.arguments.need("cpu");
  if (site.step.expect) fail(site.step.expect->mark, "`on` observes nothing; its steps do");
  for (const unsigned each : cpus(site, whom)) {
    if (each == 0) fail(whom.mark, "the program itself runs on CPU 0");
    Context context = site.scope.context;
    context.cpu = each;
    context.on = each;
    context.repeated = false;
    emit_block(site, make_op(OpCode::kOnCpu, {{each}}), context);
  }
}

void Compiler::join(Site& site) {
  if (site.scope.context.on) fail(site.step.mark, "`join` stands in the program itself");
  const Node& whom = site.arguments.need("cpu");
  const protocol::Operand within = operand_or(site, "within", kDefaultWithin);
  for (const unsigned each : cpus(site, whom)) {
    if (each == 0) fail(whom.mark, "the program itself runs on CPU 0");
    finish_plan(emit(site, make_op(OpCode::kJoin, {{each}, within})), site);
  }
}

void Compiler::repeat(Site& site) {
  const protocol::Operand times = {
      number(site.arguments.need("times"), 1, protocol::kMaxRepeat, "a number of times")};
  if (site.step.expect) fail(site.step.expect->mark, "`repeat` observes nothing; its steps do");
  Context context = site.scope.context;
  context.repeated = true;
  emit_block(site, make_op(OpCode::kRepeat, {times}), context);
}

void Compiler::host(Site& site) {
  const bool bare = site.step.arguments.is_scalar();
  const std::string& name =
      bare ? word_of(site.arguments.need("verb")) : sole_name(site.step.arguments, site.step);
  const auto* entry = std::ranges::find(protocol::kHostVerbs, name, &protocol::HostVerbEntry::name);
  if (entry == std::end(protocol::kHostVerbs))
    fail(site.step.mark, "no host verb is called `{}` (there are: {})", name,
         names_of(protocol::kHostVerbs));
  Op op = make_op(OpCode::kHost, {{static_cast<std::uint64_t>(entry->verb)}});
  static const Node nothing{};
  const Node& given = bare ? nothing : site.arguments.need(name);
  Arguments arguments(given, site.step.mark, name);
  for (std::size_t i = 0; i < 3 && !entry->arguments[i].empty(); ++i)
    op.operands[i + 1] = operand(arguments.need(entry->arguments[i]));
  arguments.finish();
  result_.host_verbs.insert(entry->verb);
  finish_plan(emit(site, op), site);
}

void Compiler::scenario(Site& site) {
  const std::string& name = sole_name(site.step.arguments, site.step);
  const auto* entry = std::ranges::find(protocol::kScenarios, name, &protocol::ScenarioEntry::name);
  if (entry == std::end(protocol::kScenarios))
    fail(site.step.mark, "no scenario is called `{}` (there are: {})", name,
         names_of(protocol::kScenarios));
  Op op = make_op(OpCode::kScenario, {{static_cast<std::uint64_t>(entry->id)}});
  Arguments arguments(site.arguments.need(name), site.step.mark, name);
  for (std::size_t i = 0; i < std::size(entry->arguments) && !entry->arguments[i].empty(); ++i)
    op.operands[i + 1] = operand(arguments.need(entry->arguments[i]));
  arguments.finish();
  const std::size_t index = emit(site, op);
  result_.plans[index].scenario = entry;
  finish_plan(index, site);
}

void Compiler::check(Site& site) {
  const spec::Expression that = expression_of(site.arguments.need("that"));
  check_names(that);
  if (site.step.expect) fail(site.step.expect->mark, "`check` observes nothing");
  result_.plans[plan(site)].check = that;
}

void Compiler::assume(Site& site) {
  const spec::Expression that = expression_of(site.arguments.need("that"));
  check_names(that);
  const std::string& because = word_of(site.arguments.need("because"));
  if (because.empty()) fail(site.step.mark, "`assume` needs a reason");
  if (site.step.expect) fail(site.step.expect->mark, "`assume` observes nothing");
  StepPlan& made = result_.plans[plan(site)];
  made.check = that;
  made.because = because;
}

}  // namespace hypervet::program
