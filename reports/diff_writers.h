// SPDX-License-Identifier: Apache-2.0
// One writer per format of a difference, and the table that names them. Like the writers of a
// single run (writers.h): no state, any thread, strings of a guest escaped for the format.
#pragma once

#include <expected>
#include <ostream>
#include <string>
#include <string_view>

#include "reports/diff.h"
#include "reports/writers.h"

namespace hypervet::reports {

WriterStatus write_diff_html(const Comparison& comparison, std::ostream& out);
WriterStatus write_diff_json(const Comparison& comparison, std::ostream& out);

struct DiffFormat {
  std::string_view name;  // as on the command line
  WriterStatus (*write)(const Comparison&, std::ostream&);
};

// nullptr when there is none of that name.
const DiffFormat* find_diff_format(std::string_view name);
// "html, json", for help and usage errors.
std::string diff_format_names();

// "-" is standard output. The error names the path and the reason.
std::expected<void, std::string> write_diff(const DiffFormat& format, const Comparison& comparison,
                                            const std::string& path);

}  // namespace hypervet::reports
