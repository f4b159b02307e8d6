// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/guest_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace hypervet::machine {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::uint8_t* map(std::uint64_t size, int protection, int flags, int fd) {
  void* at = mmap(nullptr, size, protection, flags, fd, 0);
  if (at == MAP_FAILED) fail("mapping guest memory");
  return static_cast<std::uint8_t*>(at);
}

}  // namespace

// The content at the time of snapshot(): a sealed-by-convention memfd (nobody writes it once the
// constructor is done), mapped readable for restore() and privately by every clone.
struct GuestMemory::Image {
  Image(std::uint64_t bytes, const std::uint8_t* ram, std::span<const std::uint32_t> pages)
      : size(bytes), touched(pages.begin(), pages.end()) {
    fd = memfd_create("hypervet-snapshot", MFD_CLOEXEC);
    if (fd < 0) fail("creating the snapshot image");
    try {
      if (ftruncate(fd, static_cast<off_t>(size)) != 0) fail("sizing the snapshot image");
      base = map(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    } catch (...) {
      close(fd);
      throw;
    }
    for (std::uint32_t page : pages) {
      const std::uint64_t at = std::uint64_t{page} << kPageShift;
      std::memcpy(base + at, ram + at, kPageSize);
    }
  }
  ~Image() {
    munmap(base, size);
    close(fd);
  }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  std::uint64_t size;
  int fd = -1;
  std::uint8_t* base = nullptr;
  std::vector<std::uint32_t> touched;
};

GuestMemory::GuestMemory(std::uint64_t size) : size_((size + kPageSize - 1) & ~(kPageSize - 1)) {
  if (size_ < size || size_ == 0 || (size_ >> kPageShift) > UINT32_MAX) {
    throw std::invalid_argument("guest memory size out of range");
  }
  marks_.resize(page_count());
  ram_ = map(size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

GuestMemory::GuestMemory(std::shared_ptr<const Image> image)
    : size_(image->size), touched_(image->touched), image_(std::move(image)) {
  marks_.resize(page_count());
  for (std::uint32_t page : touched_) marks_[page] = kTouched;
  ram_ = map(size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, image_->fd);
}

GuestMemory::~GuestMemory() { munmap(ram_, size_); }

bool GuestMemory::read(std::uint64_t gpa, std::span<std::uint8_t> to) const {
  if (!contains(gpa, to.size())) return false;
  if (!to.empty()) std::memcpy(to.data(), ram_ + gpa, to.size());
  return true;
}

bool GuestMemory::write(std::uint64_t gpa, std::span<const std::uint8_t> from) {
  if (!contains(gpa, from.size())) return false;
  note_write(gpa, from.size());
  if (!from.empty()) std::memcpy(ram_ + gpa, from.data(), from.size());
  return true;
}

bool GuestMemory::fill(std::uint64_t gpa, std::uint64_t length, std::uint8_t value) {
  if (!contains(gpa, length)) return false;
  note_write(gpa, length);
  std::memset(ram_ + gpa, value, length);
  return true;
}

std::span<const std::uint8_t> GuestMemory::bytes(std::uint64_t gpa, std::uint64_t length) const {
  if (!contains(gpa, length)) return {};
  return {ram_ + gpa, length};
}

std::span<std::uint8_t> GuestMemory::mutable_bytes(std::uint64_t gpa, std::uint64_t length) {
  if (!contains(gpa, length)) return {};
  note_write(gpa, length);
  return {ram_ + gpa, length};
}

void GuestMemory::note_write(std::uint64_t gpa, std::uint64_t length) {
  while (length != 0) {
    const std::uint64_t page = gpa >> kPageShift;
    const std::uint64_t part = std::min(length, kPageSize - (gpa & (kPageSize - 1)));
    mark_dirty(page);
    if ((marks_[page] & kCode) && watcher_ != nullptr) watcher_->code_written(gpa, part);
    gpa += part;
    length -= part;
  }
}

void GuestMemory::add_dirty(std::uint64_t page) {
  const auto number = static_cast<std::uint32_t>(page);
  if (!(marks_[page] & kDirty)) dirty_.push_back(number);
  if (!(marks_[page] & kTouched)) touched_.push_back(number);
  marks_[page] |= kDirty | kTouched;
  marks_[page] &= static_cast<std::uint8_t>(~kUnlogged);
}

std::vector<std::uint32_t> GuestMemory::take_log() {
  std::vector<std::uint32_t> written;
  for (std::uint32_t page = 0; page < page_count(); ++page) {
    if (logging_ && !(marks_[page] & kUnlogged)) written.push_back(page);
    marks_[page] |= kUnlogged;
  }
  logging_ = true;
  ++epoch_;
  return written;
}

bool GuestMemory::write_unlogged(std::uint64_t gpa, std::span<const std::uint8_t> from) {
  if (!contains(gpa, from.size())) return false;
  std::vector<std::uint64_t> unlogged;
  for (std::uint64_t at = gpa & ~(kPageSize - 1); at < gpa + from.size(); at += kPageSize) {
    if (marks_[at >> kPageShift] & kUnlogged) unlogged.push_back(at >> kPageShift);
  }
  write(gpa, from);
  for (const std::uint64_t page : unlogged) marks_[page] |= kUnlogged;
  if (!unlogged.empty()) ++epoch_;
  return true;
}

void GuestMemory::mark_code(std::uint64_t page) {
  if (marks_[page] & kCode) return;
  marks_[page] |= kCode;
  ++epoch_;
}

void GuestMemory::set_absent(std::uint64_t page, bool absent) {
  if (is_absent(page) == absent) return;
  marks_[page] ^= kAbsent;
  ++epoch_;
  if (absent) absent_.push_back(static_cast<std::uint32_t>(page));
}

void GuestMemory::snapshot() {
  image_ = std::make_shared<const Image>(size_, ram_, touched_);
  for (std::uint32_t page : dirty_) marks_[page] &= static_cast<std::uint8_t>(~kDirty);
  dirty_.clear();
  ++epoch_;
}

std::span<const std::uint32_t> GuestMemory::restore() {
  if (image_ == nullptr) throw std::logic_error("restore of guest memory without a snapshot");
  for (std::uint32_t page : dirty_) {
    const std::uint64_t at = std::uint64_t{page} << kPageShift;
    std::memcpy(ram_ + at, image_->base + at, kPageSize);
    if ((marks_[page] & kCode) && watcher_ != nullptr) watcher_->code_written(at, kPageSize);
    marks_[page] &= static_cast<std::uint8_t>(~kDirty);
  }
  for (std::uint32_t page : absent_) marks_[page] &= static_cast<std::uint8_t>(~kAbsent);
  absent_.clear();
  if (logging_) {
    for (std::uint8_t& marks : marks_) marks &= static_cast<std::uint8_t>(~kUnlogged);
    logging_ = false;
  }
  restored_.swap(dirty_);
  dirty_.clear();
  ++epoch_;
  return restored_;
}

std::unique_ptr<GuestMemory> GuestMemory::clone() const {
  if (image_ == nullptr) throw std::logic_error("clone of guest memory without a snapshot");
  return std::unique_ptr<GuestMemory>(new GuestMemory(image_));
}

}  // namespace hypervet::machine
