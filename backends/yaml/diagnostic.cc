// SPDX-License-Identifier: Apache-2.0
#include "backends/yaml/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace hypervet::yaml {
namespace {

constexpr std::size_t kLongLine = 160;  // bytes; a longer line is cut
constexpr std::size_t kBefore = 70;     // kept before the column
constexpr std::size_t kAfter = 70;      // and behind it
constexpr std::size_t kLongQuote = 60;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// A place at or before `at` where no UTF-8 sequence is cut.
std::size_t whole(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && is_continuation(text[at])) --at;
  return at;
}

// The user's terminal is not to obey what stands in a file; it also obeys U+0080 to U+009F.
void hide_controls(std::string& text) {
  std::ranges::replace(text, '\t', ' ');
  std::ranges::replace_if(text, is_control, '?');
  for (std::size_t at = text.find('\xc2'); at != std::string::npos;
       at = text.find('\xc2', at + 1)) {
    if (at + 1 < text.size() && (static_cast<unsigned char>(text[at + 1]) & 0xe0) == 0x80)
      text.replace(at, 2, "?");
  }
}

}  // namespace

SourceFile::SourceFile(std::string file_path, std::string file_text)
    : path(std::move(file_path)), text(std::move(file_text)) {
  line_starts.push_back(0);
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) {
    line_starts.push_back(at + 1);
  }
}

std::string_view SourceFile::line(unsigned number) const {
  if (number == 0 || number > line_starts.size()) return {};
  const std::size_t start = line_starts[number - 1];
  const std::size_t end = number < line_starts.size() ? line_starts[number] - 1 : text.size();
  std::string_view found = std::string_view(text).substr(start, end - start);
  if (found.ends_with('\r')) found.remove_suffix(1);
  return found;
}

std::string to_string(const Mark& mark) {
  const std::string_view path = mark.file ? std::string_view(mark.file->path) : "<text>";
  if (mark.line == 0) return std::string(path);
  return fmt::format("{}:{}:{}", path, mark.line, mark.column);
}

Diagnostic diagnose(const Mark& mark, std::string message) {
  hide_controls(message);
  Diagnostic found{mark, std::move(message), {}, 0};
  if (!mark.file || mark.line == 0) return found;
  std::string_view line = mark.file->line(mark.line);
  std::size_t column = std::min<std::size_t>(mark.column == 0 ? 0 : mark.column - 1, line.size());
  if (line.size() > kLongLine) {
    const std::size_t from = column > kBefore ? whole(line, column - kBefore) : 0;
    const std::size_t to = whole(line, std::min(line.size(), column + kAfter));
    found.line_text = fmt::format("{}{}{}", from > 0 ? "..." : "", line.substr(from, to - from),
                                  to < line.size() ? "..." : "");
    column = column - from + (from > 0 ? 3 : 0);
  } else {
    found.line_text = line;
  }
  const auto end = found.line_text.begin() + static_cast<std::ptrdiff_t>(column);
  found.caret = static_cast<unsigned>(
      std::count_if(found.line_text.begin(), end, [](char c) { return !is_continuation(c); }));
  hide_controls(found.line_text);
  return found;
}

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = fmt::format("{}: {}", to_string(diagnostic.mark), diagnostic.message);
  if (!diagnostic.line_text.empty()) {
    text += fmt::format("\n{}\n{}^", diagnostic.line_text, std::string(diagnostic.caret, ' '));
  }
  return text;
}

std::string to_string(const Diagnostics& diagnostics) {
  std::string text;
  for (const auto& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += to_string(diagnostic);
  }
  return text;
}

std::string quote(std::string_view text) {
  const bool cut = text.size() > kLongQuote;
  std::string shown(text.substr(0, cut ? whole(text, kLongQuote) : text.size()));
  hide_controls(shown);
  return fmt::format("'{}{}'", shown, cut ? "..." : "");
}

void Problems::add(const Mark& mark, std::string message) {
  if (list_.size() == kLimit) {
    ++dropped_;
    return;
  }
  list_.push_back(diagnose(mark, std::move(message)));
}

void Problems::add(Diagnostic diagnostic) {
  if (list_.size() == kLimit) {
    ++dropped_;
    return;
  }
  list_.push_back(std::move(diagnostic));
}

void Problems::add(Diagnostics diagnostics) {
  for (Diagnostic& each : diagnostics) add(std::move(each));
}

Diagnostics Problems::take() {
  if (dropped_ > 0) {
    Mark whole_file{list_.back().mark.file, 0, 0};
    list_.push_back(
        diagnose(whole_file, fmt::format("{} further problems are not shown", dropped_)));
    dropped_ = 0;
  }
  return std::exchange(list_, {});
}

}  // namespace hypervet::yaml
