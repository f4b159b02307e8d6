// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/console.h"

#include <algorithm>

#include "backends/devices/little_endian.h"

namespace hypervet::devices {
namespace {

using enum ConsoleEvent;

constexpr unsigned kControlIn = 2, kControlOut = 3;  // queues, 5.3.2
constexpr std::size_t kEmergencyAt = 8;              // of emerg_wr in the configuration
constexpr std::size_t kBlock = 4096;

constexpr unsigned input_queue(unsigned port) { return port == 0 ? 0 : 2 * port + 2; }
constexpr bool is_input(unsigned queue) { return queue % 2 == 0; }
constexpr unsigned port_of(unsigned queue) { return queue < 2 ? 0 : queue / 2 - 1; }

}  // namespace

Console::Console() { power_on(); }

void Console::power_on() {
  ports_ = {};
  ports_[0].plugged = ports_[1].plugged = true;
  ports_[0].name = "hypervet.console";
  ports_[1].name = "hypervet.port";
  selected_ = 0;
  config_ = {};
  store_le<std::uint16_t>(config_, 0, 80);
  store_le<std::uint16_t>(config_, 2, 25);
  store_le<std::uint32_t>(config_, 4, kMaxPorts);
  reset();
}

void Console::reset() {
  for (Port& each : ports_) each.added = each.ready = each.guest_open = false;
  driver_ready_ = false;
  control_.clear();
}

// Emergency write works whatever the device's state is (5.3.5.1): its lower byte goes to port 0.
void Console::write_config(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  if (offset > kEmergencyAt || kEmergencyAt - offset >= bytes.size()) return;
  if (host().running() || !host().switched("console-emergency-needs-driver"))
    print(ports_[0], bytes.subspan(kEmergencyAt - offset, 1));
}

void Console::started() {
  for (unsigned queue = 0; queue < queue_count(); ++queue) notified(queue);
}

void Console::notified(unsigned queue) {
  if (!host().running() || queue >= queue_count()) return;
  if (queue >= 2 && !multiport()) return;  // these queues do not exist, 5.3.2
  if (queue == kControlIn || queue == kControlOut) {
    send_control();
    take_control();
  } else if (is_input(queue)) {
    give_input(port_of(queue));
  } else {
    take_output(port_of(queue));
  }
}

void Console::print(Port& port, std::span<const std::uint8_t> bytes) {
  port.output.insert(port.output.end(), bytes.begin(), bytes.end());
  if (port.output.size() > kKept)
    port.output.erase(port.output.begin(), port.output.end() - static_cast<std::ptrdiff_t>(kKept));
}

// What comes out of a port whose host end is closed, or that is not there, is lost.
void Console::take_output(unsigned index) {
  Port& port = ports_[index];
  Queue* queue = host().queue(input_queue(index) + 1);
  while (auto chain = queue->take()) {
    std::array<std::uint8_t, kBlock> block;
    const std::uint64_t size = chain->readable_size();
    // Only the end of what is longer than the log is kept of it.
    for (std::uint64_t at = size > kKept ? size - kKept : 0; at < size;) {
      const std::size_t part = std::min<std::uint64_t>(block.size(), size - at);
      if (queue->read(*chain, at, std::span(block).first(part)) != part)
        return host().needs_reset();
      if (port.plugged && port.host_open) print(port, std::span(block).first(part));
      at += part;
    }
    queue->give_back(*chain, 0);
  }
}

// With several ports a port gets nothing before the driver has opened it.
void Console::give_input(unsigned index) {
  Port& port = ports_[index];
  if (!port.plugged || (multiport() && !port.guest_open)) return;
  Queue* queue = host().queue(input_queue(index));
  while (host().running() && !port.input.empty()) {
    const auto chain = queue->take();
    if (!chain) return;
    const std::size_t size = std::min<std::uint64_t>(port.input.size(), chain->writable_size());
    const std::vector<std::uint8_t> bytes(port.input.begin(),
                                          port.input.begin() + static_cast<std::ptrdiff_t>(size));
    if (queue->write(*chain, 0, bytes) != size) return host().needs_reset();
    port.input.erase(port.input.begin(), port.input.begin() + static_cast<std::ptrdiff_t>(size));
    queue->give_back(*chain, static_cast<std::uint32_t>(size));
  }
}

void Console::take_control() {
  Queue* queue = host().queue(kControlOut);
  while (host().running() && control_.size() < kMaxControl) {
    const auto chain = queue->take();
    if (!chain) return;
    std::array<std::uint8_t, 8> message;
    const bool whole = chain->readable_size() >= message.size();
    if (whole && queue->read(*chain, 0, message) != message.size()) return host().needs_reset();
    queue->give_back(*chain, 0);
    if (whole)
      obey(load_le<std::uint32_t>(message), ConsoleEvent{load_le<std::uint16_t>(message, 4)},
           load_le<std::uint16_t>(message, 6));
    send_control();
  }
}

void Console::obey(std::uint32_t port, ConsoleEvent event, std::uint16_t value) {
  if (event == kDeviceReady) {
    if (value != 1 || driver_ready_) return;
    driver_ready_ = true;
    for (unsigned each = 0; each < kMaxPorts; ++each) {
      if (ports_[each].plugged)
        add_port(each);
      else if (host().switched("console-removes-unknown-port"))
        say(each, kDeviceRemove, 0);
    }
    return;
  }
  if (port >= kMaxPorts || !ports_[port].added) return;
  if (event == kPortReady && value == 1) port_ready(port);
  if (event == kPortOpen && value <= 1) {
    ports_[port].guest_open = value == 1;
    give_input(port);
  }
}

void Console::add_port(unsigned port) {
  if (ports_[port].added) return;
  ports_[port].added = true;
  const bool wrong = host().switched("console-adds-impossible-port");
  say(wrong ? kMaxPorts : port, kDeviceAdd, 0);
  if (host().switched("console-adds-port-twice")) say(port, kDeviceAdd, 0);
}

// What the driver is to know of a port that it has set up: port 0 is the console.
void Console::port_ready(unsigned index) {
  Port& port = ports_[index];
  port.ready = true;
  if (index == 0) {
    say(index, kConsolePort, 1);
    if (host().negotiated(kSize)) say_size(index);
  }
  if (!port.name.empty()) {
    const std::vector<std::uint8_t> name(port.name.begin(), port.name.end());
    say(index, kPortName, 1, name);
  }
  if (port.host_open) say(index, kPortOpen, 1);
}

void Console::say(std::uint32_t port, ConsoleEvent event, std::uint16_t value,
                  std::span<const std::uint8_t> more) {
  std::vector<std::uint8_t> message(8);
  store_le(std::span(message), 0, port);
  store_le(std::span(message), 4, static_cast<std::uint16_t>(event));
  store_le(std::span(message), 6, value);
  message.insert(message.end(), more.begin(), more.end());
  control_.push_back(std::move(message));
}

void Console::say_size(unsigned port) { say(port, kResize, 0, std::span(config_).first(4)); }

// A message that is longer than its buffer is cut off there: the text gives no other way.
void Console::send_control() {
  Queue* queue = host().queue(kControlIn);
  while (host().running() && !control_.empty()) {
    const auto chain = queue->take();
    if (!chain) return;
    const std::vector<std::uint8_t>& message = control_.front();
    const std::size_t size = std::min<std::uint64_t>(message.size(), chain->writable_size());
    if (queue->write(*chain, 0, std::span(message).first(size)) != size)
      return host().needs_reset();
    queue->give_back(*chain, static_cast<std::uint32_t>(size));
    control_.pop_front();
  }
}

}  // namespace hypervet::devices
