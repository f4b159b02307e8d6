// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/memory_slot.h"

#include <linux/kvm.h>

#include <bit>
#include <utility>

namespace hypervet::kvm {
namespace {

constexpr std::uint64_t kPage = 4096;

kvm_userspace_memory_region region_of(std::uint32_t number, const MemoryArea& area) {
  kvm_userspace_memory_region region{};
  region.slot = number;
  region.flags =
      (area.read_only ? KVM_MEM_READONLY : 0u) | (area.log_writes ? KVM_MEM_LOG_DIRTY_PAGES : 0u);
  region.guest_phys_addr = area.guest;
  region.memory_size = area.size;
  region.userspace_addr = reinterpret_cast<std::uintptr_t>(area.host);
  return region;
}

std::unexpected<Error> gone() { return std::unexpected(Error{"the memory slot is gone", ENOENT}); }

}  // namespace

std::size_t PageSet::count() const {
  std::size_t total = 0;
  for (const std::uint64_t word : words_) total += static_cast<std::size_t>(std::popcount(word));
  return total;
}

Result<MemorySlot> MemorySlot::create(const Vm& vm, std::uint32_t number, const MemoryArea& area) {
  MemorySlot slot;
  slot.vm_ = vm.fd();
  slot.number_ = number;
  slot.mutex_ = std::make_unique<std::mutex>();
  if (auto done = slot.apply(area); !done) return std::unexpected(done.error());
  return slot;
}

MemorySlot::MemorySlot(MemorySlot&& other) noexcept
    : vm_(std::move(other.vm_)),
      number_(other.number_),
      vm_is_owner_(other.vm_is_owner_),
      mutex_(std::move(other.mutex_)),
      area_(std::exchange(other.area_, std::nullopt)) {}

MemorySlot& MemorySlot::operator=(MemorySlot&& other) noexcept {
  if (this == &other) return *this;
  remove();
  vm_ = std::move(other.vm_);
  number_ = other.number_;
  vm_is_owner_ = other.vm_is_owner_;
  mutex_ = std::move(other.mutex_);
  area_ = std::exchange(other.area_, std::nullopt);
  return *this;
}

MemorySlot::~MemorySlot() { remove(); }

void MemorySlot::remove() {
  if (area_ && !vm_is_owner_) (void)apply_gone();
  area_.reset();
}

Result<int> MemorySlot::apply(const MemoryArea& area) {
  auto region = region_of(number_, area);
  auto done = call(*vm_, HV_REQUEST(KVM_SET_USER_MEMORY_REGION), &region);
  if (done) area_ = area;
  return done;
}

// A size of 0 deletes (Documentation/virt/kvm/api.rst, KVM_SET_USER_MEMORY_REGION).
Result<int> MemorySlot::apply_gone() {
  auto region = region_of(number_, *area_);
  region.memory_size = 0;
  auto done = call(*vm_, HV_REQUEST(KVM_SET_USER_MEMORY_REGION), &region);
  if (done) area_.reset();
  return done;
}

MemoryArea MemorySlot::area() const {
  const std::lock_guard lock(*mutex_);
  return area_.value_or(MemoryArea{});
}

Result<int> MemorySlot::move_to(std::uint64_t guest) {
  const std::lock_guard lock(*mutex_);
  if (!area_) return gone();
  MemoryArea area = *area_;
  area.guest = guest;
  return apply(area);
}

Result<int> MemorySlot::replace(const MemoryArea& area) {
  const std::lock_guard lock(*mutex_);
  if (area_) {
    if (auto done = apply_gone(); !done) return done;
  }
  return apply(area);
}

Result<int> MemorySlot::log_writes(bool on) {
  const std::lock_guard lock(*mutex_);
  if (!area_) return gone();
  MemoryArea area = *area_;
  area.log_writes = on;
  return apply(area);
}

Result<PageSet> MemorySlot::written() {
  const std::lock_guard lock(*mutex_);
  if (!area_) return gone();
  PageSet set(static_cast<std::size_t>(area_->size / kPage));
  kvm_dirty_log log{};
  log.slot = number_;
  log.dirty_bitmap = set.words();
  if (auto done = call(*vm_, HV_REQUEST(KVM_GET_DIRTY_LOG), &log); !done) {
    return std::unexpected(done.error());
  }
  return set;
}

Result<int> MemorySlot::forget_written(PageSet& set, std::size_t first, std::size_t count) {
  const std::lock_guard lock(*mutex_);
  if (!area_) return gone();
  if (first % 64 != 0 || first > set.pages() || count > set.pages() - first) {
    return std::unexpected(Error{"KVM_CLEAR_DIRTY_LOG: not pages of the slot", EINVAL});
  }
  kvm_clear_dirty_log log{};
  log.slot = number_;
  log.num_pages = static_cast<std::uint32_t>(count);
  log.first_page = first;
  log.dirty_bitmap = set.words() + first / 64;
  return call(*vm_, HV_REQUEST(KVM_CLEAR_DIRTY_LOG), &log);
}

}  // namespace hypervet::kvm
