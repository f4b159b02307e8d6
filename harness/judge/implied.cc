// SPDX-License-Identifier: Apache-2.0
#include "harness/judge/implied.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/judge/allowed.h"
#include "harness/program/fields.h"
#include "harness/program/used_elements.h"

namespace hypervet::judge {
namespace {

using program::Bytes;
using program::Canary;
using program::Demand;
using program::UsedElements;

bool holds(const Demand& demand, std::uint64_t value) {
  switch (demand.kind) {
    case Demand::Kind::kMask:
      return (value & demand.mask) == demand.value;
    case Demand::Kind::kAtMost:
      return value <= demand.value;
    case Demand::Kind::kAtLeast:
      return value >= demand.value;
  }
  return false;
}

void hold_canary(const Canary& canary, const Bytes& bytes, std::vector<Unmet>& into) {
  for (std::size_t i = 0; i < canary.size && canary.offset + i < bytes.size(); ++i) {
    const std::uint8_t laid = program::canary_byte(canary.address + i);
    const std::uint8_t found = bytes[canary.offset + i];
    if (found == laid) continue;
    into.push_back({fmt::format("no write outside the buffers of the chain: the {} bytes {} as the "
                                "driver left them",
                                canary.size, canary.where),
                    fmt::format("byte {} of them, at {:#x}, is {:#04x} instead of {:#04x}", i,
                                canary.address + i, found, laid),
                    false});
    return;
  }
}

std::string ids_text(const std::vector<std::uint64_t>& ids) {
  return fmt::format("id{} {}", ids.size() == 1 ? "" : "s", fmt::join(ids, ", "));
}

// Each element is of something that the driver made available, none twice, and the one that was
// waited for is among them.
void hold_used(const UsedElements& elements, const Bytes& bytes, std::vector<Unmet>& into) {
  std::vector<std::uint64_t> ids;
  for (std::size_t i = 0; i < elements.offsets.size(); ++i)
    if (const auto element = program::read_used(elements, i, bytes)) ids.push_back(element->id);
  if (!elements.available.empty()) {
    const auto strange = std::ranges::find_if(ids, [&](std::uint64_t id) {
      return std::ranges::find(elements.available, id) == elements.available.end();
    });
    if (strange != ids.end())
      into.push_back({fmt::format("the id of a buffer that was made available (one of {})",
                                  fmt::join(elements.available, ", ")),
                      fmt::format("id {}", *strange), false});
    for (auto each = ids.begin(); each != ids.end(); ++each) {
      if (std::find(ids.begin(), each, *each) == each) continue;
      into.push_back({"each buffer used once", fmt::format("id {} used twice", *each), false});
      return;
    }
  }
  if (elements.wanted && std::ranges::find(ids, *elements.wanted) == ids.end())
    into.push_back(
        {fmt::format("`{}` (id {}) among the used ones", elements.wanted_name, *elements.wanted),
         ids_text(ids), false});
}

}  // namespace

std::vector<Unmet> unmet(const program::StepPlan& plan, const protocol::Op& op,
                         const program::Observation& observation, std::size_t& checked) {
  std::vector<Unmet> result;
  const program::Implied& implied = *plan.implied;
  for (const Demand& each : implied.demands) {
    const auto value = program::read_raw(plan, op, observation, each.field);
    if (!value) continue;
    if (!each.or_skip) ++checked;
    if (holds(each, value->value)) continue;
    const bool absent = each.field == "there" || each.field == "found";
    result.push_back(
        {each.expected,
         absent ? "there is none" : fmt::format("{} {}", each.field, text_of(value->value)),
         each.or_skip});
  }
  const auto* bytes = std::get_if<Bytes>(&observation.payload);
  if (bytes == nullptr) return result;
  for (const Canary& each : implied.canaries) hold_canary(each, *bytes, result);
  if (implied.used) hold_used(*implied.used, *bytes, result);
  checked += implied.canaries.size() + (implied.used ? 1 : 0);
  return result;
}

}  // namespace hypervet::judge
