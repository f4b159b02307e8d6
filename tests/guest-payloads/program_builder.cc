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

std::uint32_t ProgramBuilder::data(const void* bytes, std::size_t size) {
  const auto* from = static_cast<const std::byte*>(bytes);
  const std::size_t offset = data_.size();
  data_.insert(data_.end(), from, from + size);
  data_.resize((data_.size() + 7) / 8 * 8);
  return static_cast<std::uint32_t>(offset);
}

std::vector<std::byte> ProgramBuilder::encode() const {
  const std::size_t ops_size = ops_.size() * sizeof(protocol::Op);
  protocol::ProgramHeader header = header_;
  std::vector<std::byte> bytes(sizeof header + ops_size + data_.size());
  std::byte* const body = bytes.data() + sizeof header;
  if (ops_size != 0) std::memcpy(body, ops_.data(), ops_size);
  if (!data_.empty()) std::memcpy(body + ops_size, data_.data(), data_.size());
  header.size = static_cast<std::uint32_t>(bytes.size());
  header.op_count = static_cast<std::uint32_t>(ops_.size());
  header.data_size = static_cast<std::uint32_t>(data_.size());
  header.checksum = protocol::checksum(body, bytes.size() - sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

}  // namespace hypervet::tests
