// SPDX-License-Identifier: Apache-2.0
// The seams at what the host does by itself: memory writes, interrupts, EOI bookkeeping, exits to
// user space.
#include <algorithm>
#include <utility>

#include "backends/violations/interposer.h"
#include "backends/violations/rule_effects.h"

namespace hypervet::violations {
namespace {

// Hostile or mistaken amounts in a rule must not make the machine crawl.
constexpr std::uint64_t kMaxRepeat = 16, kMaxSpill = 64;
constexpr std::uint8_t kSpillByte = 0xee;

std::string_view name_of(Area area) {
  switch (area) {
    case Area::kWallClock:
      return "wall-clock";
    case Area::kSystemTime:
      return "system-time";
    case Area::kAsyncPf:
      return "async-pf";
    case Area::kStealTime:
      return "steal-time";
    case Area::kPvEoi:
      return "pv-eoi";
    case Area::kClockPairing:
      return "clock-pairing";
  }
  return {};
}

std::string_view name_of(WhenWritten when) {
  switch (when) {
    case WhenWritten::kRegister:
      return "register";
    case WhenWritten::kUpdate:
      return "update";
    case WhenWritten::kInject:
      return "inject";
    case WhenWritten::kNotify:
      return "notify";
  }
  return {};
}

std::string_view name_of(Source source) {
  switch (source) {
    case Source::kSendIpi:
      return "send-ipi";
    case Source::kKick:
      return "kick";
    case Source::kAsyncPfReady:
      return "async-pf-ready";
    case Source::kAsyncPfNotPresent:
      return "async-pf-not-present";
    case Source::kIcr:
      return "icr";
    case Source::kTimer:
      return "timer";
    case Source::kNmi:
      return "nmi";
    case Source::kMsi:
      return "msi";
  }
  return {};
}

std::string_view name_of(DeliveryMode mode) {
  if (mode == DeliveryMode::kFixed || mode == DeliveryMode::kLowestPriority) return "fixed";
  return mode == DeliveryMode::kNmi ? "nmi" : "";
}

void spill(std::uint64_t from, std::uint64_t bytes, std::vector<FieldWrite>& writes) {
  for (bytes = std::min(bytes, kMaxSpill); bytes != 0; ++from, --bytes)
    writes.push_back({from, kSpillByte, 1});
}

}  // namespace

std::span<const FieldWrite> Interposer::changed_memory(const FieldContext& context,
                                                       const FieldWrite& write) {
  writes_.assign(1, write);
  const auto holds = [&](std::string_view key, const Value& wanted) {
    if (key == "area") return is(wanted, name_of(context.area));
    if (key == "field") return is(wanted, "*") || is(wanted, context.field);
    if (key == "when") return is(wanted, name_of(context.when));
    return is(wanted, context.cpu);
  };
  for (Armed& armed : at(Seam::kMemory)) {
    if (!meets(armed, holds)) continue;
    const Rule& rule = armed.rule;
    const std::vector<FieldWrite> before = writes_;
    if (!writes_.empty()) {
      FieldWrite& one = writes_.front();
      if (const auto size = number(rule, "size"))
        one.size = static_cast<unsigned>(std::clamp<std::uint64_t>(*size, 1, 8));
      one.value = cut(altered(rule, one.value), one.size);
      if (const auto address = number(rule, "at-address"))
        one.address = *address + (write.address - context.area_begin);
      if (has(rule, "log")) one.logged = false;
    }
    if (has(rule, "write")) writes_.clear();
    if (const auto bytes = number(rule, "also-after-end")) spill(context.area_end, *bytes, writes_);
    if (writes_ != before) ++armed.committed;
  }
  return writes_;
}

std::span<const Interrupt> Interposer::changed_interrupt(const InterruptContext& context,
                                                         const Interrupt& one) {
  interrupts_.assign(1, one);
  const auto holds = [&](std::string_view key, const Value& wanted) {
    if (key == "from") return is(wanted, "any") || is(wanted, name_of(context.source));
    if (key == "vector") return is(wanted, one.vector);
    if (key == "mode") return is(wanted, name_of(one.mode));
    if (is(wanted, "lowest")) return one.cpu == context.lowest;
    if (is(wanted, "highest")) return one.cpu == context.highest;
    return is(wanted, one.cpu);
  };
  for (Armed& armed : at(Seam::kInterrupt)) {
    // A rule about the token alone is committed in changed_token().
    if (armed.rule.effects.size() == 1 && has(armed.rule, "token")) continue;
    if (!meets(armed, holds)) continue;
    const Rule& rule = armed.rule;
    const std::vector<Interrupt> before = interrupts_;
    if (!interrupts_.empty()) {
      Interrupt& first = interrupts_.front();
      if (const auto vector = number(rule, "as-vector"))
        first.vector = static_cast<std::uint8_t>(*vector);
      if (word(rule, "as-mode") == "fixed") first.mode = DeliveryMode::kFixed;
      if (word(rule, "as-mode") == "nmi") first.mode = DeliveryMode::kNmi;
      if (const auto cpu = number(rule, "to-cpu")) first.cpu = static_cast<unsigned>(*cpu);
    }
    if (has(rule, "drop")) interrupts_.clear();
    if (const auto cpu = number(rule, "also-to-cpu")) {
      Interrupt copy = before.empty() ? one : before.front();
      copy.cpu = static_cast<unsigned>(*cpu);
      interrupts_.push_back(copy);
    }
    if (const auto times = number(rule, "repeat")) {
      const std::vector<Interrupt> once = std::exchange(interrupts_, {});
      for (std::uint64_t i = 0; i < std::min(*times, kMaxRepeat); ++i)
        interrupts_.insert(interrupts_.end(), once.begin(), once.end());
    }
    if (interrupts_ != before) ++armed.committed;
  }
  return interrupts_;
}

std::uint32_t Interposer::changed_token(Source source, unsigned cpu, std::uint32_t token) {
  for (Armed& armed : at(Seam::kInterrupt)) {
    const auto wanted = number(armed.rule, "token");
    if (!wanted) continue;
    const auto holds = [&](std::string_view key, const Value& condition) {
      if (key == "from") return is(condition, "any") || is(condition, name_of(source));
      if (key == "to")
        return is(condition, "lowest") || is(condition, "highest") || is(condition, cpu);
      return true;  // a token has no vector and no mode
    };
    if (!meets(armed, holds)) continue;
    const auto changed = static_cast<std::uint32_t>(*wanted);
    if (std::exchange(token, changed) != changed) ++armed.committed;
  }
  return token;
}

bool Interposer::changed_eoi(EoiKind kind, unsigned cpu, std::uint8_t vector) {
  bool leaves = true;
  for (Armed& armed : at(Seam::kApic)) {
    if (!meets(armed, [&](std::string_view key, const Value& wanted) {
          if (key == "event") return is(wanted, kind == EoiKind::kPvEoi ? "pv-eoi" : "apic-eoi");
          return is(wanted, key == "vector" ? vector : cpu);
        }))
      continue;
    leaves = false;  // in-service: keep is the seam's one effect
    ++armed.committed;
  }
  return leaves;
}

Exit Interposer::changed_exit(Exit exit) {
  const Exit original = exit;
  for (Armed& armed : at(Seam::kExit)) {
    if (!meets(armed, [&](std::string_view key, const Value& wanted) {
          if (key == "kind")
            return is(wanted, original.kind == ExitKind::kHypercall ? "hypercall" : "msr");
          return is(wanted, original.number);
        }))
      continue;
    const Exit before = exit;
    const Rule& rule = armed.rule;
    constexpr std::string_view kArguments[] = {"arg0", "arg1", "arg2"};
    for (std::size_t i = 0; i < 3; ++i)
      if (const auto value = number(rule, kArguments[i])) exit.arguments[i] = *value;
    if (const auto value = number(rule, "number")) exit.number = *value;
    if (const auto value = number(rule, "flags")) exit.flags = *value;
    if (const auto value = number(rule, "value")) exit.value = *value;
    if (const auto value = number(rule, "result")) exit.result = *value;
    if (has(rule, "drop")) exit.drop = true;
    if (exit != before) ++armed.committed;
  }
  return exit;
}

}  // namespace hypervet::violations
