// SPDX-License-Identifier: Apache-2.0
// The page that host and agent share on the memory channel. Freestanding; included by both sides.
//
// The agent writes all of it but host_result, host_status and what is said of a host beside it. To
// the host all of it is guest-controlled: read each field once and bound it.
//
// A host that is rung (port kDoorbellPort) runs one program a boot. One that cannot be, because the
// guest's memory is all that it shares with the VMM, polls (batch=memory on the command line): the
// agent takes program after program from kProgramAddress and answers in this page.
#pragma once

#include <cstdint>

#include "guest-payloads/protocol/layout.h"

namespace hypervet::protocol {

inline constexpr std::uint64_t kMailboxMagic = 0x786f'626c'6961'6d68;  // "hmailbox"
inline constexpr std::uint32_t kNoOp = 0xffff'ffff;
// host_status of a call that a polling host has yet to answer: set last by the agent, which waits
// for any other value.
inline constexpr std::uint32_t kHostAsked = 0xffff'ffff;

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
  // batch=memory. By the host: the size of the program at kProgramAddress, then its number, from 1
  // on. By the agent, once all its frames are committed and the machine is ready for the next: how
  // it ended (Doorbell: kFinished or kRefused), whether the machine is as good as newly booted (0:
  // something does not stop or go back), and last the number.
  std::uint32_t program_size;
  std::uint32_t program_given;
  std::uint32_t program_ending;
  std::uint32_t program_fit;
  std::uint32_t program_finished;
  std::uint32_t reserved2;
};
static_assert(sizeof(Mailbox) <= 4096);

}  // namespace hypervet::protocol
