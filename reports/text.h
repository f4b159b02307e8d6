// SPDX-License-Identifier: Apache-2.0
// Text that all writers share: strings of a guest made harmless, and figures as people read them.
// Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reports/stream/records.h"

namespace hypervet::reports {

enum class Breaks {
  kKeep,   // line breaks and tabs stay
  kSpell,  // they are spelled out too, so the result is one line
};

// The text as valid UTF-8 without anything that acts on a terminal, is forbidden in XML or turns
// the reading direction: such characters are spelled out as \x1b or \u{202e}; bytes that are not
// UTF-8 become U+FFFD.
std::string visible(std::string_view text, Breaks breaks = Breaks::kKeep);

// "1 case", "2 cases"; the plural adds an s.
std::string counted(std::uint64_t number, std::string_view noun);

// "412 ns", "3.1 ms", "2.00 s", "4 min 7 s".
std::string human_duration(std::uint64_t nanoseconds);

// "MUST", "SHOULD", "MAY".
std::string_view upper_name(Level level);

// The part of a case's id that follows its clause: "unused number[nr=13]".
std::string_view instance_name(const Case& c);

// What the waiver of a case says, on one line: "until 2027-06-30: reason (issue; owner: who)". A
// stream of an older hypervet has it in the reason of the case. Empty without a mark of a waiver.
std::string waiver_line(const Case& c);

// The command line as a shell would take it.
std::string shell_line(const std::vector<std::string>& words);

}  // namespace hypervet::reports
