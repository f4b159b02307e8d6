// SPDX-License-Identifier: Apache-2.0
// Takes pages of guest memory away and brings them back, as swapping does, through userfaultfd: an
// access to a page that is out waits in the kernel until the page is back. So nobody on the host
// may touch a page that is out, and every page must be back before the VM is torn down.
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>

#include "backends/kvm/ioctl.h"
#include "backends/machine/guest_memory.h"

namespace hypervet::kvm {

class PageSwap {
 public:
  // Whether this process may catch the faults that the kernel itself takes on guest memory.
  static bool possible();

  explicit PageSwap(machine::GuestMemory& memory) : memory_(memory) {}
  ~PageSwap() { restore_all(); }
  PageSwap(const PageSwap&) = delete;
  PageSwap& operator=(const PageSwap&) = delete;

  // `page` is the guest-physical address of a page in RAM. Taking out what is out, or in what is
  // in, does nothing.
  Result<int> take_out(std::uint64_t page);
  Result<int> bring_in(std::uint64_t page);
  // Copies guest memory, in one page, to the host. False: it is not RAM, or the page is out.
  bool read(std::uint64_t gpa, std::span<std::uint8_t> to);
  // After this nobody waits for a page any more.
  void restore_all();

 private:
  Result<int> bring_in_locked(std::uint64_t page, void* kept);

  machine::GuestMemory& memory_;
  std::mutex mutex_;
  Fd faults_;                            // opened by the first take_out()
  std::map<std::uint64_t, void*> kept_;  // pages that are out, and where their content is
};

}  // namespace hypervet::kvm
