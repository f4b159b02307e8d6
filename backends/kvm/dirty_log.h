// SPDX-License-Identifier: Apache-2.0
// The dirty log of a machine's RAM as the host verbs show it: switched on by the first reading,
// and the pages of the last reading are kept to be asked for. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>

#include "backends/kvm/memory_slot.h"
#include "backends/machine/guest_mailbox.h"

namespace hypervet::kvm {

class DirtyLog {
 public:
  // RAM from guest-physical address 0; must outlive this object.
  explicit DirtyLog(MemorySlot& ram) : ram_(ram) {}

  // Result: how many pages were written since the last reading; the first switches the log on.
  machine::HostAnswer read();
  // Result: 1 if the last reading had the page, else 0. `address` is that of a page in RAM.
  machine::HostAnswer page(std::uint64_t address);

 private:
  MemorySlot& ram_;
  std::mutex mutex_;
  PageSet pages_;
};

}  // namespace hypervet::kvm
