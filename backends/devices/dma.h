// SPDX-License-Identifier: Apache-2.0
// A device's only way to guest memory: bounded by RAM, ordered as a driver on another CPU needs it,
// and past the seams at which a violation changes what is read or written.
//
// Ring fields are loaded and stored whole and in program order (sequentially consistent), so a
// device thread on the KVM engine and the guest's CPUs agree; their addresses must be aligned to
// their size. Owned by the transport; one thread at a time.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "backends/machine/guest_memory.h"
#include "backends/violations/interposer.h"

namespace hypervet::devices {

using violations::DmaField;

class Dma {
 public:
  // Calls a function after that many nanoseconds of the machine's time.
  using Later = std::function<void(std::uint64_t, std::function<void()>)>;

  // Memory and interposer must outlive this. `later` is for violations that reorder writes.
  Dma(machine::GuestMemory& memory, violations::Interposer& interposer, Later later)
      : memory_(memory), interposer_(interposer), later_(std::move(later)) {}
  Dma(const Dma&) = delete;
  Dma& operator=(const Dma&) = delete;

  bool contains(std::uint64_t address, std::uint64_t length) const {
    return memory_.contains(address, length);
  }

  // One field of a ring. nullopt, false: not RAM, or not aligned.
  template <std::unsigned_integral T>
  std::optional<T> load(DmaField field, unsigned queue, std::uint64_t address) {
    if (!reaches<T>(address)) return std::nullopt;
    const T value =
        __atomic_load_n(reinterpret_cast<const T*>(memory_.data() + address), __ATOMIC_SEQ_CST);
    return static_cast<T>(interposer_.dma_read({field, queue}, value, sizeof(T)));
  }
  template <std::unsigned_integral T>
  bool store(DmaField field, unsigned queue, std::uint64_t address, T value) {
    if (!reaches<T>(address)) return false;
    if (interposer_.watches_dma_writes()) {
      std::uint8_t bytes[sizeof(T)];
      std::memcpy(bytes, &value, sizeof(T));
      changed_write({field, queue}, address, bytes, address + sizeof(T));
      return true;
    }
    memory_.note_write(address, sizeof(T));
    __atomic_store_n(reinterpret_cast<T*>(memory_.raw() + address), value, __ATOMIC_SEQ_CST);
    return true;
  }

  // Bytes of a buffer, whole or not at all. `end` is where the device's writable segment ends.
  bool read(unsigned queue, std::uint64_t address, std::span<std::uint8_t> to);
  bool write(unsigned queue, std::uint64_t address, std::span<const std::uint8_t> from,
             std::uint64_t end);

  // Everything forgotten that waits to be written.
  void reset() { held_.clear(); }

 private:
  template <typename T>
  bool reaches(std::uint64_t address) const {
    return address % sizeof(T) == 0 && memory_.contains(address, sizeof(T));
  }
  void changed_write(const violations::DmaContext& context, std::uint64_t address,
                     std::span<const std::uint8_t> from, std::uint64_t end);
  void release_held();

  machine::GuestMemory& memory_;
  violations::Interposer& interposer_;
  Later later_;
  std::vector<violations::DmaWrite> held_;
};

}  // namespace hypervet::devices
