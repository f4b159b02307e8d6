// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/runtime/channel.h"

#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/program.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/instructions.h"
#include "guest-payloads/runtime/serial_port.h"
#include "guest-payloads/runtime/spinlock.h"
#include "guest-payloads/runtime/words.h"

namespace hypervet::guest {

using protocol::FrameHeader;
using protocol::FrameKind;

namespace {

// Kept free for the last frame, so that a full buffer still ends with what became of the program.
constexpr std::uint64_t kReserve = sizeof(FrameHeader) + sizeof(protocol::ExecutedPayload);

ChannelKind channel;
bool debug_exit;
Spinlock lock;       // the fields below, the observation buffer, the serial line
std::uint64_t used;  // bytes of the observation buffer
std::uint32_t sequence;
bool closed;         // the last frame is out
Spinlock host_lock;  // the mailbox's host fields

constexpr std::uint64_t padded(std::uint64_t length) { return (length + 7) & ~7ull; }

constexpr std::uint64_t kSumStart = 0x9e37'79b9'7f4a'7c15;  // protocol::checksum's default

void fill_header(FrameHeader& h, FrameKind kind, const Stamp& stamp, std::uint32_t length) {
  h.magic = protocol::kFrameMagic;
  h.kind = kind;
  h.cpu = static_cast<std::uint16_t>(this_cpu().index);
  h.op = stamp.op;
  h.length = length;
  h.sequence = sequence++;
  h.context = stamp.context;
  h.tsc = stamp.tsc;
  h.tsc_end = stamp.tsc_end;
  h.checksum = 0;
}

std::uint64_t last_word(const void* payload, std::uint32_t length) {
  const auto* words = static_cast<const std::uint64_t*>(payload);
  return words[length / 8] & ((1ull << (length % 8) * 8) - 1);
}

void append_to_memory(FrameKind kind, const Stamp& stamp, const void* payload, std::uint32_t length,
                      std::uint64_t reserve) {
  const std::uint64_t size = sizeof(FrameHeader) + padded(length);
  if (used + size + reserve > protocol::kObservationsSize) {
    mailbox().overflowed = 1;
    return;
  }
  auto* const header = reinterpret_cast<FrameHeader*>(protocol::kObservationsAddress + used);
  auto* const body = reinterpret_cast<std::uint64_t*>(header + 1);
  fill_header(*header, kind, stamp, length);
  std::uint64_t sum = sum_words(header, sizeof *header / 8, kSumStart);
  sum = copy_and_sum(body, payload, length / 8, sum);
  if (length % 8 != 0) {
    body[length / 8] = last_word(payload, length);
    sum = add_to_sum(sum, body[length / 8]);
  }
  header->checksum = sum;
  used += size;
  // Everything of the frame before the mark that makes it valid.
  __atomic_thread_fence(__ATOMIC_RELEASE);
  mailbox().committed = used;
}

void write_to_line(FrameKind kind, const Stamp& stamp, const void* payload, std::uint32_t length) {
  FrameHeader header;
  fill_header(header, kind, stamp, length);
  const std::uint64_t tail = length % 8 != 0 ? last_word(payload, length) : 0;
  std::uint64_t sum = sum_words(&header, sizeof header / 8, kSumStart);
  sum = sum_words(payload, length / 8, sum);
  if (length % 8 != 0) sum = add_to_sum(sum, tail);
  header.checksum = sum;
  serial_write(&header, sizeof header);
  serial_write(payload, length / 8 * 8);
  if (length % 8 != 0) serial_write(&tail, 8);
}

// `lock` is held.
void send_locked(FrameKind kind, const Stamp& stamp, const void* payload, std::uint32_t length,
                 std::uint64_t reserve) {
  if (closed) return;
  if (channel == ChannelKind::kSerial) {
    write_to_line(kind, stamp, payload, length);
  } else {
    append_to_memory(kind, stamp, payload, length, reserve);
  }
}

HostAnswer ask_over_line(const Stamp& stamp, std::uint32_t verb,
                         const std::uint64_t (&arguments)[4]) {
  const std::uint64_t call[5] = {verb, arguments[0], arguments[1], arguments[2], arguments[3]};
  const Locked locked(lock);
  send_locked(FrameKind::kHostCall, stamp, call, sizeof call, kReserve);
  HostAnswer answer{.status = serial_read(), .result = 0};
  for (unsigned shift = 0; shift < 64; shift += 8) {
    answer.result |= std::uint64_t{serial_read()} << shift;
  }
  return answer;
}

HostAnswer ask_over_mailbox(std::uint32_t verb, const std::uint64_t (&arguments)[4]) {
  const Locked locked(host_lock);
  volatile protocol::Mailbox& box = mailbox();
  box.host_verb = verb;
  box.host_cpu = this_cpu().index;
  for (unsigned i = 0; i < 4; ++i) box.host_arguments[i] = arguments[i];
  box.host_result = 0;
  if (channel == ChannelKind::kPolled) {
    box.host_status = protocol::kHostAsked;
    while (box.host_status == protocol::kHostAsked) pause();
    return {.status = box.host_status, .result = box.host_result};
  }
  box.host_status = static_cast<std::uint32_t>(protocol::HostStatus::kUnknownVerb);
  ring(protocol::Doorbell::kHost);
  return {.status = box.host_status, .result = box.host_result};
}

}  // namespace

void start_channel(ChannelKind kind, bool exit_by_port) {
  channel = kind;
  debug_exit = exit_by_port;
  clear_words(reinterpret_cast<void*>(protocol::kMailboxAddress), sizeof(protocol::Mailbox) / 8);
  for (volatile std::uint32_t& op : mailbox().current_op) op = protocol::kNoOp;
  mailbox().magic = protocol::kMailboxMagic;
  if (channel == ChannelKind::kSerial) start_serial_port();
}

void send_frame(FrameKind kind, const Stamp& stamp, const void* payload, std::uint32_t length) {
  const Locked locked(lock);
  send_locked(kind, stamp, payload, length, kReserve);
}

void begin_op(std::uint32_t op, std::uint32_t context) {
  mailbox().current_op[this_cpu().index] = op;
  bump_progress();
  if (channel == ChannelKind::kSerial) {
    const std::uint64_t now = rdtsc();
    send_frame(FrameKind::kBegin, {.op = op, .context = context, .tsc = now, .tsc_end = now},
               nullptr, 0);
  }
}

void resume_op(std::uint32_t op) { mailbox().current_op[this_cpu().index] = op; }

std::uint32_t current_op() { return mailbox().current_op[this_cpu().index]; }

void bump_progress() {
  // One instruction, so that a handler which bumps in between is not undone.
  asm volatile("incq %0" : "+m"(mailbox().progress[this_cpu().index]) : : "cc");
}

HostAnswer ask_host(const Stamp& stamp, std::uint32_t verb, const std::uint64_t (&arguments)[4]) {
  return channel == ChannelKind::kSerial ? ask_over_line(stamp, verb, arguments)
                                         : ask_over_mailbox(verb, arguments);
}

void ring(protocol::Doorbell why) {
  if (channel == ChannelKind::kMemory)
    out32(protocol::kDoorbellPort, static_cast<std::uint32_t>(why));
}

namespace {

// `lock` is held. The kFinished frame counts the frames before it.
void send_last(FrameKind kind, const Stamp& stamp, const void* payload, std::uint32_t length) {
  const std::uint64_t frames_before = sequence;
  send_locked(kind, stamp, kind == FrameKind::kFinished ? &frames_before : payload, length, 0);
  closed = true;
}

}  // namespace

void end_program(FrameKind kind, const Stamp& stamp, const void* payload, std::uint32_t length) {
  const Locked locked(lock);
  send_last(kind, stamp, payload, length);
}

void tell_finished(protocol::Doorbell why, bool fit) {
  volatile protocol::Mailbox& box = mailbox();
  box.program_ending = static_cast<std::uint32_t>(why);
  box.program_fit = fit;
  box.program_finished = box.program_given;
}

void begin_program() {
  const Locked locked(lock);
  used = 0;
  sequence = 0;
  closed = false;
  mailbox().overflowed = 0;
  mailbox().committed = 0;
}

void end(protocol::Doorbell why, FrameKind kind, const Stamp& stamp, const void* payload,
         std::uint32_t length) {
  interrupts_off();
  // A panic may strike a CPU that holds the lock: then the frame goes out without it.
  for (unsigned tries = 0; !lock.try_lock() && tries < 100'000; ++tries) pause();
  const bool first = !closed;
  send_last(kind, stamp, payload, length);
  lock.unlock();
  if (first) {
    if (channel == ChannelKind::kPolled) tell_finished(why, false);
    ring(why);
    if (channel == ChannelKind::kSerial) serial_drain();
    if (debug_exit) out8(protocol::kDebugExitPort, static_cast<std::uint8_t>(why));
  }
  for (;;) {
    interrupts_off();
    halt();
  }
}

}  // namespace hypervet::guest
