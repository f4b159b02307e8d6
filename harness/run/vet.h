// SPDX-License-Identifier: Apache-2.0
// Proves the suite: every case passes on the clean model, and every declared violation makes a case
// of its clause not pass. What survives is a defect of the suite.
#pragma once

#include <atomic>
#include <cstddef>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "harness/run/select.h"
#include "harness/run/trial.h"

namespace hypervet::run {

// One thing that vet holds against the suite.
struct Survivor {
  enum class Kind {
    kNotClean,        // an instance does not pass on the clean model
    kViolation,       // no case of the clause fails under this violation
    kNeverCommitted,  // the same, and the model never came to the violation's seam
    kUnprovenCase,    // this case fails under none of its clause's violations
    kSpec,            // the case or the violation cannot be compiled
  };
  Kind kind = Kind::kViolation;
  std::string clause;
  std::string what;    // the violation's name, the instance's id or the case's name
  std::string reason;  // one line
  std::string where;   // file:line:column
};

struct VetResult {
  std::size_t violations = 0;  // declared by the clauses that were vetted
  std::size_t caught = 0;
  std::size_t testable = 0;  // clauses with cases
  std::size_t proven = 0;    // of them: clean, all violations caught, all cases proven
  std::size_t trials = 0;
  std::vector<Survivor> survivors;
  bool interrupted = false;
  bool proved() const { return survivors.empty() && !interrupted && violations > 0; }
};

struct VetOptions {
  unsigned jobs = 1;
  const std::atomic<bool>* interrupt = nullptr;
  std::function<void(std::size_t done, std::size_t total)>
      progress;  // on the calling thread; may be empty
};

// The session's backend must commit violations.
VetResult vet(const Session& session, const std::vector<Instance>& instances,
              const VetOptions& options);

}  // namespace hypervet::run
