// SPDX-License-Identifier: Apache-2.0
// The verbs of steps: the one table of what each takes and observes. Lint, the JSON Schema and
// `explain` read it; the compiler of cases answers to it. Constant data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hypervet::spec {

// What stands behind a key.
enum class KeyType {
  kInput,     // expression known before the run, or what an earlier step observed, plus a constant
  kDuration,  // the same, in nanoseconds
  kInputs,    // a list of inputs, at most `most` of them
  kKnown,     // expression known before the run, from `least` to `most`
  kExpression,  // any expression over names known so far
  kWord,        // one of the words
  kWords,       // a list of the words
  kName,        // a new name
  kStructure,   // the name of a structure of the interface
  kInterrupts,  // {vector, count, cpu}
  kSteps,       // a list of steps
  kText,        // a sentence
  kArguments,   // the arguments of the host verb or scenario that the key names
  // Of virtio; the compiler looks inside.
  kBits,      // a list of feature bits
  kQueues,    // {queue: {size: entries}}
  kParts,     // a list of the parts of a chain
  kTable,     // {index: {addr, len, flags, next, id}}: descriptors as they are written
  kRegister,  // a register of protocol/virtio.h
  kRegion,    // a region of protocol/virtio.h
  kPlace,     // a field of the configuration, or an offset
  kSource,    // queue.N or config: what an interrupt is for
  kUsed,      // a chain, or a number of used ones
  kChain,     // the name of a chain
  kNothing,   // {}: the key says all
};

struct VerbKey {
  std::string_view name;
  KeyType type = KeyType::kInput;
  bool required = false;
  // kWord, kWords: the words, separated by spaces. kKnown and kInput: words taken besides an
  // expression.
  std::string_view words;
  std::uint64_t least = 0;
  std::uint64_t most = ~std::uint64_t{0};
  std::string_view what;
};

// Which blocks a verb may stand in; it may always stand in the program itself and in `repeat`.
enum class Place {
  kAnywhere,
  kNotInHandler,  // it waits, or sets up a handler
  kProgram,       // neither in a handler nor in `on`
};

struct Verb {
  std::string_view name;
  std::span<const VerbKey> keys;  // its own; keys_of() has the others that it takes
  std::string_view
      sole;  // the key that a bare value after the verb stands for; "": a map is needed
  std::string_view
      observes;  // fields, separated by spaces; a struct, host verb or scenario may add some
  std::string_view primary;  // the field that its bare name stands for; "": none
  bool input = false;        // the primary field can be an input of a later step
  bool instruction = false;  // executes one instruction: takes cpl, mode, interrupts; observes
                             // registers and faults
  bool may_fault = false;    // `fault`, `error-code`, `cr2` may be expected
  bool named = true;         // takes `as`
  Place place = Place::kAnywhere;
  std::string_view what;
};

// All verbs, in the order of the documentation.
std::span<const Verb> verbs();
const Verb* find_verb(std::string_view name);

// The verb's own keys, then those that it has as one that observes (as) or executes an instruction
// (cpl, mode, interrupts).
std::vector<const VerbKey*> keys_of(const Verb& verb);
const VerbKey* find_key(const Verb& verb, std::string_view name);

// All fields that the verb observes by itself, registers and faults of instructions included.
std::vector<std::string_view> fields_of(const Verb& verb);
// Is the field a list (per-cpu, order, bytes)?
bool is_list_field(std::string_view field);

// Forms of an expectation: words besides an expression, and keys of a map.
std::span<const std::string_view> expectation_words();  // even, odd, zero, nonzero
std::span<const std::string_view>
expectation_keys();  // at-least, at-most, mask, bit, is, not, one-of, all-of, ...

// Is it the name of a fault, perhaps with an error code: "#UD", "#GP(0)", "#PF(0x10)"? "none" is
// not.
bool is_fault(std::string_view text);

// The words of a space-separated list.
std::vector<std::string_view> split_words(std::string_view words);

}  // namespace hypervet::spec
