// SPDX-License-Identifier: Apache-2.0
// The mailbox page as the host sees it while the guest may be writing: every field is
// guest-controlled, read once and bounded here. Refers to memory of at least
// protocol::kMinimumMemory bytes, which must outlive it. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/machine/host_call.h"
#include "guest-payloads/protocol/mailbox.h"

namespace hypervet::machine {

class GuestMailbox {
 public:
  // `ram`: the guest's memory from address 0 on.
  explicit GuestMailbox(std::uint8_t* ram);

  // Whether an agent has set it up. Another payload may use the page for anything.
  bool is_open() const;
  // Any number; only a change means something. cpu < protocol::kMaxCpus.
  std::uint64_t progress(unsigned cpu) const;
  // Index into the program, below protocol::kMaxOps.
  std::optional<std::uint32_t> current_op(unsigned cpu) const;

  HostCall host_call() const;
  void answer(const HostAnswer& answer);

  // batch=memory: of a host that looks here now and then.
  // CPUs that came up; 0: the agent is not there yet.
  unsigned cpus() const;
  // Whether a host verb waits for its answer.
  bool host_asked() const;
  // The program lies at protocol::kProgramAddress; `number` counts from 1.
  void give_program(std::uint32_t number, std::uint32_t size);
  // The number of the last program that is done with.
  std::uint32_t finished_program() const;
  struct ProgramEnding {
    std::uint32_t why = 0;  // protocol::Doorbell, or anything
    bool fit = false;       // the machine may run another
  };
  ProgramEnding program_ending() const;

  // The frames that the guest says it has written; at most kObservationsSize bytes.
  std::span<const std::byte> observations() const;
  bool overflowed() const;

 private:
  protocol::Mailbox* box_;
  const std::byte* frames_;
};

}  // namespace hypervet::machine
