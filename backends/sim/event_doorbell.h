// SPDX-License-Identifier: Apache-2.0
// The second doorbell of a simulated machine (setting doorbell: on): what an eventfd in the kernel
// is to a real one. Writes of 32 bits to its port and address count; to its interrupt port they
// raise an interrupt. Owned by the machine; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "backends/machine/bus.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::sim {

class EventDoorbell {
 public:
  explicit EventDoorbell(std::function<void()> interrupt)
      : interrupt_(std::move(interrupt)), port_(*this), memory_(*this) {}
  EventDoorbell(const EventDoorbell&) = delete;
  EventDoorbell& operator=(const EventDoorbell&) = delete;

  void attach(machine::Bus& bus) {
    bus.map_ports(protocol::kEventPort, kPorts, port_);
    bus.map_mmio(protocol::kEventAddress, kWidth, memory_);
  }
  std::uint64_t rings() const { return rings_; }
  void set_rings(std::uint64_t rings) { rings_ = rings; }

 private:
  static constexpr std::uint16_t kInterrupt = protocol::kEventInterruptPort - protocol::kEventPort;
  static constexpr std::uint16_t kPorts = kInterrupt + 4;
  static constexpr unsigned kWidth = 4;

  class Port final : public machine::PortDevice {
   public:
    explicit Port(EventDoorbell& bell) : bell_(bell) {}
    std::uint32_t port_in(std::uint16_t, unsigned size) override {
      return 0xffff'ffff >> (32 - size * 8);
    }
    void port_out(std::uint16_t offset, unsigned size, std::uint32_t) override {
      if (size != kWidth) return;
      if (offset == 0) ++bell_.rings_;
      if (offset == kInterrupt) bell_.interrupt_();
    }

   private:
    EventDoorbell& bell_;
  };
  class Memory final : public machine::MmioDevice {
   public:
    explicit Memory(EventDoorbell& bell) : bell_(bell) {}
    std::uint64_t mmio_read(std::uint64_t, unsigned) override { return ~std::uint64_t{0}; }
    void mmio_write(std::uint64_t, unsigned size, std::uint64_t) override {
      if (size == kWidth) ++bell_.rings_;
    }

   private:
    EventDoorbell& bell_;
  };

  std::function<void()> interrupt_;
  std::uint64_t rings_ = 0;
  Port port_;
  Memory memory_;
};

}  // namespace hypervet::sim
