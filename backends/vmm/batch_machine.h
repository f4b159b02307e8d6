// SPDX-License-Identifier: Apache-2.0
// A VMM whose guest takes program after program from memory that hypervet maps (mailbox.h,
// batch=memory). All that the guest writes is hostile. One thread at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "backends/backend.h"
#include "backends/machine/guest_mailbox.h"
#include "backends/vmm/ending.h"
#include "backends/vmm/vmm_process.h"

namespace hypervet::vmm {

class BatchMachine {
 public:
  // Starts the VMM and waits for the agent. The error is one line.
  static std::expected<std::unique_ptr<BatchMachine>, std::string> boot(
      const Surroundings& surroundings, const Plan& plan);

  backends::Outcome run(const backends::Job& job);
  // How long the VMM was kept from the processor while its last program ran, if that was long
  // enough for what the guest waited for to come late; else 0.
  std::chrono::nanoseconds starved() const { return starved_; }
  // Whether it may run another program.
  bool fit() const { return fit_; }
  // Whether it has run none yet. What ends badly in another is to be run again in a new one.
  bool is_new() const { return number_ == 0; }
  void rest() { vmm_->stop(); }
  void wake() { vmm_->go_on(); }

 private:
  explicit BatchMachine(std::unique_ptr<VmmProcess> vmm)
      : vmm_(std::move(vmm)), mailbox_(vmm_->ram().data()) {}
  std::expected<void, std::string> await_agent(const Plan& plan);
  Ending await_end(const backends::Job& job, double patience);
  std::span<const std::uint8_t> arena(const backends::Job& job) const;
  Ending finished() const;
  std::uint64_t progress() const;
  void answer_host();

  std::unique_ptr<VmmProcess> vmm_;
  machine::GuestMailbox mailbox_;
  std::uint32_t number_ = 0;  // of the last program
  bool as_started_ = true;    // nothing was changed through the monitor
  bool fit_ = true;
  std::chrono::nanoseconds starved_{0};
};

// Carries out a host verb that needs no VMM, or that its monitor has.
machine::HostAnswer perform(const machine::HostCall& call, Monitor* monitor);
// Whether the guest would get an answer.
bool performs(protocol::HostVerb verb, const Recipe& recipe);

}  // namespace hypervet::vmm
