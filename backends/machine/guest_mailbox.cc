// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/guest_mailbox.h"

#include <algorithm>
#include <atomic>

#include "guest-payloads/protocol/program.h"

namespace hypervet::machine {
namespace {

// One load; what the guest writes afterwards does not matter.
template <typename T>
T once(const T& field) {
  return std::atomic_ref(const_cast<T&>(field)).load(std::memory_order_acquire);
}

template <typename T>
void put(T& field, T value) {
  std::atomic_ref(field).store(value, std::memory_order_release);
}

}  // namespace

GuestMailbox::GuestMailbox(std::uint8_t* ram)
    : box_(reinterpret_cast<protocol::Mailbox*>(ram + protocol::kMailboxAddress)),
      frames_(reinterpret_cast<const std::byte*>(ram + protocol::kObservationsAddress)) {}

bool GuestMailbox::is_open() const { return once(box_->magic) == protocol::kMailboxMagic; }

std::uint64_t GuestMailbox::progress(unsigned cpu) const { return once(box_->progress[cpu]); }

std::optional<std::uint32_t> GuestMailbox::current_op(unsigned cpu) const {
  const std::uint32_t op = once(box_->current_op[cpu]);
  if (!is_open() || op >= protocol::kMaxOps) return std::nullopt;
  return op;
}

HostCall GuestMailbox::host_call() const {
  HostCall call{.verb = static_cast<protocol::HostVerb>(once(box_->host_verb)), .arguments = {}};
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    call.arguments[i] = once(box_->host_arguments[i]);
  }
  return call;
}

void GuestMailbox::answer(const HostAnswer& answer) {
  put(box_->host_result, answer.result);
  put(box_->host_status, static_cast<std::uint32_t>(answer.status));
}

unsigned GuestMailbox::cpus() const {
  return is_open() ? std::min(once(box_->cpus), protocol::kMaxCpus) : 0;
}

bool GuestMailbox::host_asked() const { return once(box_->host_status) == protocol::kHostAsked; }

void GuestMailbox::give_program(std::uint32_t number, std::uint32_t size) {
  put(box_->program_size, size);
  put(box_->program_given, number);
}

std::uint32_t GuestMailbox::finished_program() const { return once(box_->program_finished); }

GuestMailbox::ProgramEnding GuestMailbox::program_ending() const {
  return {.why = once(box_->program_ending), .fit = once(box_->program_fit) == 1};
}

std::span<const std::byte> GuestMailbox::observations() const {
  if (!is_open()) return {};
  return {frames_, std::min(once(box_->committed), protocol::kObservationsSize)};
}

bool GuestMailbox::overflowed() const {
  return is_open() &&
         (once(box_->overflowed) != 0 || once(box_->committed) > protocol::kObservationsSize);
}

}  // namespace hypervet::machine
