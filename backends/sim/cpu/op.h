// SPDX-License-Identifier: Apache-2.0
//
// One decoded instruction. Records of consecutive instructions lie side by side in their page's
// vector, so a run of straight code is executed by walking the vector.
#pragma once

#include <cstdint>

namespace hypervet::sim {

class Core;
struct Op;

// Executes the instruction. True: go on with the next record. False: leave the run; either RIP has
// been set (control transfer, or an instruction after which the world must be looked at) or a
// fault or abort is pending in the core's attention word.
using Handler = bool (*)(Core& core, const Op& op);

// How the effective address is truncated.
enum class AddressKind : std::uint8_t {
  plain64,   // 64-bit code, 64-bit address size
  short64,   // 64-bit code, 32-bit address size
  legacy32,  // 16- or 32-bit code, 32-bit address size
  legacy16,
};

enum class Repeat : std::uint8_t { none, equal, not_equal };

struct Op {
  Handler handler = nullptr;
  std::uint64_t imm = 0;          // immediate, branch displacement, or absolute offset of MOV
  std::int32_t displacement = 0;  // of the memory operand
  // Memory operand: byte offsets of 64-bit words in Core::Frame; the word `zero` where absent.
  std::uint16_t base = 0;
  std::uint16_t index = 0;
  std::uint16_t segment = 0;
  std::uint8_t scale = 0;  // shift count
  AddressKind address = AddressKind::plain64;
  // Register operands: byte offsets into the register file (odd for AH, CH, DH, BH), or numbers of
  // segment, control and debug registers.
  std::uint8_t dst = 0;
  std::uint8_t src = 0;
  std::uint16_t offset = 0;  // of the first byte, in its page
  std::uint8_t length = 0;
  std::uint8_t run = 0;   // instructions from here to the end of straight code, this one included
  std::uint8_t size = 0;  // operand size in bytes
  Repeat repeat = Repeat::none;
  bool stack = false;   // a non-canonical address is #SS, not #GP
  bool memory = false;  // has an explicit memory operand
};

}  // namespace hypervet::sim
