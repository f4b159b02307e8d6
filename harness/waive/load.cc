// SPDX-License-Identifier: Apache-2.0
#include "harness/waive/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "harness/run/select.h"
#include "harness/spec/fields.h"
#include "harness/spec/yaml.h"

namespace hypervet::waive {
namespace {

using reports::Verdict;
using spec::Node;
using spec::Problems;
using spec::quote;

constexpr std::string_view kWhat = "a waiver";

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Empty, or why the glob can match nothing.
std::string fault_of_glob(std::string_view glob) {
  if (is_blank(glob.front()) || is_blank(glob.back())) return "begins or ends with a blank";
  if (std::ranges::any_of(glob, is_control)) return "holds a control character";
  return {};
}

// The same for one over ids. Up to the name of a case they are lower-case words.
std::string fault_of_clause_glob(std::string_view glob) {
  if (auto fault = fault_of_glob(glob); !fault.empty()) return fault;
  for (const char c : glob.substr(0, glob.find_first_of("*/["))) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    if (!plain && c != '?')
      return fmt::format("matches no id: there is no {} in one", quote({&c, 1}));
  }
  return {};
}

void read_clauses(const Node& node, Waiver& waiver, Problems& problems) {
  const auto words = spec::read_list(node, "clauses", problems);
  if (node.is_list() && node.items.empty()) problems.add(node.mark, "clauses is an empty list");
  for (const Node* word : words) {
    const auto text = spec::read_text(*word, "an id or glob of clauses", problems);
    if (!text) continue;
    if (const auto fault = fault_of_clause_glob(*text); !fault.empty()) {
      problems.add(word->mark, fmt::format("{} {}", quote(*text), fault));
    }
    waiver.clauses.push_back({*text, word->mark});
  }
}

void read_target(const Node& node, Waiver& waiver, Problems& problems) {
  const auto text = spec::read_text(node, "target", problems);
  if (!text) return;
  if (const auto fault = fault_of_glob(*text); !fault.empty()) {
    problems.add(node.mark, fmt::format("{} {}", quote(*text), fault));
  }
  waiver.target = *text;
}

void read_verdicts(const Node& node, Waiver& waiver, Problems& problems) {
  static constexpr std::array<std::string_view, 3> kWords = {"fail", "hang", "crash"};
  static constexpr std::array<Verdict, 3> kFailures = {Verdict::kFail, Verdict::kHang,
                                                       Verdict::kCrash};
  if (node.is_list() && node.items.empty()) problems.add(node.mark, "verdict is an empty list");
  for (const Node* word : spec::read_list(node, "verdict", problems)) {
    const auto index = spec::read_word(*word, "verdict", kWords, problems);
    if (!index) continue;
    if (waiver.expects(kFailures[*index])) {
      problems.add(word->mark, fmt::format("verdict names {} twice", quote(kWords[*index])));
    }
    waiver.verdicts.push_back(kFailures[*index]);
  }
}

// An address, or a page of the repository with or without an anchor.
bool is_issue(std::string_view text) {
  if (text.find_first_of(" \t\n\"<>") != text.npos) return false;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) return text.size() > scheme.size();
  }
  const auto page = text.substr(0, text.find('#'));
  return page.ends_with(".md") && page.size() > 3 && !page.starts_with('/') &&
         page.find("..") == page.npos && page.find(':') == page.npos;
}

void read_issue(const Node& node, Waiver& waiver, Problems& problems) {
  const auto text = spec::read_text(node, "issue", problems);
  if (!text) return;
  if (!is_issue(*text)) {
    problems.add(node.mark,
                 fmt::format("issue is an address (https://...) or a page of this repository "
                             "(FINDINGS.md#anchor), not {}",
                             quote(*text)));
  }
  waiver.issue = *text;
}

void read_expires(const Node& node, Waiver& waiver, Problems& problems) {
  const auto text = spec::read_text(node, "expires", problems);
  if (!text) return;
  const auto day = parse_day(*text);
  if (day) {
    waiver.expires = *day;
  } else {
    problems.add(node.mark,
                 fmt::format("expires is a day of the calendar, 2027-06-30, not {}", quote(*text)));
  }
}

// Text on one line, wherever the file breaks it.
void read_line(const Node& node, std::string_view what, std::string& line, Problems& problems) {
  line = spec::read_text(node, what, problems).value_or("");
  std::ranges::replace_if(line, is_control, ' ');
}

