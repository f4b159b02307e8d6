// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "harness/spec/yaml.h"

namespace hypervet::spec {
namespace {

constexpr std::size_t kLongestWord = 64;  // longer ones get no suggestion: keeps the cost bounded

// Edits (insert, delete, replace, swap of neighbours) that make b of a.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        now[j] = std::min(now[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kLongestWord) return "";
  std::size_t nearest = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string_view found;
  for (const std::string_view each : known) {
    if (each.empty() || each.size() > kLongestWord) continue;
    const std::size_t edits = distance(word, each);
    if (edits < nearest && edits < each.size()) {
      nearest = edits;
      found = each;
    }
  }
  return found.empty() ? "" : fmt::format(", did you mean {}?", quote(found));
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  return did_you_mean(word, views);
}

std::string one_of(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace hypervet::spec
