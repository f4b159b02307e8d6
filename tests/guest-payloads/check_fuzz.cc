// SPDX-License-Identifier: Apache-2.0
// check_program on arbitrary bytes, put behind a header that fits so that the ops themselves are
// reached. What is accepted must keep every promise that execution relies on.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "guest-payloads/agent/check.h"
#include "guest-payloads/agent/op_rules.h"
#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/virtio.h"

using namespace hypervet;

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

void walk(const protocol::ProgramHeader& header, std::uint32_t first, std::uint32_t end,
          unsigned depth) {
  const auto* ops = reinterpret_cast<const protocol::Op*>(&header + 1);
  for (std::uint32_t i = first; i < end; i += 1u + ops[i].block) {
    demand(i + ops[i].block < end);
    const auto code = static_cast<unsigned>(ops[i].code);
    demand(code < guest::kOpCodes && guest::kOpRules.of[code].known);
    for (unsigned o = 0; o < guest::kOpRules.of[code].operands; ++o) {
      const std::uint32_t slot = ops[i].operands[o].slot;
      demand(slot == protocol::kNoSlot || slot < protocol::kMaxSlots);
    }
    demand(ops[i].result_slot == protocol::kNoSlot || ops[i].result_slot < protocol::kMaxSlots);
    if (ops[i].code == protocol::OpCode::kPut) {
      const protocol::Operand* o = ops[i].operands;
      demand(o[1].slot == protocol::kNoSlot && o[2].slot == protocol::kNoSlot);
      demand(o[1].value + o[2].value >= o[1].value);
      demand(o[1].value + o[2].value <= header.data_size);
    }
    if (ops[i].code == protocol::OpCode::kVirtioRead) {
      demand(ops[i].operands[0].value < std::size(protocol::kVirtioRegisters));
    }
    if (ops[i].code == protocol::OpCode::kRegionRead ||
        ops[i].code == protocol::OpCode::kRegionWrite) {
      demand(ops[i].operands[0].value < std::size(protocol::kVirtioRegions));
    }
    if (ops[i].block != 0) {
      demand(depth < protocol::kMaxNesting);
      walk(header, i + 1, i + 1 + ops[i].block, depth + 1);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> room((sizeof(protocol::ProgramHeader) + size + 7) / 8);
  auto* header = reinterpret_cast<protocol::ProgramHeader*>(room.data());
  const std::size_t ops = size / sizeof(protocol::Op) * sizeof(protocol::Op);
  const std::size_t words = (size - ops) / 8 * 8;  // what is left over are data
  if (ops + words != 0) std::memcpy(header + 1, data, ops + words);
  *header = {.magic = protocol::kProgramMagic,
             .version = protocol::kProgramVersion,
             .size = static_cast<std::uint32_t>(sizeof *header + ops + words),
             .checksum = protocol::checksum(header + 1, ops + words),
             .op_count = static_cast<std::uint32_t>(ops / sizeof(protocol::Op)),
             .cpus = 4,
             .seed = 0,
             .data_size = static_cast<std::uint32_t>(words),
             .arena_size = protocol::kArenaSize};
  const guest::Verdict verdict = guest::check_program(header, header->size, 8);
  if (verdict.accepted) {
    walk(*header, 0, header->op_count, 0);
  } else {
    demand(verdict.refused.op < header->op_count || header->op_count > protocol::kMaxOps);
  }
  return 0;
}
