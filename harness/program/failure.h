// SPDX-License-Identifier: Apache-2.0
// How the compiler gives up: a step that cannot be compiled ends the compilation. Thrown inside
// harness/program alone and turned into an std::unexpected at its public functions.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

#include "harness/spec/yaml.h"

namespace hypervet::program {

struct Failure {
  spec::Diagnostic diagnostic;
};

template <typename... Args>
[[noreturn]] void fail(const spec::Mark& mark, fmt::format_string<Args...> format, Args&&... args) {
  throw Failure{spec::diagnose(mark, fmt::format(format, std::forward<Args>(args)...))};
}

// The value, or the diagnostic as a Failure.
template <typename T>
T take(std::expected<T, spec::Diagnostic> result) {
  if (!result) throw Failure{std::move(result.error())};
  return std::move(*result);
}

}  // namespace hypervet::program
