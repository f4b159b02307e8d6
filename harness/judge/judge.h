// SPDX-License-Identifier: Apache-2.0
// Expectations and observations -> a verdict. The one place where hypervet decides. Pure: any
// thread, no state.
#pragma once

#include <string>
#include <string_view>

#include "backends/backend.h"
#include "harness/program/compiled_case.h"
#include "harness/spec/diagnostic.h"

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

// Never kSkip: that a case cannot run is known before it is run.
Judgement judge(const program::CompiledCase& compiled, const backends::Outcome& outcome);

}  // namespace hypervet::judge
