// SPDX-License-Identifier: Apache-2.0
// Starts children that outlive the thread that asks for them: they are tied to a thread of the
// starter's own (child.h) and die when it is destroyed. Thread-safe.
#pragma once

#include <condition_variable>
#include <expected>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "backends/process/child.h"

namespace hypervet::process {

class Starter {
 public:
  Starter();
  ~Starter();
  Starter(const Starter&) = delete;
  Starter& operator=(const Starter&) = delete;

  // As Child::start().
  std::expected<Child, std::string> start(const Command& command);

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  const Command* wanted_ = nullptr;  // until it is taken
  std::optional<std::expected<Child, std::string>> started_;
  bool busy_ = false;  // a caller is being served
  bool stopped_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace hypervet::process
