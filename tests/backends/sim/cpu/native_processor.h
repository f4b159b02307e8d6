// SPDX-License-Identifier: Apache-2.0
//
// The host's own processor as an oracle: executes one user-mode instruction with given registers
// and memory, and says what came of it, faults included. One instance per process, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace hypervet::sim::testing {

struct UserRegisters {
  std::array<std::uint64_t, 16> gpr{};
  std::uint64_t flags = 0;
};

struct Outcome {
  UserRegisters registers;
  std::uint64_t rip = 0;
  int vector = -1;                  // of the exception, or -1
  std::uint64_t fault_address = 0;  // of a page fault
};

// Addresses at which both worlds see the same things. The window has no page on either side.
inline constexpr std::uint64_t kWindow = 0x10000000;
inline constexpr std::uint64_t kWindowSize = 4 * 4096;
inline constexpr std::uint64_t kCode = 0x10100000;
inline constexpr std::uint64_t kBranchTarget = kCode + 0x60;

class NativeProcessor {
 public:
  NativeProcessor();
  ~NativeProcessor();
  NativeProcessor(const NativeProcessor&) = delete;
  NativeProcessor& operator=(const NativeProcessor&) = delete;

  std::span<std::uint8_t> window() {
    return {reinterpret_cast<std::uint8_t*>(kWindow), kWindowSize};
  }
  // `code` is put at kCode; control may leave it at its end or at kBranchTarget.
  Outcome execute(std::span<const std::uint8_t> code, const UserRegisters& in);

 private:
  std::uint8_t* code_ = nullptr;  // writable alias of kCode
  std::uint8_t* signal_stack_ = nullptr;
};

}  // namespace hypervet::sim::testing
