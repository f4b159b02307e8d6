// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/debian_version.h"

#include <algorithm>

namespace hypervet::lab {
namespace {

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

// A tilde sorts before the end of the text, that before letters, and those before all else.
int weight(std::string_view text) {
  if (text.empty() || is_digit(text[0])) return 0;
  const auto letter = static_cast<unsigned char>(text[0]);
  if (letter == '~') return -1;
  const bool alphabetic = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
  return alphabetic ? letter : letter + 256;
}

// Takes the digits in front, without leading zeros.
std::string_view take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  const auto end =
      static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
  const std::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  return number;
}

int sign(std::size_t a, std::size_t b) { return a < b ? -1 : a > b ? 1 : 0; }

// By turns a part without digits and a number.
int compare_part(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    while ((!a.empty() && !is_digit(a[0])) || (!b.empty() && !is_digit(b[0]))) {
      if (const int order = weight(a) - weight(b)) return order;
      a.remove_prefix(std::min<std::size_t>(1, a.size()));
      b.remove_prefix(std::min<std::size_t>(1, b.size()));
    }
    const std::string_view one = take_number(a);
    const std::string_view other = take_number(b);
    if (const int order = sign(one.size(), other.size())) return order;
    if (const int order = one.compare(other)) return order;
  }
  return 0;
}

struct Version {
  std::string_view epoch = "0";
  std::string_view upstream;
  std::string_view revision;

  explicit Version(std::string_view text) {
    if (const std::size_t colon = text.find(':'); colon != text.npos) {
      epoch = text.substr(0, colon);
      text.remove_prefix(colon + 1);
    }
    if (const std::size_t dash = text.rfind('-'); dash != text.npos) {
      revision = text.substr(dash + 1);
      text = text.substr(0, dash);
    }
    upstream = text;
  }
};

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  const Version one(a);
  const Version other(b);
  if (const int order = compare_part(one.epoch, other.epoch)) return order;
  if (const int order = compare_part(one.upstream, other.upstream)) return order;
  return compare_part(one.revision, other.revision);
}

}  // namespace hypervet::lab
