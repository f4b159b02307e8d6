// SPDX-License-Identifier: Apache-2.0
// The host's end of the console's ports.
#include <algorithm>

#include "backends/devices/console.h"
#include "backends/devices/little_endian.h"

namespace hypervet::devices {

bool Console::has_verb(std::string_view name) const { return name.starts_with("console-"); }

Device::Answer Console::act(std::string_view name, std::span<const std::uint64_t> arguments) {
  const auto argument = [&](std::size_t i) { return i < arguments.size() ? arguments[i] : 0; };
  if (name == "console-input") return input(argument(0), argument(1));
  if (name == "console-output") return output(argument(0), argument(1));
  if (name == "console-resize") return resize(argument(0), argument(1));
  if (name == "console-plug-port") return plug(argument(0), argument(1));
  if (name == "console-open-port") return open(argument(0));
  if (name == "console-select-port" && argument(0) < kMaxPorts) {
    selected_ = static_cast<unsigned>(argument(0));
    return {.done = true};
  }
  return {};
}

Device::Answer Console::input(std::uint64_t address, std::uint64_t size) {
  Port& port = ports_[selected_];
  if (size > kKept - std::min(kKept, port.input.size())) return {};
  std::vector<std::uint8_t> bytes(size);
  if (!host().read_memory(address, bytes)) return {};
  port.input.insert(port.input.end(), bytes.begin(), bytes.end());
  if (host().running()) give_input(selected_);
  return {.done = true, .result = size};
}

Device::Answer Console::output(std::uint64_t address, std::uint64_t size) {
  Port& port = ports_[selected_];
  const std::size_t count = std::min<std::uint64_t>(size, port.output.size());
  const auto end = port.output.begin() + static_cast<std::ptrdiff_t>(count);
  const std::vector<std::uint8_t> bytes(port.output.begin(), end);
  if (!host().write_memory(address, bytes)) return {};
  port.output.erase(port.output.begin(), end);
  return {.done = true, .result = count};
}

// The size is port 0's (5.3.6).
Device::Answer Console::resize(std::uint64_t columns, std::uint64_t rows) {
  if (columns > 0xffff || rows > 0xffff) return {};
  store_le(std::span(config_), 0, static_cast<std::uint16_t>(columns));
  store_le(std::span(config_), 2, static_cast<std::uint16_t>(rows));
  host().config_changed();
  if (host().running() && multiport() && host().negotiated(kSize) && ports_[0].ready &&
      control_.size() < kMaxControl) {
    say_size(0);
    send_control();
  }
  return {.done = true};
}

// A port that the driver was told of is taken away from it by DEVICE_REMOVE, no other one is.
Device::Answer Console::plug(std::uint64_t index, std::uint64_t plugged) {
  if (index >= kMaxPorts || plugged > 1 || control_.size() >= kMaxControl) return {};
  Port& port = ports_[index];
  if (port.plugged == (plugged == 1)) return {};
  port.plugged = plugged == 1;
  const auto number = static_cast<unsigned>(index);
  if (!port.plugged) {
    if (port.added) say(number, ConsoleEvent::kDeviceRemove, 0);
    port.added = port.ready = port.guest_open = false;
    port.input.clear();
  } else if (driver_ready_) {
    add_port(number);
  }
  if (host().running() && multiport()) send_control();
  return {.done = true};
}

Device::Answer Console::open(std::uint64_t open) {
  if (open > 1 || control_.size() >= kMaxControl) return {};
  Port& port = ports_[selected_];
  port.host_open = open == 1;
  if (port.ready) say(selected_, ConsoleEvent::kPortOpen, static_cast<std::uint16_t>(open));
  if (host().running() && multiport()) send_control();
  return {.done = true};
}

}  // namespace hypervet::devices
