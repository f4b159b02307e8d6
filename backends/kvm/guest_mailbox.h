// SPDX-License-Identifier: Apache-2.0
// The mailbox page as the host sees it while the guest may be writing: every field is
// guest-controlled, read once and bounded here. Refers to memory of at least
// protocol::kMinimumMemory bytes, which must outlive it. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/machine/guest_memory.h"
#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/mailbox.h"

namespace hypervet::kvm {

struct HostCall {
  protocol::HostVerb verb = protocol::HostVerb::kNone;
  std::array<std::uint64_t, 4> arguments{};
};

struct HostAnswer {
  protocol::HostStatus status = protocol::HostStatus::kDone;
  std::uint64_t result = 0;
};

class GuestMailbox {
 public:
  explicit GuestMailbox(machine::GuestMemory& memory);

  // Whether an agent has set it up. Another payload may use the page for anything.
  bool is_open() const;
  // Any number; only a change means something. cpu < protocol::kMaxCpus.
  std::uint64_t progress(unsigned cpu) const;
  // Index into the program, below protocol::kMaxOps.
  std::optional<std::uint32_t> current_op(unsigned cpu) const;

  HostCall host_call() const;
  void answer(const HostAnswer& answer);

  // The frames that the guest says it has written; at most kObservationsSize bytes.
  std::span<const std::byte> observations() const;
  bool overflowed() const;

 private:
  protocol::Mailbox* box_;
  const std::byte* frames_;
};

}  // namespace hypervet::kvm
