// SPDX-License-Identifier: Apache-2.0
// Compiles a case with one binding of its parameters into a program for the agent. Pure: the same
// input gives the same bytes. Everything that can be wrong with a step, an expectation or a check
// is found here, so lint compiles every instance.
//
// Settled here, for readers of specs:
//  - `apic-id(cpu)` is the CPU's number. The agent reports the APIC ids it saw; should one differ,
//  the judge says `error`.
//  - Each `alloc` is followed by a gap of kGuardGap bytes that nothing else uses, zero at the
//  start: an overrun shows there.
//  - `on: {cpu: others}` and `join: {cpu: others}` are compiled once per CPU; names in the block
//  are each copy's own.
//  - A handler's step with an `expect:` must run at least once.
#pragma once

#include <expected>

#include "harness/program/compiled_case.h"
#include "harness/spec/clause.h"
#include "harness/spec/yaml.h"

namespace hypervet::program {

inline constexpr std::uint64_t kGuardGap = 256;
inline constexpr std::uint64_t kDefaultWithin = 1'000'000'000;  // of await and join, ns

std::expected<CompiledCase, spec::Diagnostic> compile(const spec::Specs& specs,
                                                      const spec::Interface& an_interface,
                                                      const spec::Clause& clause,
                                                      const spec::Case& a_case,
                                                      const spec::Binding& binding);

// CPUID bits that `feature` stands for. A diagnostic at `mark` if there is no such feature or it is
// no single bit.
std::expected<backends::CpuidBit, spec::Diagnostic> feature_bit(const spec::Specs& specs,
                                                                std::string_view feature,
                                                                const spec::Mark& mark);

}  // namespace hypervet::program
