// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/page_swap.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hypervet::kvm {
namespace {

// Without UFFD_USER_MODE_ONLY: KVM's own faults must be caught as well, which needs a privilege
// (vm.unprivileged_userfaultfd, CAP_SYS_PTRACE) or access to /dev/userfaultfd.
Result<Fd> open_faults() {
  Fd fd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
#ifdef USERFAULTFD_IOC_NEW
  if (!fd) {
    const Fd device(open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
    if (device) fd = Fd(ioctl(device.get(), USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK));
  }
#endif
  if (!fd) return failure("userfaultfd");
  uffdio_api api{};
  api.api = UFFD_API;
  if (auto done = call(fd, HV_REQUEST(UFFDIO_API), &api); !done) {
    return std::unexpected(done.error());
  }
  return fd;
}

}  // namespace

bool PageSwap::possible() { return open_faults().has_value(); }

Result<int> PageSwap::take_out(std::uint64_t page) {
  const std::lock_guard lock(mutex_);
  if (kept_.contains(page)) return 0;
  if (!faults_) {
    auto opened = open_faults();
    if (!opened) return std::unexpected(opened.error());
    faults_ = std::move(*opened);
  }
  std::uint8_t* const at = memory_.raw() + page;
  uffdio_register area{};
  area.range = {.start = reinterpret_cast<std::uintptr_t>(at), .len = machine::kPageSize};
  area.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (auto done = call(faults_, HV_REQUEST(UFFDIO_REGISTER), &area); !done) return done;
  // Moves the page away in one step, so that no store of another vCPU is lost between saving and
  // dropping it.
  void* const kept =
      mremap(at, machine::kPageSize, machine::kPageSize, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
  if (kept == MAP_FAILED) {
    auto failed = failure("mremap");
    (void)call(faults_, HV_REQUEST(UFFDIO_UNREGISTER), &area.range);
    return failed;
  }
  kept_.emplace(page, kept);
  return 0;
}

Result<int> PageSwap::bring_in(std::uint64_t page) {
  const std::lock_guard lock(mutex_);
  const auto at = kept_.find(page);
  if (at == kept_.end()) return 0;
  auto done = bring_in_locked(page, at->second);
  if (!done) return done;
  munmap(at->second, machine::kPageSize);
  kept_.erase(at);
  return done;
}

Result<int> PageSwap::bring_in_locked(std::uint64_t page, void* kept) {
  uffdio_copy copy{};
  copy.dst = reinterpret_cast<std::uintptr_t>(memory_.raw() + page);
  copy.src = reinterpret_cast<std::uintptr_t>(kept);
  copy.len = machine::kPageSize;
  if (auto done = call(faults_, HV_REQUEST(UFFDIO_COPY), &copy); !done) return done;
  uffdio_range range{.start = copy.dst, .len = machine::kPageSize};
  return call(faults_, HV_REQUEST(UFFDIO_UNREGISTER), &range);
}

bool PageSwap::read(std::uint64_t gpa, std::span<std::uint8_t> to) {
  const std::lock_guard lock(mutex_);
  return !kept_.contains(gpa & ~(machine::kPageSize - 1)) && memory_.read(gpa, to);
}

void PageSwap::restore_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [page, kept] : kept_) {
    (void)bring_in_locked(page, kept);
    munmap(kept, machine::kPageSize);
  }
  kept_.clear();
  // Closing it lets go whoever may still wait.
  faults_ = Fd();
}

}  // namespace hypervet::kvm
