// SPDX-License-Identifier: Apache-2.0
// Expectations and observations -> a verdict. The one place where hypervet decides. Pure: any
// thread, no state.
#pragma once

#include <string>
#include <string_view>

#include "backends/backend.h"
#include "harness/program/compiled_case.h"
#include "harness/spec/yaml.h"

namespace hypervet::judge {

enum class Verdict { kPass, kFail, kHang, kCrash, kSkip, kError };
std::string_view to_string(Verdict verdict);  // "pass", ...

struct Judgement {
  Verdict verdict = Verdict::kError;
  std::string reason;    // one line; of several failures the first. Empty: pass
  std::string expected;  // "rax = -1000 (-KVM_ENOSYS)"
  std::string observed;  // "rax = 0"
  std::string detail;    // lines: every failure, the op it is of; for hang and crash registers and
                         // instruction bytes
  spec::Mark mark;       // of the expectation or step that decided
};

// kSkip only by an `assume` that is false and with nothing failed before it; what a target lacks is
// known before the run. Settled here:
//  - A case passes only if something was held against what was observed; otherwise `error`.
//  - A failed expectation outweighs a missing observation (fail); a missing one alone is `error`.
//  - A host verb that the host did not carry out is `error`: nothing is said about the target.
//  - Hang and crash stay what they are when an earlier expectation had failed; the reason says so
//  too.
Judgement judge(const program::CompiledCase& compiled, const backends::Outcome& outcome);

}  // namespace hypervet::judge
