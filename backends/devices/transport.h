// SPDX-License-Identifier: Apache-2.0
// What MMIO and PCI share of a virtio device: status (2.1, 3.1), features (2.2), configuration with
// its generation (2.5), queues and their registers, notifications both ways (2.3), reset
// (2.4, 2.6.1) and suspending (3.4). Every register that a driver reads or writes passes the
// register seam here.
//
// A notification is served some time later, in work(): no driver can rely on its request being done
// when the notification returns. Machines call it from one thread at a time; what the driver writes
// is guest-controlled and may come in any order.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "backends/devices/board.h"
#include "backends/devices/device.h"
#include "backends/devices/dma.h"
#include "backends/devices/queue_set.h"
#include "backends/devices/timers.h"
#include "backends/machine/guest_memory.h"
#include "backends/violations/interposer.h"
#include "guest-payloads/protocol/virtio.h"

namespace hypervet::devices {

using protocol::VirtioRegister;

// Device status, 2.1.
inline constexpr std::uint8_t kAcknowledge = 1, kDriver = 2, kDriverOk = 4, kFeaturesOk = 8,
                              kSuspend = 16, kNeedsReset = 64, kFailed = 128;
inline constexpr unsigned kSuspendFeature = 43;

// What is special of a transport beside its device.
struct TransportOptions {
  bool msix = true;                    // PCI: the function has MSI-X
  std::uint16_t queue_limit = 0x8000;  // no queue is larger
};

class Transport : public DeviceHost, private QueueOwner {
 public:
  ~Transport() override = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // As the machine was made. The board's line is low afterwards.
  virtual void power_on();
  // What is due by now. To be called when the board was asked to.
  void work();
  Device& device() { return device_; }

  // DeviceHost.
  std::uint64_t features() const override { return negotiated_; }
  bool running() const override;
  Queue* queue(unsigned index) override;
  void config_changed() override;
  void needs_reset() override;
  void after(std::uint64_t nanoseconds, std::function<void()> then) override;
  std::uint64_t now() const override { return board_.now(); }
  bool read_memory(std::uint64_t address, std::span<std::uint8_t> to) override {
    return memory_.read(address, to);
  }
  bool write_memory(std::uint64_t address, std::span<const std::uint8_t> from) override {
    return memory_.write(address, from);
  }
  bool switched(std::string_view name) override { return interposer_.switched(name); }

 protected:
  // All must outlive the transport. `extra_features` are the transport's own.
  Transport(Device& device, Board& board, machine::GuestMemory& memory,
            violations::Interposer& interposer, const TransportOptions& options,
            std::uint64_t extra_features);

  // How an interrupt reaches the driver; `how` says what a violation makes of it.
  virtual void interrupt(const violations::VirtioInterrupt& how, unsigned queue) = 0;
  // Interrupts and vectors as after a reset.
  virtual void reset_interrupts() = 0;
  // MMIO: writing 0 to QueueReady stops a queue, its registers stay.
  virtual bool disables_queues() const { return false; }
  // PCI: the function is a bus master.
  virtual bool reaches_memory() const { return true; }
  // That has changed, or something else that kept the device from running.
  void serve_all();

  // A register by its name; where it is a queue's, of the selected one.
  std::uint64_t read_register(VirtioRegister reg);
  void write_register(VirtioRegister reg, std::uint64_t value);
  // Half of a register of 64 bits.
  void write_half(VirtioRegister reg, unsigned half, std::uint32_t value);
  // For registers that belong to one transport: past the seam.
  std::uint64_t shown(VirtioRegister reg, std::uint64_t value);
  violations::RegisterWrite written(VirtioRegister reg, std::uint64_t value);

  // Feature bits from 64 on, by words of 32; no device here has any.
  std::uint32_t further_features(std::uint32_t word) {
    constexpr std::uint32_t kAlone = 1 << 2 | 1 << 4 | 1 << 6;
    return word == 2 && switched("features-above-63-alone") ? kAlone : 0;
  }

  void select_queue(std::uint16_t index) { selected_ = index; }
  std::uint16_t selected() const { return selected_; }

  // Device configuration, `offset` from its start; outside it reads give 0 and writes do nothing.
  void read_config(std::uint64_t offset, std::span<std::uint8_t> to);
  void write_config(std::uint64_t offset, std::span<const std::uint8_t> from);

  // The driver's notification of a queue.
  void notify(unsigned queue);

  Board& board() { return board_; }
  const Board& board() const { return board_; }
  QueueSet& queues() { return queues_; }
  const QueueSet& queues() const { return queues_; }
  violations::Interposer& interposer() { return interposer_; }

 private:
  class DeadQueue;

  std::uint64_t value_of(VirtioRegister reg) const;
  void store(VirtioRegister reg, std::uint64_t value);
  void write_status(std::uint8_t value);
  bool features_are_good() const;
  void reset();
  void start();
  void suspend();
  void resume();
  void reset_queue(unsigned index);
  void disable_queue(unsigned index);
  void serve();
  void tell(bool config, unsigned queue, bool wanted);
  void arm_timer() { board_.wake_at(suspended() ? std::nullopt : timers_.next()); }
  bool suspended() const { return (status_ & kSuspend) != 0; }
  violations::Phase phase() const;

  // QueueOwner.
  void queue_broken(unsigned index) override;
  void buffer_used(unsigned index, bool wanted) override { tell(false, index, wanted); }

  Device& device_;
  Board& board_;
  machine::GuestMemory& memory_;
  violations::Interposer& interposer_;
  Dma dma_;
  QueueSet queues_;
  Timers timers_;
  const std::uint64_t offered_;

  std::uint8_t status_ = 0;
  std::uint64_t driver_features_ = 0;
  std::uint64_t negotiated_ = 0;
  std::uint16_t selected_ = 0;
  std::uint32_t generation_ = 0;
  bool changed_unread_ = false;  // the configuration, since the driver last read any of it
  bool change_untold_ = false;   // it changed while suspended
  std::uint64_t notified_ = 0;   // queues to be served, one bit each
  bool serving_dead_ = false;    // a violation: the device works although it is not live
};

}  // namespace hypervet::devices
