// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/page_swap.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

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

Result<int> catch_faults(const Fd& faults, void* at) {
  uffdio_register area{};
  area.range = {.start = reinterpret_cast<std::uintptr_t>(at), .len = machine::kPageSize};
  area.mode = UFFDIO_REGISTER_MODE_MISSING;
  return call(faults, HV_REQUEST(UFFDIO_REGISTER), &area);
}

std::unexpected<Error> undo(const Fd& faults, void* at, const char* what) {
  auto failed = failure(what);
  uffdio_range range{.start = reinterpret_cast<std::uintptr_t>(at), .len = machine::kPageSize};
  (void)call(faults, HV_REQUEST(UFFDIO_UNREGISTER), &range);
  return failed;
}

// In one step, so that no store of another vCPU is lost between saving the page and dropping it.
Result<void*> move_away(const Fd& faults, void* at) {
  if (auto done = catch_faults(faults, at); !done) return std::unexpected(done.error());
  void* const kept =
      mremap(at, machine::kPageSize, machine::kPageSize, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
  if (kept == MAP_FAILED) return undo(faults, at, "mremap");
  return kept;
}

// Where the kernel does not move it (before 5.7, or for reasons of its own): save, then drop. Saved
// before faults are caught, or this thread would wait for a page that was never touched.
Result<void*> copy_away(const Fd& faults, void* at) {
  void* const kept =
      mmap(nullptr, machine::kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (kept == MAP_FAILED) return failure("mmap");
  std::memcpy(kept, at, machine::kPageSize);
  if (auto done = catch_faults(faults, at); !done) {
    munmap(kept, machine::kPageSize);
    return std::unexpected(done.error());
  }
  if (madvise(at, machine::kPageSize, MADV_DONTNEED) != 0) {
    auto failed = undo(faults, at, "madvise");
    munmap(kept, machine::kPageSize);
    return failed;
  }
  return kept;
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
  auto kept = move_away(faults_, at);
  if (!kept) kept = copy_away(faults_, at);
  if (!kept) return std::unexpected(kept.error());
  kept_.emplace(page, *kept);
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
