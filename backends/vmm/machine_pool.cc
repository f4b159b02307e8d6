// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/machine_pool.h"

#include <algorithm>

namespace hypervet::vmm {

std::unique_ptr<BatchMachine> MachinePool::take(const std::string& key) {
  std::unique_ptr<BatchMachine> machine;
  {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::ranges::find(machines_, key, [](const auto& each) { return each.first; });
    if (found == machines_.end()) return nullptr;
    machine = std::move(found->second);
    machines_.erase(found);
  }
  machine->wake();
  return machine;
}

void MachinePool::put(const std::string& key, std::unique_ptr<BatchMachine> machine) {
  machine->rest();
  std::unique_ptr<BatchMachine> oldest;  // ends outside the lock
  const std::lock_guard lock(mutex_);
  machines_.emplace_front(key, std::move(machine));
  if (machines_.size() <= kMost) return;
  oldest = std::move(machines_.back().second);
  machines_.pop_back();
}

}  // namespace hypervet::vmm
