// SPDX-License-Identifier: Apache-2.0
#include "harness/program/builder.h"

#include <algorithm>
#include <cstring>

namespace hypervet::program {

protocol::Op make_op(protocol::OpCode code, std::initializer_list<protocol::Operand> operands) {
  protocol::Op op{};
  op.code = code;
  op.result_slot = protocol::kNoSlot;
  std::ranges::copy(operands, op.operands);
  return op;
}

std::uint32_t Builder::add(const protocol::Op& op) {
  ops_.push_back(op);
  return static_cast<std::uint32_t>(ops_.size() - 1);
}

void Builder::close_block(std::uint32_t index) {
  ops_[index].block = static_cast<std::uint16_t>(ops_.size() - 1 - index);
}

std::uint32_t Builder::slot_of(std::uint32_t index) {
  std::uint32_t& slot = ops_[index].result_slot;
  if (slot == protocol::kNoSlot && slots_ < protocol::kMaxSlots) slot = slots_++;
  return slot;
}

std::vector<std::byte> Builder::finish(unsigned cpus, std::uint64_t seed) const {
  const std::size_t ops_size = ops_.size() * sizeof(protocol::Op);
  protocol::ProgramHeader header{};
  header.magic = protocol::kProgramMagic;
  header.version = protocol::kProgramVersion;
  header.size = static_cast<std::uint32_t>(sizeof header + ops_size);
  header.checksum = protocol::checksum(ops_.data(), ops_size);
  header.op_count = static_cast<std::uint32_t>(ops_.size());
  header.cpus = cpus;
  header.seed = seed;
  std::vector<std::byte> bytes(header.size);
  std::memcpy(bytes.data(), &header, sizeof header);
  if (ops_size != 0) std::memcpy(bytes.data() + sizeof header, ops_.data(), ops_size);
  return bytes;
}

}  // namespace hypervet::program
