// SPDX-License-Identifier: Apache-2.0
// Puts ops together into the bytes of a program. Owned by one compilation, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "guest-payloads/protocol/program.h"

namespace hypervet::program {

// An op with every field at its neutral value.
protocol::Op make_op(protocol::OpCode code, std::initializer_list<protocol::Operand> operands = {});

class Builder {
 public:
  // Index of the op added.
  std::uint32_t add(const protocol::Op& op);
  // Everything added since op `index` becomes its block.
  void close_block(std::uint32_t index);
  // The slot that op `index` puts its result into; kNoSlot when there are no more slots.
  std::uint32_t slot_of(std::uint32_t index);
  // The program ends with op `index` where its first value is 0.
  void end_without(std::uint32_t index) { ops_[index].flags |= protocol::kOrEnd; }

  // Bytes for kPut; the offset that they get, a multiple of 8. protocol::kMaxProgramData is the
  // caller's to keep to, by data_size().
  std::uint32_t add_data(std::span<const std::byte> data);
  std::size_t data_size() const { return data_.size(); }

  const std::vector<protocol::Op>& ops() const { return ops_; }
  // `arena_size`: bytes of the arena that the program may use.
  std::vector<std::byte> finish(unsigned cpus, std::uint64_t seed, std::uint64_t arena_size) const;

 private:
  std::vector<protocol::Op> ops_;
  std::vector<std::byte> data_;
  std::uint32_t slots_ = 0;
};

}  // namespace hypervet::program
