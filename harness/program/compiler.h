// SPDX-License-Identifier: Apache-2.0
// One compilation of one case: walks the steps in order and emits ops. Internal to harness/program;
// compile() is the way in. Lives on one stack, throws Failure. The verbs are in steps_*.cc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/program/arguments.h"
#include "harness/program/builder.h"
#include "harness/program/compiled_case.h"
#include "harness/program/names.h"
#include "harness/program/virtio/driver.h"

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
    bool of_device = false;  // needs `on:`, and is done once, by the program itself
  };
  static std::span<const Verb> verbs();

  // The walk (compiler.cc).
  void end_without_what_is_needed();
  void steps(std::span<const spec::Step> list, const Scope& scope);
  void step(const spec::Step& step, const Scope& scope);
  void only_once(const spec::Step& step, const Scope& scope) const;
  std::size_t plan(Site& site);                          // a step that executes nothing
  std::size_t emit(Site& site, const protocol::Op& op);  // a step with an op
  void emit_block(Site& site, const protocol::Op& op, Context context);
  void finish_plan(std::size_t index, Site& site) { finish_plans({index}, site); }
  // Of a step of several ops: the first has its primary field.
  void finish_plans(const std::vector<std::size_t>& indexes, Site& site);
  std::vector<std::string> fields_of_step(const StepPlan& plan) const;
  void check_expectation(const StepPlan& plan, const Expectation& expectation);
  void check_names(const spec::Expression& expression);
  void define(const std::string& name, Symbol symbol, const spec::Mark& mark);
  void define_address(const Site& site, const std::string& name, std::uint64_t address,
                      const spec::Mark& mark);
  void define_observed(Site& site, std::size_t index);

  // Reading of arguments (compiler_arguments.cc).
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
  // So many bytes of the arena, with a guard gap behind them.
  std::uint64_t allocate(std::uint64_t size, std::uint64_t align, const spec::Mark& mark);

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

  // What virtio verbs share: virtio_ops.cc.
  virtio::Driver& driver(const Site& site);
  virtio::Queue& queue(Site& site);  // the one that `queue:` says, set up
  unsigned queue_number(Site& site);
  std::size_t help(Site& site, const protocol::Op& op);  // an op whose answer is not the step's
  Implied& implied(std::size_t index);
  void demand(std::size_t index, Demand demand);
  bool expects(const Site& site, std::string_view field) const;
  void show(std::size_t index, std::vector<Shown> shown);
  void observes_nothing(const Site& site) const;
  void put(Site& site, std::uint64_t address, std::span<const std::byte> bytes);
  void make(Site& site, const std::vector<virtio::Store>& stores);
  void write_register(Site& site, protocol::VirtioRegister reg, unsigned index,
                      protocol::Operand value);
  std::size_t read_register(Site& site, protocol::VirtioRegister reg, unsigned index);
  std::size_t await_register(Site& site, protocol::VirtioRegister reg, unsigned index,
                             std::uint64_t value, std::string awaited);
  void find_first(Site& site);
  // A name of what lies in memory or is known of a ring; it may change while nothing has used it.
  void define_place(const std::string& name, std::uint64_t value, const spec::Mark& mark);
  unsigned interrupt_vector(const spec::Node& source);

  // Verbs: steps_virtio_device.cc.
  void find(Site& site);
  void reset(Site& site);
  void status(Site& site);
  void device_register(Site& site);
  void region(Site& site);
  void config(Site& site);
  const spec::Structure* config_structure(Site& site);
  void features(Site& site);
  void capability(Site& site);
  void interrupts_of(Site& site);
  // steps_virtio_bring_up.cc.
  void bring_up(Site& site);
  void queue_setup(Site& site);
  void queue_reset(Site& site);
  void end_bring_up(Site& site, std::uint64_t status);
  std::map<unsigned, unsigned> wanted_queues(Site& site);
  std::uint64_t key_number(const std::string& key, const spec::Mark& mark, std::string_view what,
                           std::uint64_t most);
  void set_vector(Site& site, protocol::VirtioRegister reg, unsigned queue, unsigned entry);
  virtio::Places room_for(Site& site, unsigned number, unsigned size);
  void set_up_interrupts(Site& site, protocol::VirtioInterrupts mode, unsigned queues);
  void set_up_queue(Site& site, unsigned number, unsigned size, bool enable);
  void define_areas(const std::string& prefix, const virtio::Places& places, unsigned size,
                    const spec::Mark& mark);
  // steps_virtio_chain.cc.
  void chain(Site& site);
  void submit(Site& site);
  void descriptors(Site& site);
  void indirect(Site& site);
  void avail(Site& site);
  virtio::Part part(Site& site, const spec::Node& node, bool writable);
  void fill_structure(const spec::Node& name, Arguments& arguments, virtio::Part& part);
  std::vector<virtio::RawDescriptor> raw_table(const spec::Node& table, bool packed,
                                               std::uint64_t most);
  // steps_virtio_used.cc.
  void notify(Site& site);
  void await_used(Site& site, const spec::Node& used);
  void await_interrupt(Site& site, const spec::Node& source);
  void used(Site& site);
  void suppress(Site& site);
  void wanted(Site& site);
  void no_outside_write(Site& site);
  void check_canaries(Site& site);
  void read_canaries(Site& site, std::uint64_t from, std::uint64_t size,
                     std::vector<Canary> canaries);
  std::size_t read_elements(Site& site, const virtio::Wait& wait);
  // steps_virtio_good_request.cc.
  void good_request(Site& site);
  static std::span<const spec::Step> until(std::span<const spec::Step> steps,
                                           std::string_view verb);

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
  std::optional<virtio::Driver> driver_;           // with `on:`
  std::set<std::string, std::less<>> used_names_;  // in expectations: their value may not change
};

}  // namespace hypervet::program
