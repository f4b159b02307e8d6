// SPDX-License-Identifier: Apache-2.0
// Programs for these tests, written op by op straight from protocol/program.h. Not the compiler of
// cases: what it makes may be malformed on purpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <vector>

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/program.h"

namespace hypervet::tests {

// An input: a constant, or a slot plus a constant.
struct In {
  In(std::uint64_t value)
      : operand{.value = value} {}  // NOLINT: implicit, as ops are written in a row
  static In slot(std::uint32_t slot, std::uint64_t plus = 0) {
    In in(plus);
    in.operand.slot = slot;
    return in;
  }
  protocol::Operand operand;
};

struct Form {
  unsigned width = 0;
  unsigned flags = 0;
  unsigned variant = 0;
  std::uint32_t slot = protocol::kNoSlot;
};

class ProgramBuilder {
 public:
  // Appends an op and returns its index.
  std::uint32_t op(protocol::OpCode code, std::initializer_list<In> inputs = {}, Form form = {});
  // Appends an op and, as its block, what `inner` appends. Returns the op's index.
  std::uint32_t block(protocol::OpCode code, std::initializer_list<In> inputs,
                      const std::function<void()>& inner, Form form = {});

  protocol::Op& at(std::uint32_t index) { return ops_[index]; }
  protocol::ProgramHeader& header() { return header_; }  // magic, version, cpus, seed, arena

  // Appends bytes for kPut and returns their offset, a multiple of 8.
  std::uint32_t data(const void* bytes, std::size_t size);

  // Sizes, op count and checksum are filled in here.
  std::vector<std::byte> encode() const;

 private:
  protocol::ProgramHeader header_{.magic = protocol::kProgramMagic,
                                  .version = protocol::kProgramVersion,
                                  .size = 0,
                                  .checksum = 0,
                                  .op_count = 0,
                                  .cpus = 1,
                                  .seed = 1,
                                  .data_size = 0,
                                  .arena_size = protocol::kArenaSize};
  std::vector<protocol::Op> ops_;
  std::vector<std::byte> data_;
};

}  // namespace hypervet::tests
