// SPDX-License-Identifier: Apache-2.0
// One writer per format of a comparison of timed paths, and the table that names them. Like the
// writers of a single run (writers.h): no state, any thread, strings of a guest escaped for the
// format.
#pragma once

#include <expected>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "reports/comparison.h"
#include "reports/writers.h"

namespace hypervet::reports {

WriterStatus write_comparison_html(const TimingComparison& comparison, std::ostream& out);
WriterStatus write_comparison_json(const TimingComparison& comparison, std::ostream& out);

struct ComparisonFormat {
  std::string_view name;  // as on the command line
  WriterStatus (*write)(const TimingComparison&, std::ostream&);
};

// nullptr when there is none of that name.
const ComparisonFormat* find_comparison_format(std::string_view name);
// "html, json", for help and usage errors.
std::string comparison_format_names();

// "-" is standard output. The error names the path and the reason.
std::expected<void, std::string> write_comparison(const ComparisonFormat& format,
                                                  const TimingComparison& comparison,
                                                  const std::string& path);

// The comparison as a table of text: a heading, then a line per row. A reason stands below its row,
// indented. Strings are made harmless for a terminal.
struct ComparisonLine {
  std::string text;     // up to the outcome
  std::string outcome;  // the word, for whoever wants to colour it; empty in the heading
  Outcome value = Outcome::kNotComparable;
  std::string reason;  // below; may be empty
};
std::vector<ComparisonLine> comparison_table(const TimingComparison& comparison);

}  // namespace hypervet::reports
