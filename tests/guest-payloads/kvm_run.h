// SPDX-License-Identifier: Apache-2.0
// The barest way to run the agent on /dev/kvm over the memory channel: an in-kernel interrupt
// controller, one thread per CPU, doorbells. For proving and timing the agent, not for judging
// hypervisors.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "guest-payloads/boot/boot_params.h"
#include "guest-payloads/protocol/mailbox.h"
#include "tests/guest-payloads/frames.h"

namespace hypervet::tests {

struct KvmOptions {
  unsigned cpus = 1;
  std::string words = {};  // appended to the command line
  // Performs Mailbox::host_verb: sets host_result and host_status.
  std::function<void(protocol::Mailbox&)> host = {};
  // Enters by Linux's 32-bit entry, with boot_params that this may change; unset: by PVH.
  std::function<void(guest::BootParams&)> linux_entry = {};
  std::chrono::seconds limit{60};
};

struct KvmRun {
  std::string error;  // what stopped it if not a doorbell
  protocol::Doorbell end{};
  Frames frames;
  bool overflowed = false;
  protocol::Mailbox mailbox{};
  std::chrono::nanoseconds to_ready{};  // from the first KVM_RUN to the doorbell kReady
  std::chrono::nanoseconds to_end{};    // from kReady to the last doorbell
  std::uint64_t tsc_khz = 0;
};

// Empty, or why these tests cannot run here.
std::string kvm_missing();

KvmRun run_on_kvm(std::span<const std::byte> program, const KvmOptions& options = {});

}  // namespace hypervet::tests
