// SPDX-License-Identifier: Apache-2.0
// The machine's virtio device on this engine: one of the reference devices (backends/devices), with
// a thread that does its work. vCPU threads bring it their accesses; every call of the device is
// under one lock, so it sees one thread at a time. Its interrupts go to the kernel, or to PIC and
// IOAPIC in user space.
//
// All but start() and stop() may be called by any thread at any time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "backends/devices/slot.h"
#include "backends/kvm/user_irqchip.h"
#include "backends/kvm/vm.h"
#include "backends/machine/guest_memory.h"
#include "backends/machine/host_call.h"
#include "backends/violations/interposer.h"

namespace hypervet::kvm {

class DeviceThread final : private devices::Board {
 public:
  // VM, memory and chips (null: the kernel's) must outlive it. Without a device nothing here does
  // anything.
  DeviceThread(const devices::Settings& settings, Vm& vm, UserIrqchip* irqchip,
               machine::GuestMemory& memory);
  ~DeviceThread() override { stop(); }

  // Before the vCPUs. Throws std::system_error when the host has no thread left.
  void start();
  // After the vCPUs: the device does nothing more. Twice is once.
  void stop();

  // nullopt, false: the access is not the device's.
  std::optional<std::uint64_t> read_memory(std::uint64_t address, unsigned size);
  bool write_memory(std::uint64_t address, unsigned size, std::uint64_t value);
  std::optional<std::uint32_t> port_in(std::uint16_t port, unsigned size);
  bool port_out(std::uint16_t port, unsigned size, std::uint32_t value);
  machine::HostAnswer act(const machine::HostCall& call);

 private:
  void loop(const std::stop_token& stop);

  // Board; under the lock.
  std::uint64_t now() const override;
  void wake_at(std::optional<std::uint64_t> when) override;
  void set_line(bool level) override;
  void send_msi(std::uint64_t address, std::uint32_t data) override;
  void hang() override {}  // this engine commits no violations

  Vm& vm_;
  UserIrqchip* irqchip_;
  const unsigned gsi_;
  violations::Interposer interposer_;
  machine::Bus bus_;

  std::mutex mutex_;  // of all below
  std::condition_variable_any wake_;
  std::condition_variable_any worked_;  // the thread has done what was due
  std::optional<std::uint64_t> wanted_;
  bool line_ = false;
  devices::Slot slot_;
  std::jthread thread_;
};

}  // namespace hypervet::kvm
