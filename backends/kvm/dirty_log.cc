// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/dirty_log.h"

#include "backends/machine/guest_memory.h"

namespace hypervet::kvm {

using protocol::HostStatus;

machine::HostAnswer DirtyLog::read() {
  const std::lock_guard lock(mutex_);
  if (!ram_.area().log_writes && !ram_.log_writes(true)) return {HostStatus::kFailed, 0};
  auto written = ram_.written();
  if (!written) return {HostStatus::kFailed, 0};
  pages_ = std::move(*written);
  return {HostStatus::kDone, pages_.count()};
}

machine::HostAnswer DirtyLog::page(std::uint64_t address) {
  const std::lock_guard lock(mutex_);
  if (address % machine::kPageSize != 0 || address >= ram_.area().size) {
    return {HostStatus::kBadArgument, 0};
  }
  return {HostStatus::kDone, pages_.contains(address >> machine::kPageShift) ? 1u : 0u};
}

}  // namespace hypervet::kvm
