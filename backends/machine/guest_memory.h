// SPDX-License-Identifier: Apache-2.0
//
// Guest physical memory [0, size): the RAM of one machine, with what the simulator needs to take a
// snapshot, go back to it in microseconds, and notice stores to decoded code.
//
// Ownership: a GuestMemory owns its mapping; a snapshot image is immutable and shared by all
// clones. Threads: one machine, one thread; clones made from a snapshot may live in other threads.
// The KVM engine uses it as plain RAM through raw() and never takes a snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace hypervet::machine {

inline constexpr std::uint64_t kPageSize = 4096;
inline constexpr unsigned kPageShift = 12;

// Told when bytes that may hold decoded code change, whoever changed them.
class CodeWatcher {
 public:
  virtual ~CodeWatcher() = default;
  // [gpa, gpa + length) lies within one page marked with GuestMemory::mark_code().
  virtual void code_written(std::uint64_t gpa, std::size_t length) = 0;
};

class GuestMemory {
 public:
  // Maps `size` bytes of zeroes, rounded up to whole pages. Throws std::system_error.
  explicit GuestMemory(std::uint64_t size);
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  std::uint64_t size() const { return size_; }
  std::uint64_t page_count() const { return size_ >> kPageShift; }

  // Reading view of all RAM.
  const std::uint8_t* data() const { return ram_; }
  // Unchecked, untracked pointer: for KVM memory slots and for the CPU's TLB, which keeps the
  // tracking rules itself. Everybody else writes through write(), store() or mutable_bytes().
  std::uint8_t* raw() { return ram_; }

  // True if [gpa, gpa + length) is RAM; never overflows.
  bool contains(std::uint64_t gpa, std::uint64_t length) const {
    return gpa <= size_ && length <= size_ - gpa;
  }

  // Host and DMA accesses. False, nullopt or an empty span: the range is not RAM; nothing is done.
  bool read(std::uint64_t gpa, std::span<std::uint8_t> to) const;
  bool write(std::uint64_t gpa, std::span<const std::uint8_t> from);
  bool fill(std::uint64_t gpa, std::uint64_t length, std::uint8_t value);
  std::span<const std::uint8_t> bytes(std::uint64_t gpa, std::uint64_t length) const;
  // The whole range counts as written now; do not keep the span across guest execution.
  std::span<std::uint8_t> mutable_bytes(std::uint64_t gpa, std::uint64_t length);

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  std::optional<T> load(std::uint64_t gpa) const {
    if (!contains(gpa, sizeof(T))) return std::nullopt;
    T value;
    std::memcpy(&value, ram_ + gpa, sizeof(T));
    return value;
  }
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  bool store(std::uint64_t gpa, const T& value) {
    if (!contains(gpa, sizeof(T))) return false;
    note_write(gpa, sizeof(T));
    std::memcpy(ram_ + gpa, &value, sizeof(T));
    return true;
  }

  // To be called for a write that went, or is about to go, through raw(). In range only.
  void note_write(std::uint64_t gpa, std::uint64_t length);

  // --- Snapshot -------------------------------------------------------------------------------
  // Records the present content as the image that restore() returns to. Copies the pages that were
  // ever written, so its cost is the guest's footprint, not its RAM size. Throws std::system_error.
  void snapshot();
  bool has_snapshot() const { return image_ != nullptr; }
  // Puts back every page written since snapshot() (or the last restore()) and returns their page
  // numbers; the span is valid until the next call. Decoded code of other pages stays.
  // Absent marks are cleared. Throws std::logic_error without a snapshot.
  std::span<const std::uint32_t> restore();
  // A second memory with the snapshot's content: private copy-on-write pages of the same image.
  std::unique_ptr<GuestMemory> clone() const;
  // Pages written since the snapshot.
  std::span<const std::uint32_t> dirty_pages() const { return dirty_; }

  // --- Log of writes, as a host keeps it that migrates a guest -----------------------------------
  // Pages written since the last call, ascending; the first call only begins. restore() ends the
  // log.
  std::vector<std::uint32_t> take_log();
  // As write(), but the log is not told.
  bool write_unlogged(std::uint64_t gpa, std::span<const std::uint8_t> from);

  // --- Page marks, for the CPU and the machine (page numbers are gpa >> 12, in range) ----------
  bool is_dirty(std::uint64_t page) const {
    return (marks_[page] & (kDirty | kUnlogged)) == kDirty;
  }
  bool has_code(std::uint64_t page) const { return marks_[page] & kCode; }
  bool is_absent(std::uint64_t page) const { return marks_[page] & kAbsent; }
  // Any mark that forbids the CPU to keep a page in its TLB for writing.
  void mark_dirty(std::uint64_t page) {
    if (!is_dirty(page)) add_dirty(page);
  }
  void mark_code(std::uint64_t page);
  void clear_code(std::uint64_t page) { marks_[page] &= static_cast<std::uint8_t>(~kCode); }
  // The host has taken the page away (asynchronous page faults): the CPU asks
  // Platform::page_absent() before any access. Host accesses are not affected.
  void set_absent(std::uint64_t page, bool absent);
  // Changes whenever a CPU may no longer trust host pointers it has cached.
  std::uint64_t epoch() const { return epoch_; }

  // At most one; it must outlive this object or be removed with nullptr.
  void set_code_watcher(CodeWatcher* watcher) { watcher_ = watcher; }

 private:
  struct Image;
  static constexpr std::uint8_t kDirty = 1;      // written since the snapshot
  static constexpr std::uint8_t kCode = 2;       // decoded code exists
  static constexpr std::uint8_t kAbsent = 4;     // taken away by the host
  static constexpr std::uint8_t kTouched = 8;    // written ever
  static constexpr std::uint8_t kUnlogged = 16;  // not written since take_log()

  explicit GuestMemory(std::shared_ptr<const Image> image);
  void add_dirty(std::uint64_t page);

  std::uint64_t size_;
  std::uint8_t* ram_ = nullptr;
  std::vector<std::uint8_t> marks_;
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint32_t> restored_;
  bool logging_ = false;
  std::vector<std::uint32_t> absent_;  // pages that were ever marked since the last restore
  std::shared_ptr<const Image> image_;
  CodeWatcher* watcher_ = nullptr;
  std::uint64_t epoch_ = 0;
};

}  // namespace hypervet::machine
