// SPDX-License-Identifier: Apache-2.0
// Doors between a guest and a device that need no exit to the thread that runs the vCPU: a guest's
// write that counts in an eventfd (ioeventfd), and an eventfd that raises an interrupt (irqfd). A
// device thread waits on the one and signals the other.
//
// Each object undoes its wiring when it goes. Event is thread-safe; the others belong to whoever
// made them, their events may be used by any thread. They keep their VM's descriptor open.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "backends/kvm/ioctl.h"
#include "backends/kvm/vm.h"

namespace hypervet::kvm {

// A counter of the kernel's (eventfd), non-blocking.
class Event {
 public:
  static Result<Event> create();
  // A second descriptor of the same counter.
  Result<Event> share() const;
  // To poll(): readable while the count is not 0.
  int descriptor() const { return fd_.get(); }
  void signal() const;
  // How often it was signalled since the last call.
  std::uint64_t take() const;

 private:
  Fd fd_;
};

// Where a guest's write rings.
struct DoorbellPlace {
  enum class Space { kPort, kMemory };
  Space space = Space::kPort;
  std::uint64_t address = 0;
  // 1, 2, 4, 8 bytes (a port: at most 4): writes of that size alone ring; 0: of any size
  // (KVM_CAP_IOEVENTFD_ANY_LENGTH).
  std::uint32_t length = 4;
  std::optional<std::uint64_t> value = {};  // writes of this value alone ring; needs a length
};

// A write that rings does not exit and is otherwise lost. Writes elsewhere, of another size or
// value, and reads exit as before.
class Doorbell {
 public:
  static Result<Doorbell> create(const Vm& vm, const DoorbellPlace& place);
  // The same with an event that exists: one that raises an interrupt does so without any exit.
  static Result<Doorbell> create(const Vm& vm, const DoorbellPlace& place, Event event);
  Doorbell(Doorbell&&) = default;
  Doorbell& operator=(Doorbell&& other) noexcept;
  ~Doorbell();
  const Event& event() const { return event_; }

 private:
  Doorbell() = default;
  Result<int> wire(bool on) const;

  std::shared_ptr<const Fd> vm_;
  DoorbellPlace place_;
  Event event_;
};

// An interrupt that an eventfd raises. The GSI's route says which one: a message is sent once for
// each signal, a pin of the kernel's chips is pulsed.
class EventInterrupt {
 public:
  static Result<EventInterrupt> create(const Vm& vm, std::uint32_t gsi);
  // For a level-triggered pin of the kernel's IOAPIC or PIC (with a split irqchip KVM refuses with
  // EINVAL): a signal asserts the line; the guest's EOI deasserts it and counts in
  // end_of_interrupt(), so that the device looks whether it must assert again. Needs
  // KVM_CAP_IRQFD_RESAMPLE.
  static Result<EventInterrupt> create_level(const Vm& vm, std::uint32_t gsi);
  EventInterrupt(EventInterrupt&&) = default;
  EventInterrupt& operator=(EventInterrupt&& other) noexcept;
  ~EventInterrupt();

  void raise() const { trigger_.signal(); }
  const Event& trigger() const { return trigger_; }
  // Null unless made by create_level().
  const Event* end_of_interrupt() const { return resample_ ? &*resample_ : nullptr; }

 private:
  EventInterrupt() = default;
  static Result<EventInterrupt> create(const Vm& vm, std::uint32_t gsi, bool level);
  Result<int> wire(bool on) const;

  std::shared_ptr<const Fd> vm_;
  std::uint32_t gsi_ = 0;
  Event trigger_;
  std::optional<Event> resample_;
};

}  // namespace hypervet::kvm
