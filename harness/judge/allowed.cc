// SPDX-License-Identifier: Apache-2.0
#include "harness/judge/allowed.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace hypervet::judge {
namespace {

using program::Allowed;
using spec::Environment;
using spec::Expression;
using spec::Number;
using Answer = std::expected<bool, spec::Diagnostic>;

// Each element of a list, or the one number.
template <typename Predicate>
bool every(const Number& value, Predicate predicate) {
  if (!value.is_list) return predicate(value.value);
  return std::ranges::all_of(value.list, predicate);
}

Answer equals(const Expression& expression, const Number& value, const Environment& names) {
  const auto wanted = expression.evaluate(names);
  if (!wanted) return std::unexpected(wanted.error());
  return spec::same(*wanted, value);
}

Answer in_range(const Allowed& allowed, const Number& value, const Environment& names) {
  std::uint64_t low = 0;
  std::uint64_t high = ~std::uint64_t{0};
  for (const auto& [bound, into] : {std::pair(&allowed.a, &low), std::pair(&allowed.b, &high)}) {
    if (!*bound) continue;
    const auto number = (*bound)->evaluate(names);
    if (!number) return std::unexpected(number.error());
    *into = number->value;
  }
  return every(value, [=](std::uint64_t each) { return low <= each && each <= high; });
}

Answer masked(const Allowed& allowed, const Number& value, const Environment& names) {
  const auto a = allowed.a->evaluate(names);
  if (!a) return std::unexpected(a.error());
  const auto b = allowed.b->evaluate(names);
  if (!b) return std::unexpected(b.error());
  if (allowed.kind == Allowed::Kind::kMask)
    return every(value, [&](std::uint64_t each) { return (each & a->value) == b->value; });
  return every(value, [&](std::uint64_t each) {
    return (a->value < 64 ? (each >> a->value) & 1 : 0) == b->value;
  });
}

Answer is_list(const Allowed& allowed, const Number& value, const Environment& names) {
  if (!value.is_list) return false;
  // As `==` in expressions has it: the shorter list counts as filled up with zeros.
  const std::size_t length = std::max(value.list.size(), allowed.items.size());
  const Allowed zero{Allowed::Kind::kZero, {}, {}, {}};
  for (std::size_t i = 0; i < length; ++i) {
    const Number element{i < value.list.size() ? value.list[i] : 0, {}, false};
    const Answer answer =
        allows(i < allowed.items.size() ? allowed.items[i] : zero, element, names);
    if (!answer || !*answer) return answer;
  }
  return true;
}

// Until one of the items answers `decisive`.
Answer combine(const Allowed& allowed, const Number& value, const Environment& names,
               bool decisive) {
  for (const Allowed& item : allowed.items) {
    const Answer answer = allows(item, value, names);
    if (!answer || *answer == decisive) return answer;
  }
  return !decisive;
}

bool is_literal(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789abcdefABCDEFx") == std::string_view::npos &&
         text.front() >= '0' && text.front() <= '9';
}

std::string text_of(const Expression& expression, const Environment& names) {
  const auto value = expression.evaluate(names);
  if (!value) return expression.text();
  const std::string number = judge::text_of(*value);
  if (is_literal(expression.text()) || number == expression.text()) return number;
  return fmt::format("{} ({})", number, expression.text());
}

std::string join(const Allowed& allowed, const Environment& names, const std::string& what,
                 std::string_view between) {
  std::string result;
  for (const Allowed& item : allowed.items) {
    if (!result.empty()) result += between;
    result += describe(item, what, names);
  }
  return result;
}

// An element of a list, without a name before it: "1", "even".
std::string element(const Allowed& item, const Environment& names) {
  if (item.kind == Allowed::Kind::kValue) return text_of(*item.a, names);
  const std::string text = describe(item, "", names);
  return text.starts_with(' ') ? text.substr(1) : text;
}

std::string range_text(const Allowed& allowed, const Environment& names) {
  std::string result;
  if (allowed.a) result = fmt::format("at least {}", text_of(*allowed.a, names));
  if (allowed.b)
    result += fmt::format("{}at most {}", result.empty() ? "" : ", ", text_of(*allowed.b, names));
  return result;
}

}  // namespace

