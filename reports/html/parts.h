// SPDX-License-Identifier: Apache-2.0
// What the HTML pages share: signs and words of a verdict, data for the common fragments of the
// templates, rendering. Pure functions.
#pragma once

#include <cstdint>
#include <kainjow/mustache.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "reports/digest.h"
#include "reports/headline.h"
#include "reports/stream/records.h"
#include "reports/writers.h"

namespace hypervet::reports::html {

using kainjow::mustache::data;

// A section of the template opens for any string, also an empty one; false keeps it shut.
data unless_empty(std::string_view text);
data text(std::string_view view);
data number(std::uint64_t value);
// "Got worse" of "got worse"; for words of ours, which are ASCII.
std::string capitalised(std::string_view words);

// A verdict is never told by colour alone: a sign and its word go with it.
std::string_view glyph(Verdict verdict);
std::string_view meaning(Verdict verdict);
// Of a clause, judged or not.
std::string_view glyph(const ClauseDigest& clause);
// The class that colours a clause, and its word: "pass", "none"; "pass", "untestable".
std::string_view shown(const ClauseDigest& clause);
std::string_view status(const ClauseDigest& clause);

// Ids become fragments of addresses; those of specs are plain words already.
std::string anchor(std::string_view prefix, std::string_view id);

// How many of a clause's cases ended as its verdict says; the clause has cases.
std::string share(const ClauseDigest& clause);
// Only providers that are hypervet's own models.
bool reference_only(const Digest& digest);

// Lists for the templates.
data sentences(const Headline& headline);
data lines(const std::vector<std::string>& lines);
data tallies(const Counts& counts);  // one entry per verdict, those without cases too
data parameters(const Case& c);
data marks(const Case& c);
data providers(const std::vector<std::string>& names);
struct NamedLog {
  std::string name;
  const Log* log;
};
// Sets "has_logs" and "logs".
void set_logs(data& page, const std::vector<NamedLog>& logs);

// Fills a template. All escaping happens here, in the template engine's escape function, and the
// templates have no unescaped tag, so no string of a guest can become markup.
WriterStatus render(const char* page_template, const data& page, std::ostream& out);

}  // namespace hypervet::reports::html
