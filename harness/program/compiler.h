// SPDX-License-Identifier: Apache-2.0
// One compilation of one case: walks the steps in order and emits ops. Internal to harness/program;
// compile() is the way in. Lives on one stack, throws Failure. The verbs are in steps_*.cc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/program/arguments.h"
#include "harness/program/builder.h"
#include "harness/program/compiled_case.h"
#include "harness/program/names.h"

namespace hypervet::program {

class Compiler {
 public:
  Compiler(const spec::Specs& specs, const spec::Interface& an_interface,
           const spec::Clause& clause, const spec::Case& a_case, const spec::Binding& binding);
  CompiledCase run();

 private:
  // Where the walk is.
  struct Scope {
    Context context;
    std::optional<std::size_t> parent;
    unsigned depth = 0;
  };
  // One step on its way through its verb.
  struct Site {
    const spec::Step& step;
    Arguments& arguments;
    const Scope& scope;
  };
  struct Verb {
    std::string_view name;
    void (Compiler::*compile)(Site&);
    std::string_view sole = {};  // the argument that a bare scalar stands for
    bool has_block = false;
  };
  static std::span<const Verb> verbs();

  // The walk (compiler.cc).
  void steps(const std::vector<spec::Step>& list, const Scope& scope);
  void step(const spec::Step& step, const Scope& scope);
  std::size_t plan(Site& site);                          // a step that executes nothing
  std::size_t emit(Site& site, const protocol::Op& op);  // a step with an op
  void emit_block(Site& site, const protocol::Op& op, Context context);
  void finish_plan(std::size_t index, Site& site);
  void check_expectation(const StepPlan& plan, const Expectation& expectation);
  void check_names(const spec::Expression& expression);
  void define(const std::string& name, Symbol symbol, const spec::Mark& mark);
  void define_address(const Site& site, const std::string& name, std::uint64_t address,
                      const spec::Mark& mark);
  void define_observed(Site& site, std::size_t index);

  // Reading of arguments (compiler.cc).
  std::uint64_t number(const spec::Node& node);
  std::uint64_t number(const spec::Node& node, std::uint64_t low, std::uint64_t high,
                       std::string_view what);
  std::uint64_t number_or(Site& site, std::string_view key, std::uint64_t otherwise);
  protocol::Operand operand(const spec::Node& node);
  protocol::Operand operand(Site& site, std::string_view key);
  protocol::Operand operand_or(Site& site, std::string_view key, std::uint64_t otherwise);
  std::uint8_t width(Site& site, unsigned otherwise, unsigned widest);
  unsigned vector(const spec::Node& node);
  unsigned cpu(const spec::Node& node);
  std::vector<unsigned> cpus(const Site& site, const spec::Node& node);
  std::uint8_t instruction_flags(Site& site);
  std::uint32_t slot_of(const std::string& name, const spec::Mark& mark);

  // Verbs: steps_instructions.cc.
  void cpuid(Site& site);
  void rdmsr(Site& site);
  void wrmsr(Site& site);
  void in(Site& site);
  void out(Site& site);
  void load(Site& site);
  void store(Site& site);
  void hypercall(Site& site);
  void rdtsc(Site& site);
  void alloc(Site& site);
  void read(Site& site);
  void fill(Site& site);
  void map(Site& site);
  // steps_waiting.cc.
  void halt(Site& site);
  void settle(Site& site);
  void await(Site& site);
  void await_memory(Site& site, const spec::Node& memory);
  void await_interrupts(Site& site, const spec::Node& interrupts);
  void handler(Site& site);
  void ipi(Site& site);
  void self_ipi(Site& site);
  void send_ipi(Site& site, std::optional<unsigned> to, unsigned vector, bool nmi);
  void counts(Site& site);
  void interrupt_log(Site& site);
  void apic(Site& site);
  void apic_eoi(Site& site);
  void apic_mode(Site& site);
  // steps_control.cc.
  void on(Site& site);
  void join(Site& site);
  void repeat(Site& site);
  void host(Site& site);
  void scenario(Site& site);
  void check(Site& site);
  void assume(Site& site);

  const spec::Specs& specs_;
  const spec::Interface& interface_;
  const spec::Clause& clause_;
  const spec::Case& case_;
  const spec::Binding& binding_;
  CompiledCase result_;
  Builder builder_;
  KnownNames known_;
  std::map<std::string, const spec::Step*, std::less<>> defined_by_;
  // The step that a name means in the copy of an `on: {cpu: others}` that is being compiled, else
  // the last one.
  std::map<std::string, std::size_t, std::less<>> current_;
  std::uint64_t arena_ = protocol::kArenaAddress;
};

}  // namespace hypervet::program
