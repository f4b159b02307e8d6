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

std::uint32_t Builder::add_data(std::span<const std::byte> data) {
  const std::size_t offset = data_.size();
  data_.insert(data_.end(), data.begin(), data.end());
  data_.resize((data_.size() + 7) / 8 * 8);
  return static_cast<std::uint32_t>(offset);
}

std::vector<std::byte> Builder::finish(unsigned cpus, std::uint64_t seed,
                                       std::uint64_t arena_size) const {
  protocol::ProgramHeader header{};
  const auto ops = std::as_bytes(std::span(ops_));
  std::vector<std::byte> bytes(sizeof header + ops.size() + data_.size());
  const auto body = std::span(bytes).subspan(sizeof header);
  std::ranges::copy(ops, body.begin());
  std::ranges::copy(data_, body.subspan(ops.size()).begin());
  header.magic = protocol::kProgramMagic;
  header.version = protocol::kProgramVersion;
  header.size = static_cast<std::uint32_t>(bytes.size());
  header.checksum = protocol::checksum(body.data(), body.size());
  header.op_count = static_cast<std::uint32_t>(ops_.size());
  header.cpus = cpus;
  header.seed = seed;
  header.data_size = static_cast<std::uint32_t>(data_.size());
  header.arena_size = static_cast<std::uint32_t>(arena_size);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

}  // namespace hypervet::program
