// SPDX-License-Identifier: Apache-2.0
#include "harness/program/compile.h"

#include "harness/program/compiler.h"
#include "harness/program/failure.h"

namespace hypervet::program {

std::expected<CompiledCase, spec::Diagnostic> compile(const spec::Specs& specs,
                                                      const spec::Interface& an_interface,
                                                      const spec::Clause& clause,
                                                      const spec::Case& a_case,
                                                      const spec::Binding& binding) {
  try {
    return Compiler(specs, an_interface, clause, a_case, binding).run();
  } catch (const Failure& failure) {
    return std::unexpected(failure.diagnostic);
  }
}

}  // namespace hypervet::program
