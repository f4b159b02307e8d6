// SPDX-License-Identifier: Apache-2.0
// How observations leave the guest, on either channel, and the mailbox beside them. Any CPU may
// call any of it with interrupts off; frames of several CPUs never mix.
#pragma once

#include <cstdint>

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/mailbox.h"
#include "guest-payloads/protocol/observation.h"

namespace hypervet::guest {

// What a frame says about the op it belongs to.
struct Stamp {
  std::uint32_t op = protocol::kNoOp;
  std::uint32_t context = 0;  // vector of the handler it ran in
  std::uint64_t tsc = 0;
  std::uint64_t tsc_end = 0;
};

inline volatile protocol::Mailbox& mailbox() {
  return *reinterpret_cast<volatile protocol::Mailbox*>(protocol::kMailboxAddress);
}

enum class ChannelKind : std::uint8_t {
  kMemory,  // the mailbox, and a doorbell that the host hears
  kPolled,  // the mailbox, at which the host looks now and then
  kSerial,
};

// Clears the mailbox and prepares the serial line if that is the channel. Once, before anything is
// sent.
void start_channel(ChannelKind kind, bool debug_exit);

// Sends one frame. `payload` is 8-byte aligned and readable up to the next multiple of 8; at most
// kMaxFramePayload.
void send_frame(protocol::FrameKind kind, const Stamp& stamp, const void* payload,
                std::uint32_t length);

// Says that this CPU begins an op (Mailbox::current_op, and a kBegin frame on the serial channel).
void begin_op(std::uint32_t op, std::uint32_t context);
// Back to `op`, which may be kNoOp; no frame.
void resume_op(std::uint32_t op);
std::uint32_t current_op();
void bump_progress();

struct HostAnswer {
  std::uint64_t status;  // protocol::HostStatus
  std::uint64_t result;
};
HostAnswer ask_host(const Stamp& stamp, std::uint32_t verb, const std::uint64_t (&arguments)[4]);

// Rings the doorbell where the host hears it.
void ring(protocol::Doorbell why);

// Sends the last frame, says `why` to the host and stops this CPU. Nothing is sent after it, by any
// CPU.
[[noreturn]] void end(protocol::Doorbell why, protocol::FrameKind kind, const Stamp& stamp,
                      const void* payload, std::uint32_t length);

// On the polled channel: the last frame of a program; further ones are dropped until
// begin_program(), which begins anew with an empty buffer.
void end_program(protocol::FrameKind kind, const Stamp& stamp, const void* payload,
                 std::uint32_t length);
void begin_program();
// Lets the host go on with the next program, or, where the machine is not fit for one, without it.
void tell_finished(protocol::Doorbell why, bool fit);

}  // namespace hypervet::guest
