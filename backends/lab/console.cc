// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/console.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "backends/lab/job.h"

namespace hypervet::lab {
namespace {

constexpr std::size_t kLongestReason = 300;

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return line;
}

// "[    1.234567] text" or "[    1.234567][    T1] text" without what is in brackets.
std::string_view without_stamp(std::string_view line) {
  while (line.starts_with('[')) {
    const auto end = line.find(']');
    if (end == std::string_view::npos) break;
    line.remove_prefix(end + 1);
    while (line.starts_with(' ')) line.remove_prefix(1);
  }
  return line;
}

bool is_trouble(std::string_view line) {
  static constexpr auto kBeginnings = std::to_array<std::string_view>(
      {"Kernel panic - not syncing", "Oops:", "BUG:", "kernel BUG at", "general protection fault",
       "invalid opcode:", "divide error:", "watchdog: BUG:", "INFO: rcu_", "rcu: INFO: rcu_",
       "INFO: task ", "PANIC: ", "traps: PANIC: "});
  return std::ranges::any_of(kBeginnings, [&](auto word) { return line.starts_with(word); });
}

// "STATUS BYTES", both decimal and nothing else.
std::optional<Console::End> parse_end(std::string_view text) {
  Console::End end;
  const char* const last = text.data() + text.size();
  const auto status = std::from_chars(text.data(), last, end.status);
  if (status.ec != std::errc() || status.ptr == last || *status.ptr != ' ') return std::nullopt;
  const auto bytes = std::from_chars(status.ptr + 1, last, end.out_bytes);
  if (bytes.ec != std::errc() || bytes.ptr != last) return std::nullopt;
  return end;
}

}  // namespace

void Console::add(std::string_view bytes) {
  text_.append(bytes.substr(0, kMost - std::min(kMost, text_.size())));
  for (auto end = text_.find('\n', line_start_); end != std::string::npos;
       end = text_.find('\n', line_start_)) {
    const auto whole = std::string_view(text_).substr(line_start_, end - line_start_);
    line_start_ = end + 1;
    line(trimmed(whole));
  }
}

void Console::line(std::string_view text) {
  if (text.starts_with(kMark)) {
    text.remove_prefix(kMark.size());
    if (text == "ready") ready_ = true;
    if (text.starts_with("fail ") && !failure_)
      failure_ = std::string(text.substr(5, kLongestReason));
    if (text.starts_with("end ")) end_ = parse_end(text.substr(4));
    return;
  }
  text = without_stamp(text);
  if (!trouble_ && is_trouble(text)) trouble_ = std::string(text.substr(0, kLongestReason));
}

std::string Console::last_lines(std::size_t count) const {
  std::vector<std::string_view> lines;
  std::string_view rest = text_;
  while (!rest.empty() && lines.size() < count) {
    const auto start = rest.find_last_of('\n');
    const auto last = trimmed(start == std::string_view::npos ? rest : rest.substr(start + 1));
    if (!last.empty() && !last.starts_with(kMark)) lines.push_back(last);
    rest = start == std::string_view::npos ? std::string_view() : rest.substr(0, start);
  }
  std::string text;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (!text.empty()) text += '\n';
    text += *line;
  }
  return text;
}

}  // namespace hypervet::lab
