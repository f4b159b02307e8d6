// SPDX-License-Identifier: Apache-2.0
// The seams at a virtio device's access to guest memory.
#include <algorithm>
#include <iterator>

#include "backends/violations/interposer.h"
#include "backends/violations/rule_effects.h"

namespace hypervet::violations {
namespace {

constexpr std::uint64_t kMaxSpill = 64;
constexpr std::uint8_t kSpillByte = 0xee;

bool at_field(const DmaContext& context, std::string_view key, const Value& wanted) {
  if (key == "field") return is(wanted, name_of(context.field));
  return is(wanted, context.queue);
}

// value, add, set, clear and fill, from the byte on that `offset` says.
void alter(const Rule& rule, std::span<std::uint8_t> bytes) {
  if (const auto byte = number(rule, "fill"))
    std::ranges::fill(bytes, static_cast<std::uint8_t>(*byte));
  const auto offset = std::min<std::uint64_t>(number(rule, "offset").value_or(0), bytes.size());
  const auto part = bytes.subspan(offset);
  put_number(altered(rule, number_of(part)), part);
}

}  // namespace

void Interposer::change_dma_write(const DmaContext& context, DmaWrite& write) {
  for (Armed& armed : at(Seam::kDmaWrite)) {
    const Rule& rule = armed.rule;
    const DmaWrite before = write;
    if (const std::string_view field = word(rule, "before"); !field.empty()) {
      // The rule is about the field that is written too early; it acts on the one kept back.
      const auto holds = [&](std::string_view key, const Value& wanted) {
        return key == "field" || is(wanted, context.queue);
      };
      if (field == name_of(context.field) && meets(armed, holds)) write.hold = true;
    } else if (meets(armed, [&](std::string_view key, const Value& wanted) {
                 return at_field(context, key, wanted);
               })) {
      alter(rule, write.bytes);
      if (const auto size = number(rule, "size"))
        write.bytes.resize(std::min<std::uint64_t>(*size, write.bytes.size()));
      if (const auto address = number(rule, "at-address")) write.address = *address;
      if (has(rule, "drop")) write.drop = true;
      if (const auto bytes = number(rule, "also-after-end"))
        write.spill.assign(std::min(*bytes, kMaxSpill), kSpillByte);
    }
    if (write != before) ++armed.committed;
  }
}

bool Interposer::releases_dma_writes(const DmaContext& context) {
  return std::ranges::any_of(at(Seam::kDmaWrite), [&](const Armed& armed) {
    const auto field = armed.rule.conditions.find("field");
    return has(armed.rule, "before") && field != armed.rule.conditions.end() &&
           is(field->second, name_of(context.field));
  });
}

std::uint64_t Interposer::changed_dma_read(const DmaContext& context, std::uint64_t value,
                                           unsigned size) {
  for (Armed& armed : at(Seam::kDmaRead)) {
    const auto holds = [&](std::string_view key, const Value& wanted) {
      return at_field(context, key, wanted);
    };
    if (!meets(armed, holds)) continue;
    const std::uint64_t before = value;
    value = cut(altered(armed.rule, value), size);
    if (value != before) ++armed.committed;
  }
  return value;
}

void Interposer::changed_dma_buffer(unsigned queue, std::span<std::uint8_t> bytes) {
  const DmaContext context{.field = DmaField::kBuffer, .queue = queue};
  for (Armed& armed : at(Seam::kDmaRead)) {
    const auto holds = [&](std::string_view key, const Value& wanted) {
      return at_field(context, key, wanted);
    };
    if (!meets(armed, holds)) continue;
    const std::vector<std::uint8_t> before(bytes.begin(), bytes.end());
    alter(armed.rule, bytes);
    if (!std::ranges::equal(before, bytes)) ++armed.committed;
  }
}

}  // namespace hypervet::violations
