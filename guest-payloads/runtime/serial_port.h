// SPDX-License-Identifier: Apache-2.0
// The 16550 at COM1, polled. One user at a time: the channel holds its lock.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hypervet::guest {

void start_serial_port();
void serial_write(const void* data, std::size_t size);
// Waits until the last byte has left the port: a VMM that is told to exit may drop what its FIFO
// still holds (QEMU does).
void serial_drain();
// Waits for a byte as long as it takes; the host's deadline ends a wait that nothing answers.
std::uint8_t serial_read();

}  // namespace hypervet::guest
