// SPDX-License-Identifier: Apache-2.0
// Is a value as an expectation allows, and how both read. Pure, any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "harness/program/expectation.h"
#include "harness/spec/expression.h"

namespace hypervet::judge {

// "-1000", "12", "0x4b564d03", "{0, 1, 1, 0}".
std::string text_of(std::uint64_t value);
std::string text_of(const spec::Number& value);

// A diagnostic: an expression of it has no value (a step that it names observed nothing).
std::expected<bool, spec::Diagnostic> allows(const program::Allowed& allowed,
                                             const spec::Number& value,
                                             const spec::Environment& names);

// "rax = -1000 (-KVM_ENOSYS)", "version even", "value at least 4 (floor), at most 9". Expressions
// without a value are shown as text.
std::string describe(const program::Allowed& allowed, const std::string& what,
                     const spec::Environment& names);

}  // namespace hypervet::judge
