// SPDX-License-Identifier: Apache-2.0
// A slot of guest memory: host memory that the guest sees at an address, for as long as the object
// lives. It may change while vCPUs run: KVM takes the old slot from all of them before a call
// returns, and a vCPU that touches memory where no slot is exits with KVM_EXIT_MMIO.
//
// Thread-safe but for move and destruction. The host memory must outlive the slot. Slots keep their
// VM's descriptor open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "backends/kvm/ioctl.h"
#include "backends/kvm/vm.h"

namespace hypervet::kvm {

// Sizes and addresses are multiples of 4096.
struct MemoryArea {
  std::uint64_t guest = 0;  // guest-physical address
  std::uint64_t size = 0;   // bytes
  void* host = nullptr;
  // The guest's writes exit (KVM_EXIT_MMIO) and change nothing; needs KVM_CAP_READONLY_MEM.
  bool read_only = false;
  bool log_writes = false;  // KVM keeps a dirty log
};

// Which pages of a slot were written: bit i of word i / 64 is page i.
class PageSet {
 public:
  explicit PageSet(std::size_t pages = 0) : pages_(pages), words_((pages + 63) / 64) {}
  std::size_t pages() const { return pages_; }
  // False for a page that the slot does not have.
  bool contains(std::size_t page) const {
    return page < pages_ && (words_[page / 64] >> (page % 64) & 1) != 0;
  }
  void add(std::size_t page) { words_[page / 64] |= std::uint64_t{1} << (page % 64); }
  std::size_t count() const;
  std::uint64_t* words() { return words_.data(); }

 private:
  std::size_t pages_;
  std::vector<std::uint64_t> words_;
};

class MemorySlot {
 public:
  // `number` names the slot in its VM; whoever makes slots keeps the numbers apart.
  static Result<MemorySlot> create(const Vm& vm, std::uint32_t number, const MemoryArea& area);
  MemorySlot() = default;
  MemorySlot(MemorySlot&& other) noexcept;
  MemorySlot& operator=(MemorySlot&& other) noexcept;
  ~MemorySlot();

  // The slot then stays until the VM ends, which is cheaper than to take it away before.
  void leave_to_vm() { vm_is_owner_ = true; }

  MemoryArea area() const;
  // The same memory at another guest address. The dirty log starts anew.
  Result<int> move_to(std::uint64_t guest);
  // Anything may change; the slot is gone for a moment. After an error it may be gone for good.
  Result<int> replace(const MemoryArea& area);
  Result<int> log_writes(bool on);

  // Pages written since the last call, or since log_writes(true); the kernel forgets them. After
  // Vm::enable(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 1) it forgets only by forget_written().
  Result<PageSet> written();
  // KVM_CLEAR_DIRTY_LOG of the pages of `set` in [first, first + count): `first` is a multiple of
  // 64, so is `count` unless it reaches the slot's end.
  Result<int> forget_written(PageSet& set, std::size_t first, std::size_t count);

 private:
  Result<int> apply(const MemoryArea& area);
  Result<int> apply_gone();
  void remove();

  std::shared_ptr<const Fd> vm_;
  std::uint32_t number_ = 0;
  bool vm_is_owner_ = false;
  std::unique_ptr<std::mutex> mutex_;
  std::optional<MemoryArea> area_;  // under *mutex_; none: the slot is gone
};

}  // namespace hypervet::kvm
