// SPDX-License-Identifier: Apache-2.0
// The program that runs, checked (check.h), and what its ops share: slots and handlers. All CPUs
// use it; a slot is a plain word, which a program that shares one between CPUs orders by kJoin or
// kAwaitMemory.
#pragma once

#include <cstdint>

#include "guest-payloads/protocol/program.h"

namespace hypervet::guest {

struct Handler {
  std::uint32_t first = 0;  // ops [first, first + count)
  std::uint32_t count = 0;
  protocol::EoiMode eoi = protocol::EoiMode::kApic;
  std::uint64_t pv_eoi_word = 0;
  void (*native)(void* argument) = nullptr;  // of a scenario; runs instead of ops and EOI
  void* argument = nullptr;
};

struct Program {
  const protocol::ProgramHeader* header = nullptr;
  const protocol::Op* ops = nullptr;
  const std::uint8_t* data = nullptr;  // header->data_size bytes
  std::uint64_t slots[protocol::kMaxSlots] = {};
  Handler handlers[256];
  bool ended = false;  // kOrEnd; any CPU sets it
};

extern Program program;

}  // namespace hypervet::guest
