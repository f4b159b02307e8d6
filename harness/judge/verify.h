// SPDX-License-Identifier: Apache-2.0
// Holds every expectation and check of a case against the evidence. Pure, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "harness/judge/evidence.h"

namespace hypervet::judge {

// One expectation that does not hold.
struct Failure {
  std::size_t plan = 0;  // index of the step
  spec::Mark mark;
  std::string expected;
  std::string observed;
};

struct Findings {
  std::vector<Failure> failures;  // in program order
  std::vector<std::string>
      gaps;  // what should have been observed and was not, or could not be told
  std::optional<std::string> skip;  // the reason of an `assume` that is false
  spec::Mark skip_mark;
  std::size_t checked = 0;  // expectations and checks that were held against something
};

// More failures than this are counted, not kept.
inline constexpr std::size_t kMaxFailures = 100;

// `finished`: the program ended, so what did not happen is missing, unless it ended early for
// something that fails or skips the case (protocol::kOrEnd); otherwise only what did happen is
// looked at.
Findings verify(const Evidence& evidence, bool finished);

// "hypercall: expected rax = -1000 (-KVM_ENOSYS), observed rax = 0", with the CPU or handler if it
// is not the program itself.
std::string sentence(const program::CompiledCase& compiled, const Failure& failure);

}  // namespace hypervet::judge
