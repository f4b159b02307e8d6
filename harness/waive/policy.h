// SPDX-License-Identifier: Apache-2.0
// The waivers that concern one run: those for its target, on a given day. Immutable once made; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/run/select.h"
#include "harness/waive/waiver.h"
#include "reports/stream/records.h"

namespace hypervet::waive {

class Policy {
 public:
  Policy(const std::vector<Waiver>& waivers, std::string_view target, const Day& today);

  // Marks the record: a failure that a waiver in force expects is waived; a pass where one expects
  // a failure is unexpected. Nothing else is touched: a failure of another kind stays a failure,
  // and neither skip nor error is ever waived.
  void mark(reports::Case& record) const;

  // What is wrong with the waivers themselves in a run of `instances`, a line each: lapsed ones
  // that name a case of the run and, in a run of the whole suite, globs that name none.
  std::vector<std::string> complaints(const std::vector<run::Instance>& instances,
                                      bool whole) const;

 private:
  std::vector<Waiver> in_force_;
  std::vector<Waiver> lapsed_;
};

}  // namespace hypervet::waive
