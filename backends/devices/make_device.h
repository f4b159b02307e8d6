// SPDX-License-Identifier: Apache-2.0
// The devices by their names in the setting `device`, and what the setting `variant` makes of each.
// To add a device: a row in make_device.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backends/devices/board.h"
#include "backends/devices/device.h"
#include "backends/devices/transport.h"

namespace hypervet::devices {

// Empty, or why there is no such device or no such variant of it behind that transport.
std::optional<std::string> refuses_device(std::string_view device, std::string_view transport,
                                          std::string_view variant);
// nullptr for `none`, and for what refuses_device() refuses.
std::unique_ptr<Device> make_device(std::string_view device, std::string_view variant);
TransportOptions transport_options(std::string_view variant);

}  // namespace hypervet::devices
