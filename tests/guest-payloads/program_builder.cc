// SPDX-License-Identifier: Apache-2.0
#include "tests/guest-payloads/program_builder.h"

#include <cstring>

namespace hypervet::tests {

std::uint32_t ProgramBuilder::op(protocol::OpCode code, std::initializer_list<In> inputs,
                                 Form form) {
  protocol::Op op{};
  op.code = code;
  op.width = static_cast<std::uint8_t>(form.width);
  op.flags = static_cast<std::uint8_t>(form.flags);
  op.variant = static_cast<std::uint16_t>(form.variant);
  op.result_slot = form.slot;
  for (protocol::Operand& operand : op.operands) operand = {};
  std::size_t i = 0;
  for (const In& in : inputs) op.operands[i++] = in.operand;
  ops_.push_back(op);
  return static_cast<std::uint32_t>(ops_.size() - 1);
}

std::uint32_t ProgramBuilder::block(protocol::OpCode code, std::initializer_list<In> inputs,
                                    const std::function<void()>& inner, Form form) {
  const std::uint32_t index = op(code, inputs, form);
  inner();
  ops_[index].block = static_cast<std::uint16_t>(ops_.size() - index - 1);
  return index;
}

std::vector<std::byte> ProgramBuilder::encode() const {
  const std::size_t ops_size = ops_.size() * sizeof(protocol::Op);
  protocol::ProgramHeader header = header_;
  header.size = static_cast<std::uint32_t>(sizeof header + ops_size);
  header.op_count = static_cast<std::uint32_t>(ops_.size());
  header.checksum = protocol::checksum(ops_.data(), ops_size);
  std::vector<std::byte> bytes(header.size);
  std::memcpy(bytes.data(), &header, sizeof header);
  if (ops_size != 0) std::memcpy(bytes.data() + sizeof header, ops_.data(), ops_size);
  return bytes;
}

}  // namespace hypervet::tests