std::string text_of(std::uint64_t value) {
  constexpr std::int64_t kSmall = -(1 << 16);
  const auto as_signed = static_cast<std::int64_t>(value);
  return as_signed < 0 && as_signed > kSmall ? fmt::format("{}", as_signed)
                                             : spec::format_number(value);
}

std::string text_of(const Number& value) {
  constexpr std::size_t kShown = 64;
  if (!value.is_list) return text_of(value.value);
  std::string result;
  for (std::size_t i = 0; i < std::min(value.list.size(), kShown); ++i)
    result += (i == 0 ? "" : ", ") + text_of(value.list[i]);
  if (value.list.size() > kShown) result += fmt::format(", ... {} in all", value.list.size());
  return "{" + result + "}";
}

Answer allows(const Allowed& allowed, const Number& value, const Environment& names) {
  switch (allowed.kind) {
    case Allowed::Kind::kValue:
      return equals(*allowed.a, value, names);
    case Allowed::Kind::kEven:
      return every(value, [](std::uint64_t each) { return each % 2 == 0; });
    case Allowed::Kind::kOdd:
      return every(value, [](std::uint64_t each) { return each % 2 == 1; });
    case Allowed::Kind::kZero:
      return every(value, [](std::uint64_t each) { return each == 0; });
    case Allowed::Kind::kNonzero:
      return every(value, [](std::uint64_t each) { return each != 0; });
    case Allowed::Kind::kRange:
      return in_range(allowed, value, names);
    case Allowed::Kind::kMask:
    case Allowed::Kind::kBit:
      return masked(allowed, value, names);
    case Allowed::Kind::kNot: {
      const Answer answer = allows(allowed.items.front(), value, names);
      return answer ? Answer(!*answer) : answer;
    }
    case Allowed::Kind::kOneOf:
      return combine(allowed, value, names, true);
    case Allowed::Kind::kAllOf:
      return combine(allowed, value, names, false);
    case Allowed::Kind::kDiffers: {
      const Answer answer = equals(*allowed.a, value, names);
      return answer ? Answer(!*answer) : answer;
    }
    case Allowed::Kind::kList:
      return is_list(allowed, value, names);
  }
  return false;
}

std::string describe(const Allowed& allowed, const std::string& what, const Environment& names) {
  switch (allowed.kind) {
    case Allowed::Kind::kValue:
      return fmt::format("{} = {}", what, text_of(*allowed.a, names));
    case Allowed::Kind::kEven:
      return what + " even";
    case Allowed::Kind::kOdd:
      return what + " odd";
    case Allowed::Kind::kZero:
      return what + " zero";
    case Allowed::Kind::kNonzero:
      return what + " nonzero";
    case Allowed::Kind::kRange:
      return fmt::format("{} {}", what, range_text(allowed, names));
    case Allowed::Kind::kMask:
      return fmt::format("{} & {} = {}", what, text_of(*allowed.a, names),
                         text_of(*allowed.b, names));
    case Allowed::Kind::kBit:
      return fmt::format("{} bit {} = {}", what, text_of(*allowed.a, names),
                         text_of(*allowed.b, names));
    case Allowed::Kind::kNot:
      return fmt::format("not ({})", describe(allowed.items.front(), what, names));
    case Allowed::Kind::kOneOf:
      return join(allowed, names, what, " or ");
    case Allowed::Kind::kAllOf:
      return join(allowed, names, what, " and ");
    case Allowed::Kind::kDiffers:
      return fmt::format("{} other than {}", what, text_of(*allowed.a, names));
    case Allowed::Kind::kList: {
      std::string list;
      for (const Allowed& item : allowed.items)
        list += (list.empty() ? "" : ", ") + element(item, names);
      return fmt::format("{} = {{{}}}", what, list);
    }
  }
  return what;
}

}  // namespace hypervet::judge
