// SPDX-License-Identifier: Apache-2.0
// The wire format of observations: what the agent reports, frame by frame, on either channel.
// Freestanding; included by both sides. A frame is one FrameHeader, then `length` bytes of payload,
// padded with zeros to a multiple of 8.
//
// To the host every byte is guest-controlled.
#pragma once

#include <cstdint>

#include "guest-payloads/protocol/layout.h"

namespace hypervet::protocol {

inline constexpr std::uint32_t kFrameMagic = 0x626f'7668;  // "hvob"
inline constexpr std::uint32_t kMaxFramePayload = 8192;

enum class FrameKind : std::uint16_t {
  kHello = 1,     // HelloPayload: first frame
  kDone = 2,      // no payload: the op was carried out and has nothing to tell
  kExecuted = 3,  // ExecutedPayload
  kValues = 4,    // uint64_t[length / 8]
  kBytes = 5,     // raw bytes
  kRefused = 6,   // RefusedPayload: the program is malformed
  kPanic = 7,     // ExecutedPayload: the agent itself faulted
  kFinished = 8,  // uint64_t: the number of frames before this one
  kHostCall =
      9,  // serial channel only: uint64_t[5], verb and four arguments; the answer comes on the line
  kBegin = 10,  // serial channel only: this CPU begins this op (names the op a hang was in)
};

struct FrameHeader {
  std::uint32_t magic;
  FrameKind kind;
  std::uint16_t cpu;
  std::uint32_t op;        // index into the program; kNoOp where there is none
  std::uint32_t length;    // of the payload in bytes, without padding
  std::uint32_t sequence;  // counts frames from 0, over all CPUs
  std::uint32_t context;   // 0: program; else the interrupt vector in whose handler the op ran
  std::uint64_t tsc;       // when the op began
  std::uint64_t tsc_end;   // when it ended
  std::uint64_t
      checksum;  // checksum() over this header with the field 0, then over the padded payload
};
static_assert(sizeof(FrameHeader) == 48);

// In the order of the instruction encoding, RSP at its place.
struct RegisterFile {
  std::uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
  std::uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
  std::uint64_t rip, rflags;
};
static_assert(sizeof(RegisterFile) == 144);

inline constexpr std::uint32_t kNoFault = 0xffff'ffff;

struct ExecutedPayload {
  RegisterFile before;      // as loaded; rip is the instruction's address
  RegisterFile after;       // after the instruction, or as the fault found them
  std::uint32_t vector;     // kNoFault: none
  std::uint32_t has_error;  // 1: the CPU pushed an error code
  std::uint64_t error_code;
  std::uint64_t cr2;  // CR2 at the fault
  std::uint64_t cs;   // code segment at the fault (its low bits are the CPL)
};
static_assert(sizeof(ExecutedPayload) == 320);

struct HelloPayload {
  std::uint32_t version;  // kProgramVersion
  std::uint32_t cpus;     // that came up
  std::uint32_t apic_ids[kMaxCpus];
};

enum class Refusal : std::uint32_t {
  kMagic = 1,
  kVersion = 2,
  kSize = 3,
  kChecksum = 4,
  kCpus = 5,
  kOpCode = 6,
  kWidth = 7,
  kSlot = 8,
  kBlock = 9,
  kNesting = 10,
  kVariant = 11,
  kOperand = 12,
  kFlags = 13,
  kPlace = 14,
  kContext = 15,
};

struct RefusedPayload {
  std::uint32_t op;  // kNoOp: the header
  Refusal reason;
};

}  // namespace hypervet::protocol
