// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/device_thread.h"

#include <chrono>

namespace hypervet::kvm {
namespace {

using Clock = std::chrono::steady_clock;

// Work that is due within this many nanoseconds is work that was asked for, not a timer's.
constexpr std::uint64_t kSoon = 100'000;
// For a device that never runs out of work.
constexpr std::chrono::milliseconds kPatience{200};

}  // namespace

DeviceThread::DeviceThread(const devices::Settings& settings, Vm& vm, UserIrqchip* irqchip,
                           machine::GuestMemory& memory)
    : vm_(vm),
      irqchip_(irqchip),
      gsi_(devices::slot_gsi(settings)),
      slot_(settings, *this, memory, interposer_) {
  slot_.attach(bus_);
  slot_.power_on();
}

void DeviceThread::start() {
  if (!slot_.occupied()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

void DeviceThread::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void DeviceThread::loop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (!wanted_) {
      wake_.wait(lock, stop, [this] { return wanted_.has_value(); });
      continue;
    }
    const std::uint64_t due = *wanted_;
    if (now() < due) {
      const Clock::time_point then{std::chrono::nanoseconds(due)};
      wake_.wait_until(lock, stop, then, [&] { return wanted_ != due; });
      continue;
    }
    slot_.work();
    worked_.notify_all();
  }
}

// Ports and memory of a slot are fixed once it is made: whom an access belongs to needs no lock.
std::optional<std::uint64_t> DeviceThread::read_memory(std::uint64_t address, unsigned size) {
  if (!slot_.claims_memory(address)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return bus_.mmio_read(address, size);
}

bool DeviceThread::write_memory(std::uint64_t address, unsigned size, std::uint64_t value) {
  if (!slot_.claims_memory(address)) return false;
  const std::lock_guard lock(mutex_);
  bus_.mmio_write(address, size, value);
  return true;
}

std::optional<std::uint32_t> DeviceThread::port_in(std::uint16_t port, unsigned size) {
  if (!slot_.claims_port(port)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return bus_.port_in(port, size);
}

bool DeviceThread::port_out(std::uint16_t port, unsigned size, std::uint32_t value) {
  if (!slot_.claims_port(port)) return false;
  const std::lock_guard lock(mutex_);
  bus_.port_out(port, size, value);
  return true;
}

machine::HostAnswer DeviceThread::act(const machine::HostCall& call) {
  std::unique_lock lock(mutex_);
  // What the driver asked for before comes first, however late this host runs the device's thread.
  const auto caught_up = [this] { return !wanted_ || *wanted_ > now() + kSoon; };
  worked_.wait_for(lock, kPatience, caught_up);
  const devices::Slot::Answer answer = slot_.act(call.verb, call.arguments);
  return {answer.status, answer.result};
}

std::uint64_t DeviceThread::now() const {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
          .count());
}

void DeviceThread::wake_at(std::optional<std::uint64_t> when) {
  if (when == wanted_) return;
  wanted_ = when;
  wake_.notify_one();
}

void DeviceThread::set_line(bool level) {
  if (level == line_) return;
  line_ = level;
  if (irqchip_ != nullptr) return irqchip_->set_line(gsi_, level);
  (void)vm_.set_line(gsi_, level);
}

// Messages go to local APICs, which live below 4 GiB; elsewhere nobody listens.
void DeviceThread::send_msi(std::uint64_t address, std::uint32_t data) {
  if (address >> 20 != 0xfee) return;
  (void)vm_.signal({static_cast<std::uint32_t>(address), data});
}

}  // namespace hypervet::kvm
