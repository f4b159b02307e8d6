// SPDX-License-Identifier: Apache-2.0
//
// Which of the sixteen conditions a conditional mnemonic tests.
#pragma once

#include <Zydis/Zydis.h>

#include <cstdint>
#include <optional>

namespace hypervet::sim {

enum class ConditionFamily : std::uint8_t { jump, set, move };

// The number as in the opcode; nullopt if the mnemonic is not of the family.
std::optional<unsigned> condition_of(ZydisMnemonic mnemonic, ConditionFamily family);

}  // namespace hypervet::sim
