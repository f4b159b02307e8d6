// SPDX-License-Identifier: Apache-2.0
// The typed form of `expect:`. Parsed when a case is compiled, evaluated by the judge. Plain
// values, immutable.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/spec/expression.h"
#include "harness/spec/yaml.h"

namespace hypervet::program {

// What one observed value may be.
struct Allowed {
  enum class Kind {
    kValue,  // equals a (a list if a is one)
    kEven,
    kOdd,
    kZero,
    kNonzero,  // of a list: every element
    kRange,    // a <= value <= b, unsigned; either may be missing
    kMask,     // (value & a) == b
    kBit,      // bit a of value is b
    kNot,      // not items[0]
    kOneOf,    // one of items
    kAllOf,    // all of items
    kDiffers,  // differs from a
    kList,     // element i is items[i]; a shorter per-CPU list ends in zeros
  };
  Kind kind = Kind::kValue;
  std::optional<spec::Expression> a, b;
  std::vector<Allowed> items;
};

// "#GP(0)": vector 13 with error code 0. "#PF": vector 14, any error code.
struct FaultPattern {
  unsigned vector = 0;
  std::optional<std::uint64_t> error_code;
};

struct Expectation {
  enum class Kind {
    kField,            // the observed value `field` is as `allowed` says
    kFault,            // one of `faults`; empty: none
    kUnchangedOthers,  // every register that is not a result
    kUnchangedAll,     // every register
  };
  Kind kind = Kind::kField;
  std::string field;
  Allowed allowed;
  std::vector<FaultPattern> faults;
  bool may_not_fault = false;  // kFault: `none` is among the alternatives
  spec::Mark mark;             // of the key
};

// All entries of an `expect:`. Whether fields and names exist is the compiler's to check.
std::expected<std::vector<Expectation>, spec::Diagnostic> parse_expectations(
    const spec::Node& expect);

// Every expression in it, for the check of names.
void collect_expressions(const Allowed& allowed, std::vector<const spec::Expression*>& into);

std::string to_string(const FaultPattern& fault);  // "#GP(0)"
std::string fault_name(unsigned vector);           // "#GP", "vector 0x41"

}  // namespace hypervet::program
