// SPDX-License-Identifier: Apache-2.0
#include "harness/program/used_elements.h"

#include <cstring>

namespace hypervet::program {
namespace {

template <typename T>
T low_value(const Bytes& bytes, std::size_t offset) {
  T value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

std::optional<UsedElement> read_used(const UsedElements& elements, std::size_t index,
                                     const Bytes& bytes) {
  constexpr std::size_t kSplit = 8, kPacked = 16;  // bytes of an element
  const std::size_t at = elements.offsets[index];
  const std::size_t size = elements.packed ? kPacked : kSplit;
  if (at > bytes.size() || bytes.size() - at < size) return std::nullopt;
  if (!elements.packed)  // 2.7.8: id, len
    return UsedElement{low_value<std::uint32_t>(bytes, at), low_value<std::uint32_t>(bytes, at + 4),
                       0};
  // 2.8: addr, len, id, flags.
  return UsedElement{low_value<std::uint16_t>(bytes, at + 12),
                     low_value<std::uint32_t>(bytes, at + 8),
                     low_value<std::uint16_t>(bytes, at + 14)};
}

std::optional<std::uint64_t> used_field(const UsedElements& elements, const Bytes& bytes,
                                        std::string_view field) {
  std::optional<UsedElement> found;
  for (std::size_t i = 0; i < elements.offsets.size(); ++i) {
    found = read_used(elements, i, bytes);
    if (!found || (elements.wanted && found->id == *elements.wanted)) break;
  }
  if (!found) return std::nullopt;
  if (field == "id") return found->id;
  if (field == "length") return found->length;
  if (field == "flags" && elements.packed) return found->flags;
  return std::nullopt;
}

}  // namespace hypervet::program
