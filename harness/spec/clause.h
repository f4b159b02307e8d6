// SPDX-License-Identifier: Apache-2.0
// The typed form of spec files: interfaces, clauses, cases, violations. Produced by load.h;
// immutable afterwards and shared between threads. Everything keeps the mark of where it was
// written.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/spec/expression.h"
#include "harness/spec/on.h"
#include "harness/spec/yaml.h"

namespace hypervet::spec {

enum class Level { kMust, kShould, kMay };
std::string_view to_string(Level level);

struct Source {
  std::string document;
  std::string version;
};

// Where a feature is named, by `requires:` or `without:`.
struct FeatureUse {
  std::string name;
  Mark mark;
  bool withheld = false;  // by `without:`
};

// How a feature of a target is recognised. A feature holds when all of its conditions do and all it
// requires hold.
struct Feature {
  std::string name;
  std::uint32_t leaf = 0;
  // Bit form: reg (0 EAX .. 3 EDX) and bit. Signature form: registers EBX, ECX, EDX must equal
  // signature, in that order.
  unsigned reg = 0;
  unsigned bit = 0;
  std::optional<std::array<std::uint32_t, 3>> signature;
  // Of a virtio device instead: a bit of the features that it offers.
  std::optional<unsigned> virtio;
  std::vector<std::string> requires_;
  Mark mark;
};

struct StructureField {
  std::string name;
  unsigned offset = 0;
  unsigned size = 0;  // bytes
  bool is_signed = false;
};
struct Structure {
  std::string name;
  unsigned size = 0;
  std::vector<StructureField> fields;  // in the order of the file; all inside size
  Mark mark;

  const StructureField* find(std::string_view field) const;  // nullptr: no such field
};

struct Step {
  std::string verb;
  Node arguments;  // what stands after the verb; a `do:` in it is an empty list, its steps are in
                   // block
  std::optional<Node> expect;  // what stands after `expect:`
  std::vector<Step> block;     // the steps of `do:`
  Mark mark;                   // of the verb
};

// What a case wants of its machine: the interface's, the clause's and the case's `machine:`
// together; see backends/backend.h for the settings.
struct MachineRequest {
  unsigned cpus = 1;
  std::vector<std::string> without;  // feature names
  std::map<std::string, std::string> settings;
};

struct Case {
  std::string name;  // unique within the clause; "" only if it is the clause's one case
  std::vector<std::pair<std::string, std::vector<std::uint64_t>>> parameters;  // `for:`, in order
  std::vector<std::string>
      parameter_texts;  // as written, for reports: one per parameter value, flattened in order
  std::vector<Mark> parameter_marks;  // of each parameter's name
  bool on_device = false;     // `on:`: device, transport and perhaps ring are the first parameters
  bool every_device = false;  // its devices are all: those that a target cannot have do not count
  MachineRequest machine;
  std::vector<std::string>
      requires_;  // features: the interface's, the clause's and the case's together
  std::vector<Step> steps;
  Mark mark;
};

struct Violation {
  std::string name;
  Node rule;  // checked against the vocabulary by lint; bound to numbers by harness/program
  Mark mark;
};

struct Clause {
  std::string id;
  Level level = Level::kMust;
  std::string section;
  std::string text;
  std::string untestable;  // reason; empty: testable
  bool hostile = false;    // its cases break the rules of the interface on purpose
  std::vector<Case> cases;
  std::vector<Violation> violations;
  Mark mark;
};

// What a `path:` or an inline `contrast:` times: one of the loops of
// guest-payloads/protocol/paths.h.
struct Measure {
  std::string loop;
  Node arguments;  // what stands after the loop's name
  Mark mark;       // of the loop's name
};

// A hot path. `conditions` holds its machine, matrix and requirements as a case has them, and no
// steps; a parameter called `cpus` is the number of the machine's CPUs.
struct Path {
  std::string id;
  std::string what;                    // one line: what one operation is
  std::string unit;                    // "ns"
  std::string section;                 // of the interface's source
  std::string note;                    // what a reader of its figures should know; "": nothing
  std::optional<std::uint64_t> batch;  // operations in a batch, if the path fixes it
  Case conditions;
  Measure measure;
  // The unparavirtualised way to the same end: measured on the same machine, or another path's id.
  std::optional<Measure> contrast;
  std::string contrast_id;  // "": none
  Mark contrast_mark;
  Mark mark;
};

struct Interface {
  std::string id;
  std::string title;
  Source source;
  std::map<std::string, std::uint64_t> constants;
  std::map<std::string, Mark> constant_marks;
  std::map<std::string, Structure> structures;
  std::vector<Clause> clauses;
  std::vector<Path> paths;
  std::vector<FeatureUse> feature_uses;  // everywhere in the interface, in the order of the file
  Mark mark;
};

// All files of one load.
struct Specs {
  std::vector<Interface> interfaces;
  std::map<std::string, Feature> features;
  std::uint64_t hash = 0;  // over the bytes of all files, in path order
};

// One point of a case's parameter matrix.
struct Binding {
  std::vector<std::pair<std::string, std::uint64_t>> values;
};
std::vector<Binding> bindings(
    const Case& a_case);  // row-major; one empty binding if there are no parameters

// "kvm.hypercall.unknown-number/unused number[nr=13]": what names one executable instance, in
// streams and on the command line.
std::string instance_id(const Clause& clause, const Case& a_case, const Binding& binding);
// "kvm.path.ipi-broadcast[cpus=2]".
std::string instance_id(const Path& path, const Binding& binding);

}  // namespace hypervet::spec
