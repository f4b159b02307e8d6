// SPDX-License-Identifier: Apache-2.0
// check_program on arbitrary bytes, put behind a header that fits so that the ops themselves are
// reached. What is accepted must keep every promise that execution relies on.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "guest-payloads/agent/check.h"
#include "guest-payloads/agent/op_rules.h"

using namespace hypervet;

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

void walk(const protocol::Op* ops, std::uint32_t first, std::uint32_t end, unsigned depth) {
  for (std::uint32_t i = first; i < end; i += 1u + ops[i].block) {
    demand(i + ops[i].block < end);
    const auto code = static_cast<unsigned>(ops[i].code);
    demand(code < guest::kOpCodes && guest::kOpRules.of[code].known);
    for (unsigned o = 0; o < guest::kOpRules.of[code].operands; ++o) {
      const std::uint32_t slot = ops[i].operands[o].slot;
      demand(slot == protocol::kNoSlot || slot < protocol::kMaxSlots);
    }
    demand(ops[i].result_slot == protocol::kNoSlot || ops[i].result_slot < protocol::kMaxSlots);
    if (ops[i].block != 0) {
      demand(depth < protocol::kMaxNesting);
      walk(ops, i + 1, i + 1 + ops[i].block, depth + 1);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> room((sizeof(protocol::ProgramHeader) + size + 7) / 8);
  auto* header = reinterpret_cast<protocol::ProgramHeader*>(room.data());
  const std::size_t ops = size / sizeof(protocol::Op) * sizeof(protocol::Op);
  if (ops != 0) std::memcpy(header + 1, data, ops);
  *header = {.magic = protocol::kProgramMagic,
             .version = protocol::kProgramVersion,
             .size = static_cast<std::uint32_t>(sizeof *header + ops),
             .checksum = protocol::checksum(header + 1, ops),
             .op_count = static_cast<std::uint32_t>(ops / sizeof(protocol::Op)),
             .cpus = 4,
             .seed = 0};
  const guest::Verdict verdict = guest::check_program(header, header->size, 8);
  if (verdict.accepted) {
    walk(reinterpret_cast<const protocol::Op*>(header + 1), 0, header->op_count, 0);
  } else {
    demand(verdict.refused.op < header->op_count || header->op_count > protocol::kMaxOps);
  }
  return 0;
}
