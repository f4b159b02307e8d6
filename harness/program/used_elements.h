// SPDX-License-Identifier: Apache-2.0
// Reads what a device wrote of its completions from the bytes of a ring. The bytes are
// guest-controlled. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "harness/program/implied.h"
#include "harness/program/observations.h"

namespace hypervet::program {

struct UsedElement {
  std::uint64_t id = 0;
  std::uint64_t length = 0;
  std::uint64_t flags = 0;  // packed
};
// The element at that index; nullopt: the bytes end before it.
std::optional<UsedElement> read_used(const UsedElements& elements, std::size_t index,
                                     const Bytes& bytes);

// id, length or, of a packed ring, flags of the element that is wanted; of the last one where none
// is or it is not there.
std::optional<std::uint64_t> used_field(const UsedElements& elements, const Bytes& bytes,
                                        std::string_view field);

}  // namespace hypervet::program
