// SPDX-License-Identifier: Apache-2.0
// One case on the page of a difference: its line with both verdicts, and both sides in full. Pure
// functions; the page's template engine escapes all strings.
#pragma once

#include <string>
#include <string_view>

#include "reports/diff.h"
#include "reports/html/parts.h"

namespace hypervet::reports::html {

// Both words once: the filters show a case when either side has a chosen verdict.
std::string both(std::string_view a, std::string_view b);

// A pass with nothing more to say, on both sides.
bool plain(const CasePair& pair);

// Sets what verdicts.mustache wants of one side, "a" or "b".
void set_verdict(data& entry, const std::string& side, std::string_view shown,
                 std::string_view glyph, std::string_view status);

// What stands in a case's line; "link" and "has_body" are false.
data case_line(const CasePair& pair);

// Sets what sides.mustache wants, and "has_body".
void set_body(data& entry, const CasePair& pair);

}  // namespace hypervet::reports::html
