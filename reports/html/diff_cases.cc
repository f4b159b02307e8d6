// SPDX-License-Identifier: Apache-2.0
#include "reports/html/diff_cases.h"

#include <fmt/format.h>

#include <utility>

#include "reports/text.h"

namespace hypervet::reports::html {
namespace {

std::string_view word(const Case* c) { return c != nullptr ? name(c->verdict) : "none"; }

std::string time(const CasePair& pair) {
  const auto one = [](const Case* c) {
    return c != nullptr ? human_duration(c->duration_ns) : std::string("–");
  };
  return fmt::format("{} → {}", one(pair.before), one(pair.after));
}

data one_side(std::string_view letter, const Case* c) {
  data entry;
  entry["letter"] = text(letter);
  entry["verdict"] = text(word(c));
  entry["status"] = text(c != nullptr ? name(c->verdict) : "not in this run");
  static const Case kNothing;
  const Case& shown = c != nullptr ? *c : kNothing;
  entry["marks"] = marks(shown);
  entry["reason"] = unless_empty(shown.reason);
  entry["waiver"] = shown.waiver ? data(waiver_line(shown)) : data(false);
  entry["compare"] = data(!shown.expected.empty() || !shown.observed.empty());
  entry["expected"] = shown.expected;
  entry["observed"] = shown.observed;
  entry["detail"] = unless_empty(shown.detail);
  const bool repeat = c != nullptr && c->verdict != Verdict::kPass;
  entry["reproduce"] = repeat ? unless_empty(shown.reproduce) : data(false);
  return entry;
}

}  // namespace

std::string both(std::string_view a, std::string_view b) {
  return a == b ? std::string(a) : fmt::format("{} {}", a, b);
}

bool plain(const CasePair& pair) {
  const auto passes = [](const Case* c) {
    return c != nullptr && c->verdict == Verdict::kPass && c->marks.empty();
  };
  return passes(pair.before) && passes(pair.after);
}

void set_verdict(data& entry, const std::string& side, std::string_view shown,
                 std::string_view glyph, std::string_view status) {
  entry["verdict_" + side] = text(shown);
  entry["glyph_" + side] = text(glyph);
  entry["status_" + side] = text(status);
}

data case_line(const CasePair& pair) {
  const Case& c = pair.any();
  data entry;
  entry["change"] = text(name(pair.change));
  entry["title"] = text(title(pair.change));
  entry["verdict"] = text(word(pair.after));
  entry["verdicts"] = both(word(pair.before), word(pair.after));
  set_verdict(entry, "a", word(pair.before), pair.before ? glyph(pair.before->verdict) : "",
              pair.before ? name(pair.before->verdict) : "absent");
  set_verdict(entry, "b", word(pair.after), pair.after ? glyph(pair.after->verdict) : "",
              pair.after ? name(pair.after->verdict) : "absent");
  entry["name"] = c.name.empty() ? text(instance_name(c)) : data(c.name);
  entry["parameters"] = parameters(c);
  entry["time"] = time(pair);
  entry["link"] = data(false);
  entry["has_body"] = data(false);
  return entry;
}

void set_body(data& entry, const CasePair& pair) {
  const Case& c = pair.any();
  data sides(data::type::list);
  sides << one_side("A", pair.before);
  sides << one_side("B", pair.after);
  entry["has_body"] = data(true);
  entry["sides"] = std::move(sides);
  entry["location"] = unless_empty(c.location);
  entry["provider"] = unless_empty(c.provider);
}

}  // namespace hypervet::reports::html
