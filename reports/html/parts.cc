// SPDX-License-Identifier: Apache-2.0
#include "reports/html/parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "reports/text.h"

namespace hypervet::reports::html {
namespace {

std::string escape(const std::string& value) {
  return kainjow::mustache::html_escape(visible(value));
}

}  // namespace

data unless_empty(std::string_view text) {
  return text.empty() ? data(false) : data(std::string(text));
}
data text(std::string_view view) { return data(std::string(view)); }
data number(std::uint64_t value) { return data(fmt::format("{}", value)); }

std::string capitalised(std::string_view words) {
  std::string result(words);
  if (!result.empty() && result[0] >= 'a' && result[0] <= 'z') result[0] -= 'a' - 'A';
  return result;
}

std::string_view glyph(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "✓";
    case Verdict::kFail:
      return "✗";
    case Verdict::kHang:
      return "…";
    case Verdict::kCrash:
      return "‼";
    case Verdict::kSkip:
      return "–";
    case Verdict::kError:
      return "!";
  }
  return "?";
}

std::string_view meaning(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "the clause holds";
    case Verdict::kFail:
      return "the clause is violated";
    case Verdict::kHang:
      return "no progress before the deadline";
    case Verdict::kCrash:
      return "triple fault, or the VMM died";
    case Verdict::kSkip:
      return "not offered by the target";
    case Verdict::kError:
      return "hypervet or the backend broke";
  }
  return "?";
}

std::string_view glyph(const ClauseDigest& clause) {
  if (clause.verdict) return glyph(*clause.verdict);
  if (clause.state == CellState::kUntestable) return "·";
  return clause.state == CellState::kNotRun ? "?" : " ";
}

std::string_view shown(const ClauseDigest& clause) {
  return clause.verdict ? name(*clause.verdict) : "none";
}

std::string_view status(const ClauseDigest& clause) {
  return clause.verdict ? name(*clause.verdict) : name(clause.state);
}

std::string anchor(std::string_view prefix, std::string_view id) {
  std::string result(prefix);
  for (const char c : id) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-' || c == '_';
    result += plain ? c : '_';
  }
  return result;
}

std::string share(const ClauseDigest& clause) {
  const std::uint64_t same = clause.counts[*clause.verdict];
  if (same == clause.cases.size()) return counted(same, "case");
  return fmt::format("{} of {}", same, counted(clause.cases.size(), "case"));
}

bool reference_only(const Digest& digest) {
  return std::ranges::all_of(digest.providers, &ProviderDigest::reference_model);
}

data sentences(const Headline& headline) {
  data list(data::type::list);
  for (const Sentence& sentence : headline.sentences) {
    data entry;
    entry["standing"] = text(name(sentence.standing));
    entry["badge"] = text(badge(sentence.standing));
    entry["text"] = sentence.text;
    list << entry;
  }
  return list;
}

data lines(const std::vector<std::string>& lines) {
  data list(data::type::list);
  for (const std::string& line : lines) list << data(line);
  return list;
}

data tallies(const Counts& counts) {
  data list(data::type::list);
  for (Verdict verdict : kVerdicts) {
    data entry;
    entry["verdict"] = text(name(verdict));
    entry["glyph"] = text(glyph(verdict));
    entry["meaning"] = text(meaning(verdict));
    entry["count"] = number(counts[verdict]);
    entry["any"] = data(counts[verdict] > 0);
    list << entry;
  }
  return list;
}

data parameters(const Case& c) {
  data list(data::type::list);
  for (const auto& [key, value] : c.parameters) {
    data pair;
    pair["key"] = key;
    pair["value"] = value;
    list << pair;
  }
  return list;
}

data marks(const Case& c) {
  data list(data::type::list);
  for (Mark mark : c.marks) list << text(name(mark));
  return list;
}

data providers(const std::vector<std::string>& names) {
  data list(data::type::list);
  for (const std::string& provider : names) {
    data named;
    named["name"] = provider;
    named["reference"] = data(is_reference_model(provider));
    list << named;
  }
  return list;
}

void set_logs(data& page, const std::vector<NamedLog>& logs) {
  data list(data::type::list);
  for (const auto& [name, log] : logs) {
    data entry;
    entry["name"] = name;
    entry["text"] = log->text;
    entry["lines"] =
        counted(static_cast<std::uint64_t>(std::ranges::count(log->text, '\n')), "line");
    list << entry;
  }
  page["has_logs"] = data(!logs.empty());
  page["logs"] = std::move(list);
}

WriterStatus render(const char* page_template, const data& page, std::ostream& out) {
  kainjow::mustache::mustache engine{std::string(page_template)};
  if (!engine.is_valid()) {
    return std::unexpected("the template of the HTML report: " + engine.error_message());
  }
  engine.set_custom_escape(escape);
  engine.render(page, out);
  return finish(out);
}

}  // namespace hypervet::reports::html
