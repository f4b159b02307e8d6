// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/mailbox_view.h"

#include <fmt/format.h>

#include <cstring>

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/mailbox.h"
#include "guest-payloads/protocol/program.h"

namespace hypervet::sim {

using protocol::Mailbox;

std::uint64_t MailboxView::protocol_address(std::size_t offset) {
  return protocol::kMailboxAddress + offset;
}

bool MailboxView::valid() const {
  return field<std::uint64_t>(offsetof(Mailbox, magic)) == protocol::kMailboxMagic;
}

std::uint64_t MailboxView::progress() const {
  const auto counters =
      field<std::array<std::uint64_t, protocol::kMaxCpus>>(offsetof(Mailbox, progress));
  std::uint64_t sum = 0;
  for (const std::uint64_t counter : counters) sum += counter;
  return sum;
}

std::optional<std::uint32_t> MailboxView::current_op(unsigned cpu) const {
  if (!valid() || cpu >= protocol::kMaxCpus) return std::nullopt;
  const auto op = field<std::uint32_t>(offsetof(Mailbox, current_op) + cpu * sizeof(std::uint32_t));
  if (op >= protocol::kMaxOps) return std::nullopt;
  return op;
}

machine::HostCall MailboxView::host_call() const {
  return {static_cast<protocol::HostVerb>(field<std::uint32_t>(offsetof(Mailbox, host_verb))),
          field<std::array<std::uint64_t, 4>>(offsetof(Mailbox, host_arguments))};
}

void MailboxView::answer(protocol::HostStatus status, std::uint64_t result) {
  memory_.store(protocol_address(offsetof(Mailbox, host_result)), result);
  memory_.store(protocol_address(offsetof(Mailbox, host_status)),
                static_cast<std::uint32_t>(status));
}

std::expected<MailboxView::Observations, std::string> MailboxView::observations() const {
  if (!valid()) return std::unexpected("its magic number is gone");
  const auto committed = field<std::uint64_t>(offsetof(Mailbox, committed));
  if (committed > protocol::kObservationsSize) {
    return std::unexpected(fmt::format("{} bytes of observations are said to be committed, {} fit",
                                       committed, protocol::kObservationsSize));
  }
  Observations result;
  result.overflowed = field<std::uint32_t>(offsetof(Mailbox, overflowed)) != 0;
  const auto bytes = memory_.bytes(protocol::kObservationsAddress, committed);
  result.frames.resize(bytes.size());
  if (!bytes.empty()) std::memcpy(result.frames.data(), bytes.data(), bytes.size());
  return result;
}

}  // namespace hypervet::sim
