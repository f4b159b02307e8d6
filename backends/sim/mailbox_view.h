// SPDX-License-Identifier: Apache-2.0
// The host's reading of the mailbox page and of what it points to. All of it is guest-controlled:
// each field is read once and bounded here, and nothing else in the simulator looks at the page.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "backends/machine/guest_memory.h"
#include "backends/machine/host_call.h"

namespace hypervet::sim {

class MailboxView {
 public:
  explicit MailboxView(machine::GuestMemory& memory) : memory_(memory) {}

  // Has an agent set up the page?
  bool valid() const;
  // Grows while the agent makes progress.
  std::uint64_t progress() const;
  // The op that a CPU is in; nullopt outside a program or where the page cannot be trusted.
  std::optional<std::uint32_t> current_op(unsigned cpu) const;
  machine::HostCall host_call() const;
  void answer(protocol::HostStatus status, std::uint64_t result);

  struct Observations {
    std::vector<std::byte> frames;
    bool overflowed = false;
  };
  // The committed frames, or why the mailbox cannot be right.
  std::expected<Observations, std::string> observations() const;

 private:
  template <typename T>
  T field(std::size_t offset) const {
    return memory_.load<T>(protocol_address(offset)).value_or(T{});
  }
  static std::uint64_t protocol_address(std::size_t offset);

  machine::GuestMemory& memory_;
};

}  // namespace hypervet::sim
