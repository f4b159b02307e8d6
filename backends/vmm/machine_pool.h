// SPDX-License-Identifier: Apache-2.0
// Machines that have booted and wait for a program, by their plan's key. A machine in here stands
// still. Thread-safe.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "backends/vmm/batch_machine.h"

namespace hypervet::vmm {

class MachinePool {
 public:
  // More are not kept: each is a process with some ten megabytes of its own.
  static constexpr std::size_t kMost = 64;

  // Null: there is none. The machine runs.
  std::unique_ptr<BatchMachine> take(const std::string& key);
  void put(const std::string& key, std::unique_ptr<BatchMachine> machine);

 private:
  std::mutex mutex_;
  std::list<std::pair<std::string, std::unique_ptr<BatchMachine>>> machines_;  // last used: first
};

}  // namespace hypervet::vmm
