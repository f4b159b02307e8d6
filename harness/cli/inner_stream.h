// SPDX-License-Identifier: Apache-2.0
// The result stream of a hypervet in a lab, taken in as bytes and handed on as this run's records.
// Main thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cli/execution.h"
#include "harness/cli/lab_translation.h"
#include "reports/stream/records.h"

namespace hypervet::cli {

class InnerStream {
 public:
  // Borrows all of them.
  InnerStream(const std::vector<run::Instance>& instances, const Translation& translation,
              bool fail_fast, const Listener& listener);

  void add(std::string_view bytes);

  bool begun() const { return begun_; }
  std::size_t judged() const { return judged_; }
  // The listener wants no more.
  bool satisfied() const { return satisfied_; }
  // The stream is not what it should be; nothing after that is taken.
  const std::optional<std::string>& flaw() const { return flaw_; }
  std::optional<std::uint64_t> wall_ns() const { return wall_ns_; }
  // A record of the case that was being judged when the lab ended, as an error.
  std::optional<reports::Case> unfinished(const std::string& reason,
                                          const std::string& detail) const;

 private:
  void line(std::string_view text);
  void take(reports::Run run);
  void take(reports::Case record);
  std::string location(const std::string& inner) const;

  const std::vector<run::Instance>& instances_;
  const Translation& translation_;
  bool fail_fast_;
  const Listener& listener_;
  std::string pending_;  // a line that is not whole yet
  reports::Run run_;
  bool begun_ = false;
  bool satisfied_ = false;
  std::size_t judged_ = 0;
  std::optional<std::string> flaw_;
  std::optional<std::uint64_t> wall_ns_;
};

}  // namespace hypervet::cli
