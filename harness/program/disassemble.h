// SPDX-License-Identifier: Apache-2.0
// Programs as a person reads them. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "guest-payloads/protocol/program.h"
#include "harness/program/compiled_case.h"

namespace hypervet::program {

std::string disassemble(const protocol::Op& op);  // "wrmsr 0x4b564d03 <- 0x1000041"
// "op 4: wrmsr 0x4b564d03 <- 0x1000041 (specs/kvm/steal-time.yaml:33, cpu 1)". An index beyond the
// program is said to be one.
std::string describe_op(const CompiledCase& compiled, std::uint32_t op);
// The whole program, a line each, blocks indented.
std::string listing(const CompiledCase& compiled);

}  // namespace hypervet::program
