// SPDX-License-Identifier: Apache-2.0
// The page that host and agent share on the memory channel. Freestanding; included by both sides.
//
// The agent writes all of it but host_result and host_status. To the host all of it is
// guest-controlled: read each field once and bound it.
#pragma once

#include <cstdint>

#include "guest-payloads/protocol/layout.h"

namespace hypervet::protocol {

inline constexpr std::uint64_t kMailboxMagic = 0x786f'626c'6961'6d68;  // "hmailbox"
inline constexpr std::uint32_t kNoOp = 0xffff'ffff;

struct Mailbox {
  std::uint64_t magic;
  std::uint64_t committed;             // bytes of whole frames at kObservationsAddress, grows only
  std::uint32_t overflowed;            // 1: a frame did not fit and was dropped
  std::uint32_t cpus;                  // CPUs that came up
  std::uint32_t current_op[kMaxCpus];  // op that each CPU is in, kNoOp outside a program
  std::uint64_t progress[kMaxCpus];    // grows with every op begun and every round of an await
  std::uint32_t host_verb;             // HostVerb
  std::uint32_t host_cpu;              // who asks
  std::uint64_t host_arguments[4];
  std::uint64_t host_result;  // written by the host before the doorbell returns
  std::uint32_t host_status;  // HostStatus, likewise
  std::uint32_t reserved;
};
static_assert(sizeof(Mailbox) <= 4096);

}  // namespace hypervet::protocol
