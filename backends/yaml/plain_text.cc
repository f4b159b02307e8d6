// SPDX-License-Identifier: Apache-2.0
#include "backends/yaml/plain_text.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "backends/yaml/reader.h"

namespace hypervet::yaml {
namespace {

// Of a sequence that utf8_length() found.
char32_t code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first;
  char32_t value = first & (0x7fu >> sequence.size());
  for (const char c : sequence.substr(1))
    value = value << 6 | (static_cast<unsigned char>(c) & 0x3f);
  return value;
}

// Controls of both ranges, the line ends that only YAML 1.1 knows, and what is no character.
bool unwanted(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
         (c & 0xfffe) == 0xfffe;
}

constexpr char32_t kByteOrderMark = 0xfeff;

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  const auto byte = [text, at](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - at < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

std::optional<Diagnostic> refuse_bytes(const std::shared_ptr<const SourceFile>& file) {
  const std::string_view text = file->text;
  std::size_t flow_pieces = 0;
  bool indentation = true;
  unsigned line = 1;
  std::size_t line_start = 0;
  const auto here = [&](std::size_t at, std::string message) {
    return diagnose({file, line, static_cast<unsigned>(at - line_start + 1)}, std::move(message));
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::size_t length = utf8_length(text, at);
    if (length == 0) {
      return here(at, fmt::format("the byte {:#04x} is not UTF-8", static_cast<unsigned char>(c)));
    }
    const char32_t code = code_point(text.substr(at, length));
    if (c == '\t' && indentation) return here(at, "a tab in the indentation; YAML wants spaces");
    const bool ends_line = c == '\n' || (c == '\r' && text.substr(at).starts_with("\r\n"));
    if ((unwanted(code) && c != '\t' && !ends_line) || (code == kByteOrderMark && at > 0)) {
      return here(at, fmt::format("the control character {:#04x} does not belong in a text",
                                  static_cast<unsigned>(code)));
    }
    flow_pieces += c == ',' || c == '[' || c == '{' ? 1 : 0;
    if (flow_pieces > kMaxNodes)
      return here(at, fmt::format("the file holds more than {} values", kMaxNodes));
    if (c == '\n') {
      ++line;
      line_start = at + 1;
      indentation = true;
    } else if (c != ' ') {
      indentation = false;
    }
    at += length;
  }
  return std::nullopt;
}

}  // namespace hypervet::yaml
