// SPDX-License-Identifier: Apache-2.0
// What one case with one binding compiles to: the bytes that the agent executes, the machine that
// they want, and what the judge needs to understand the answers. A value: immutable once compiled,
// shared freely between threads. It points into the Specs it was compiled from, which must outlive
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/program.h"
#include "guest-payloads/protocol/scenarios.h"
#include "harness/program/expectation.h"
#include "harness/program/implied.h"
#include "harness/spec/clause.h"

namespace hypervet::program {

// Where a step executes.
struct Context {
  unsigned cpu = 0;            // of the program, or of the enclosing `on`
  std::optional<unsigned> on;  // in the block of `on: {cpu: ...}`
  std::optional<unsigned>
      handler;            // in the block of `handler: {vector: ...}`; may run any number of times
  bool repeated = false;  // in the block of a `repeat`
};
std::string to_string(
    const Context& context);  // "cpu 1", "handler of vector 0x41", "" for the program itself

// A field of an op's answer under the name that specs have for it.
struct Shown {
  std::string name;
  std::string field;  // as fields.h names it
};

// One step as it was compiled; a step in `on: {cpu: others}` once per CPU, a step of several ops
// once per op.
struct StepPlan {
  const spec::Step* step = nullptr;
  Context context;
  std::optional<std::uint32_t> op;    // none: nothing is executed (alloc without fill, check)
  std::optional<std::size_t> parent;  // index of the step in whose block it stands
  std::string as;                     // name of what it observes; "": none
  std::vector<Expectation> expectations;
  std::optional<spec::Expression> check;       // of a `check` or an `assume`
  std::string because;                         // of an `assume`: the reason to skip; "" for a check
  const spec::Structure* structure = nullptr;  // of a `read`
  const protocol::ScenarioEntry* scenario = nullptr;  // of a `scenario`
  // Set: only these fields are the step's, under these names; of an op that only helps: none.
  std::optional<std::vector<Shown>> shown;
  std::vector<std::size_t> others;  // plans of the same step whose fields are its as well
  std::optional<Implied> implied;
};

// What a name in an expression stands for.
struct Symbol {
  enum class Kind { kConstant, kParameter, kAddress, kObserved };
  Kind kind = Kind::kConstant;
  std::uint64_t value = 0;  // all but kObserved
  std::vector<std::size_t>
      plans;  // kObserved: the steps that observe it (several in `on: {cpu: others}`)
};

struct CompiledCase {
  std::string id;  // spec::instance_id
  const spec::Clause* clause = nullptr;
  const spec::Case* source = nullptr;
  backends::Configuration configuration;
  std::vector<std::byte> program;       // ProgramHeader, Ops, data
  std::vector<protocol::Op> ops;        // the same ops, for disassembly
  std::vector<StepPlan> plans;          // in program order
  std::vector<std::size_t> plan_of_op;  // index into plans
  std::map<std::string, Symbol, std::less<>> symbols;
  // Window page -> physical page, as the last `map` of each page says; what phys() of such an
  // address is.
  std::map<std::uint64_t, std::uint64_t> window;
  std::set<protocol::HostVerb> host_verbs;  // that the backend must have
};

// Guest-physical address of a virtual one: the high alias and the window are resolved.
std::uint64_t physical(const std::map<std::uint64_t, std::uint64_t>& window, std::uint64_t address);

}  // namespace hypervet::program
