// SPDX-License-Identifier: Apache-2.0
// The seams at a virtio device's registers, configuration, notifications and interrupts.
#include <algorithm>
#include <vector>

#include "backends/violations/interposer.h"
#include "backends/violations/rule_effects.h"

namespace hypervet::violations {
namespace {

constexpr std::uint64_t kMaxRepeat = 16;

std::string_view name_of(protocol::VirtioRegister reg) {
  for (const protocol::VirtioRegisterEntry& entry : protocol::kVirtioRegisters)
    if (entry.reg == reg) return entry.name;
  return {};
}

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::kReset:
      return "reset";
    case Phase::kFeaturesOk:
      return "features-ok";
    case Phase::kDriverOk:
      return "driver-ok";
  }
  return {};
}

std::string_view access_of(bool write) { return write ? "write" : "read"; }

bool holds_of(const RegisterContext& context, std::string_view key, const Value& wanted) {
  if (key == "name") return is(wanted, name_of(context.reg));
  if (key == "access") return is(wanted, access_of(context.write));
  if (key == "after") return is(wanted, name_of(context.phase));
  return is(wanted, context.queue);
}

}  // namespace

std::uint64_t Interposer::changed_register_read(const RegisterContext& context,
                                                std::uint64_t value) {
  for (Armed& armed : at(Seam::kRegister)) {
    const auto holds = [&](std::string_view key, const Value& wanted) {
      return holds_of(context, key, wanted);
    };
    if (!meets(armed, holds)) continue;
    const std::uint64_t before = value;
    value = altered(armed.rule, value);
    if (has(armed.rule, "stuck")) {
      if (!armed.stuck) armed.stuck = value;
      value = *armed.stuck;
    }
    if (value != before) ++armed.committed;
  }
  return value;
}

RegisterWrite Interposer::changed_register_write(const RegisterContext& context,
                                                 std::uint64_t value) {
  RegisterWrite write{.value = value};
  for (Armed& armed : at(Seam::kRegister)) {
    const auto holds = [&](std::string_view key, const Value& wanted) {
      return holds_of(context, key, wanted);
    };
    if (!meets(armed, holds)) continue;
    const RegisterWrite before = write;
    write.value = altered(armed.rule, write.value);
    if (has(armed.rule, "ignore")) write.ignore = true;
    if (write != before) ++armed.committed;
  }
  return write;
}

bool Interposer::changed_config(Seam seam, const ConfigContext& context,
                                std::span<std::uint8_t> bytes) {
  bool ignored = false;
  for (Armed& armed : at(seam)) {
    std::uint64_t from = 0;
    const auto holds = [&](std::string_view key, const Value& wanted) {
      if (key == "access") return is(wanted, access_of(context.write));
      if (key == "capability") return is(wanted, context.capability);
      const std::uint64_t begin =
          armed.rule.conditions.contains("capability") ? context.capability_begin : 0;
      const std::uint64_t offset = begin + as_number(wanted).value_or(0) - context.offset;
      from = std::min<std::uint64_t>(offset, bytes.size());
      return offset < bytes.size();
    };
    if (!meets(armed, holds)) continue;
    const auto part = bytes.subspan(from);
    const std::uint64_t before = number_of(part);
    put_number(altered(armed.rule, before), part);
    if (has(armed.rule, "stuck") && !context.write) {
      if (!armed.stuck) armed.stuck = number_of(part);
      put_number(*armed.stuck, part);
    }
    const bool ignore = context.write && has(armed.rule, "ignore");
    if (number_of(part) != before || (ignore && !ignored)) ++armed.committed;
    ignored |= ignore;
  }
  return !ignored;
}

Notify Interposer::changed_notify(const NotifyContext& context) {
  Notify notify;
  for (Armed& armed : at(Seam::kNotify)) {
    if (!meets(armed,
               [&](std::string_view, const Value& wanted) { return is(wanted, context.queue); }))
      continue;
    const Notify before = notify;
    if (has(armed.rule, "drop")) notify.drop = true;
    if (has(armed.rule, "never-returns")) notify.never_returns = true;
    if (has(armed.rule, "before-driver-ok") && !context.live) notify.serve = true;
    if (notify != before) ++armed.committed;
  }
  return notify;
}

VirtioInterrupt Interposer::changed_virtio_interrupt(const VirtioInterruptContext& context,
                                                     VirtioInterrupt one) {
  const auto holds = [&](std::string_view key, const Value& wanted) {
    if (key == "of") return is(wanted, context.config ? "config" : "queue");
    if (key == "when") return is(wanted, context.wanted ? "wanted" : "suppressed");
    return !context.config && is(wanted, context.queue);
  };
  for (Armed& armed : at(Seam::kVirtioInterrupt)) {
    if (!meets(armed, holds)) continue;
    const Rule& rule = armed.rule;
    const VirtioInterrupt before = one;
    if (has(rule, "raise")) one.send = true;
    if (has(rule, "drop")) one.send = false;
    if (one.send) {
      if (const auto times = number(rule, "repeat"))
        one.repeat = static_cast<unsigned>(std::clamp<std::uint64_t>(*times, 1, kMaxRepeat));
      if (const std::string_view to = word(rule, "to"); !to.empty()) one.config = to == "config";
      if (word(rule, "keep-status") == "unset") one.status_unset = true;
      if (word(rule, "keep-status") == "uncleared") one.status_uncleared = true;
    }
    if (one != before) ++armed.committed;
  }
  return one;
}

}  // namespace hypervet::violations