void read_waiver(const Node& node, std::vector<Waiver>& waivers, Problems& problems) {
  static constexpr std::array<std::string_view, 7> kKeys = {
      "clauses", "target", "verdict", "reason", "issue", "owner", "expires"};
  if (!spec::check_map(node, kWhat, kKeys, problems)) return;
  const auto before = problems.count();
  Waiver waiver;
  waiver.mark = node.mark;
  const auto read = [&](std::string_view key, auto&& reader) {
    if (const Node* found = spec::require(node, key, kWhat, problems)) reader(*found);
  };
  read("clauses", [&](const Node& n) { read_clauses(n, waiver, problems); });
  read("target", [&](const Node& n) { read_target(n, waiver, problems); });
  read("verdict", [&](const Node& n) { read_verdicts(n, waiver, problems); });
  read("reason", [&](const Node& n) { read_line(n, "reason", waiver.reason, problems); });
  read("issue", [&](const Node& n) { read_issue(n, waiver, problems); });
  read("owner", [&](const Node& n) { read_line(n, "owner", waiver.owner, problems); });
  read("expires", [&](const Node& n) { read_expires(n, waiver, problems); });
  if (problems.count() == before) waivers.push_back(std::move(waiver));
}

void read_file(const std::shared_ptr<const spec::SourceFile>& file, std::vector<Waiver>& waivers,
               Problems& problems) {
  static constexpr std::array<std::string_view, 1> kKeys = {"waivers"};
  const auto documents = spec::parse_yaml(file);
  if (!documents) {
    problems.add(documents.error());
    return;
  }
  for (const Node& document : *documents) {
    if (!spec::check_map(document, "a waiver file", kKeys, problems)) continue;
    const Node* list = spec::require(document, "waivers", "a waiver file", problems);
    if (list == nullptr) continue;
    if (!list->is_list() || list->items.empty()) {
      problems.add(list->mark, fmt::format("waivers is a list, not {}",
                                           list->is_list() ? "an empty one" : kind_name(*list)));
      continue;
    }
    for (const Node& each : list->items) read_waiver(each, waivers, problems);
  }
}

// Every text that `narrow` matches, `wide` matches too. A '*' of the narrow one stands for nothing
// as well as for more characters than the wide one has '?' to take.
bool covers(std::string_view wide, std::string_view narrow) {
  const auto filled = [&](const std::string& filling) {
    std::string text;
    for (const char c : narrow) {
      if (c == '*') {
        text += filling;
      } else {
        text += c;
      }
    }
    return text;
  };
  return run::matches(wide, filled("")) &&
         run::matches(wide, filled(std::string(wide.size() + 1, '\x01')));
}

bool covers(const Waiver& wide, const Waiver& narrow) {
  return covers(wide.target, narrow.target) && wide.expires >= narrow.expires &&
         std::ranges::all_of(narrow.verdicts, [&](Verdict v) { return wide.expects(v); }) &&
         std::ranges::all_of(narrow.clauses, [&](const ClauseGlob& glob) {
           return std::ranges::any_of(wide.clauses, [&](const ClauseGlob& other) {
             return covers(other.text, glob.text);
           });
         });
}

// An entry that does nothing would live on unnoticed when the other is mended.
void refuse_shadowed(const std::vector<Waiver>& waivers, Problems& problems) {
  for (std::size_t i = 0; i < waivers.size(); ++i) {
    for (std::size_t j = 0; j < waivers.size(); ++j) {
      if (i == j || !covers(waivers[j], waivers[i])) continue;
      const bool same = covers(waivers[i], waivers[j]);
      if (same && i < j) continue;  // the second of two equals is the one too many
      problems.add(waivers[i].mark,
                   fmt::format("the waiver does nothing: {} {}", to_string(waivers[j].mark),
                               same ? "says the same" : "waives all of it already"));
      break;
    }
  }
}

std::expected<std::vector<Waiver>, spec::Diagnostics> finish(std::vector<Waiver> waivers,
                                                             Problems& problems) {
  refuse_shadowed(waivers, problems);
  if (!problems.empty()) return std::unexpected(problems.take());
  return waivers;
}

}  // namespace

std::expected<std::vector<Waiver>, spec::Diagnostics> load(
    std::span<const std::filesystem::path> paths) {
  Problems problems;
  std::vector<Waiver> waivers;
  for (const auto& path : paths) {
    auto source = spec::read_source(path);
    if (source) {
      read_file(*source, waivers, problems);
    } else {
      problems.add(std::move(source.error()));
    }
  }
  return finish(std::move(waivers), problems);
}

std::expected<std::vector<Waiver>, spec::Diagnostics> load_text(std::string_view text,
                                                                const std::string& name) {
  Problems problems;
  std::vector<Waiver> waivers;
  read_file(std::make_shared<const spec::SourceFile>(name, std::string(text)), waivers, problems);
  return finish(std::move(waivers), problems);
}

}  // namespace hypervet::waive
