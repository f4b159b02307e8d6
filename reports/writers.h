// SPDX-License-Identifier: Apache-2.0
// One writer per report format, all alike, and the table that names them. A writer derives
// everything from Results, keeps no state and may run in any thread. Guest-controlled strings are
// escaped for the format.
#pragma once

#include <expected>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "reports/stream/records.h"

namespace hypervet::reports {

struct WriterOptions {
  bool color = false;  // console only; whether the terminal wants it (NO_COLOR, isatty) is the
                       // caller's to know
};

// An error is one line without the path, which the writer does not know.
using WriterStatus = std::expected<void, std::string>;
using Writer = WriterStatus (*)(const Results&, std::ostream&, const WriterOptions&);

WriterStatus write_console(const Results& results, std::ostream& out, const WriterOptions& = {});
WriterStatus write_html(const Results& results, std::ostream& out, const WriterOptions& = {});
WriterStatus write_json(const Results& results, std::ostream& out, const WriterOptions& = {});
WriterStatus write_junit(const Results& results, std::ostream& out, const WriterOptions& = {});
WriterStatus write_ktap(const Results& results, std::ostream& out, const WriterOptions& = {});
WriterStatus write_sarif(const Results& results, std::ostream& out, const WriterOptions& = {});

struct Format {
  std::string_view name;       // as on the command line
  std::string_view extension;  // of a file of it, without the dot
  std::string_view what;       // one line for help
  Writer write;
};

// All formats, by name.
std::span<const Format> formats();
// nullptr when there is none of that name.
const Format* find_format(std::string_view name);
// "console, html, json, junit, ktap, sarif", for usage errors.
std::string format_names();

// Writes a report to a file; "-" is standard output. The error names the path and the reason.
std::expected<void, std::string> write_report(const Format& format, const Results& results,
                                              const std::string& path, const WriterOptions& = {});

// The same for any writer; `name` is the format's in errors.
std::expected<void, std::string> write_file(
    std::string_view name, const std::string& path,
    const std::function<WriterStatus(std::ostream&)>& write);

// Flushes and says whether everything arrived: the last line of every writer.
WriterStatus finish(std::ostream& out);

}  // namespace hypervet::reports
