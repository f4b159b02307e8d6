// SPDX-License-Identifier: Apache-2.0
// What was observed, found again by op and by name. Made of guest-controlled frames: the
// constructor's error says what in them cannot belong to this program. Refers to the compiled case
// and the observations, which must outlive it. One thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/program/compiled_case.h"
#include "harness/program/observations.h"
#include "harness/spec/expression.h"

namespace hypervet::judge {

class Evidence {
 public:
  // An error: an op that the program does not have, on a CPU or in a handler where it does not
  // stand, more often than it can run, or answered in a way that is not its own.
  static std::expected<Evidence, std::string> gather(
      const program::CompiledCase& compiled, std::span<const program::Observation> observations);

  // In the order of their sequence numbers.
  const std::vector<const program::Observation*>& of(std::uint32_t op) const { return by_op_[op]; }
  // The last one not after that sequence number; if all are later the first; nullptr if there is
  // none.
  const program::Observation* at(std::uint32_t op, std::uint32_t sequence) const;
  const program::CompiledCase& compiled() const { return *compiled_; }

 private:
  explicit Evidence(const program::CompiledCase& compiled)
      : compiled_(&compiled), by_op_(compiled.ops.size()) {}

  const program::CompiledCase* compiled_;
  std::vector<std::vector<const program::Observation*>> by_op_;
};

inline constexpr std::uint32_t kAtTheEnd = 0xffff'ffff;

// Names as an expression at one moment of the run sees them: what was observed up to that sequence
// number.
class ObservedNames final : public spec::Environment {
 public:
  // `context`: where the expression stands; of a name in `on: {cpu: others}` the copy of the same
  // CPU is meant.
  ObservedNames(const Evidence& evidence, std::uint32_t sequence, const program::Context& context)
      : evidence_(evidence), sequence_(sequence), context_(context) {}
  std::optional<spec::Number> lookup(std::string_view name) const override;
  std::optional<spec::Number> call(std::string_view function,
                                   const std::vector<spec::Number>& arguments) const override;

  // The step that should have observed a name which has no value; nullptr: every name of it has
  // one.
  const program::StepPlan* missing(const spec::Expression& expression) const;

 private:
  const program::StepPlan* plan_of(const program::Symbol& symbol) const;

  const Evidence& evidence_;
  std::uint32_t sequence_;
  const program::Context& context_;
};

}  // namespace hypervet::judge
