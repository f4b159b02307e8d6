// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "reports/stream/fields.h"
#include "reports/stream/reader.h"

namespace hypervet::reports {
namespace {

using Json = nlohmann::json;

Run decode_run(const Fields& f) {
  Run run;
  run.format = f.number("format");
  if (run.format > kStreamFormat) {
    const std::string by = f.optional_string("hypervet");
    throw LineError{
        LineError::Kind::kNewer, 1,
        fmt::format("the stream has format {}{}, this hypervet reads formats up to {}", run.format,
                    by.empty() ? "" : " (written by hypervet " + by + ")", kStreamFormat)};
  }
  if (run.format == 0) bad(1, "the stream has format 0, which no hypervet has written");
  run.hypervet = f.string("hypervet");
  run.started = f.string("started");
  run.backend = f.string("backend");
  run.lab = f.optional_string("lab");
  run.target = f.string("target");
  run.provider = f.string("provider");
  run.cpu = f.optional_string("cpu");
  run.kernel = f.optional_string("kernel");
  run.mitigations = f.optional_string("mitigations");
  run.command_line = f.strings("command_line");
  run.seed = f.optional_number("seed");
  run.jobs = f.optional_number("jobs", 1);
  run.spec_hash = f.optional_string("spec_hash");
  run.payload_hash = f.optional_string("payload_hash");
  run.planned = f.number("planned");
  run.notes = f.optional_string("notes");
  return run;
}

Clause decode_clause(const Fields& f) {
  Clause clause;
  clause.id = f.string("id");
  clause.level = f.word("level", parse_level);
  clause.section = f.optional_string("section");
  clause.text = f.optional_string("text");
  if (f.has("untestable")) clause.untestable = f.string("untestable");
  clause.cases = f.optional_number("cases");
  return clause;
}

Interface decode_interface(const Fields& f, std::string_view line) {
  Interface interface;
  interface.id = f.string("id");
  interface.title = f.optional_string("title");
  if (f.has("source")) {
    const Fields source = f.object("source");
    interface.source = {source.optional_string("document"), source.optional_string("version")};
  }
  for (const Json& clause : f.array("clauses", true)) {
    interface.clauses.push_back(
        decode_clause(Fields(clause, line, "a clause of an interface record")));
  }
  return interface;
}

Case decode_case(const Fields& f) {
  Case c;
  c.id = f.string("id");
  c.clause = f.string("clause");
  c.name = f.optional_string("case");
  c.parameters = f.string_map("parameters");
  c.interface = f.string("interface");
  c.level = f.word("level", parse_level);
  c.backend = f.optional_string("backend");
  c.target = f.optional_string("target");
  c.provider = f.optional_string("provider");
  c.verdict = f.word("verdict", parse_verdict);
  for (const std::string& mark : f.strings("marks")) {
    c.marks.push_back(f.parsed("marks", mark, parse_mark));
  }
  if (f.has("waiver")) {
    const Fields waiver = f.object("waiver");
    c.waiver = Waiver{waiver.string("reason"), waiver.optional_string("issue"),
                      waiver.optional_string("owner"), waiver.optional_string("expires")};
  }
  c.reason = f.optional_string("reason");
  c.expected = f.optional_string("expected");
  c.observed = f.optional_string("observed");
  c.location = f.optional_string("location");
  c.reproduce = f.optional_string("reproduce");
  c.seed = f.optional_number("seed");
  c.duration_ns = f.optional_number("duration_ns");
  c.detail = f.optional_string("detail");
  return c;
}

// A record with figures says of what they are: those of no samples would be noughts that mean
// nothing.
void check_measured(const Fields& f, const Path& path) {
  for (const char* key : {"unit", "samples", "min", "median", "p99"}) f.require(key);
  if (path.samples == 0) f.refuse("samples", "is 0 although there is no \"reason\"");
}

Path decode_path(const Fields& f) {
  Path path;
  path.id = f.string("id");
  path.interface = f.string("interface");
  path.what = f.optional_string("what");
  path.backend = f.optional_string("backend");
  path.target = f.optional_string("target");
  path.provider = f.optional_string("provider");
  path.unit = f.optional_string("unit");
  path.samples = f.optional_number("samples");
  path.min = f.optional_real("min");
  path.median = f.optional_real("median");
  path.p99 = f.optional_real("p99");
  path.spread = f.optional_real("spread");
  path.overhead = f.optional_real("overhead");
  path.noise_floor = f.optional_real("noise_floor");
  path.contrast = f.optional_string("contrast");
  if (f.has("dividend")) {
    const Fields dividend = f.object("dividend");
    path.dividend = Dividend{dividend.real("value"), dividend.real("low"), dividend.real("high")};
  }
  path.reason = f.optional_string("reason");
  path.method = f.optional_string("method");
  path.launches = f.real_lists("launches");
  if (path.reason.empty()) check_measured(f, path);
  return path;
}

Log decode_log(const Fields& f) { return {f.string("name"), f.string("text")}; }

Summary decode_summary(const Fields& f) {
  Summary summary;
  const Fields counts = f.object("counts");
  for (Verdict verdict : kVerdicts) {
    summary.counts[verdict] = counts.optional_number(std::string(name(verdict)).c_str());
  }
  summary.planned = f.number("planned");
  summary.executed = f.number("executed");
  summary.waived = f.optional_number("waived");
  summary.unexpected_pass = f.optional_number("unexpected_pass");
  summary.conformant = f.boolean("conformant");
  summary.exit_status = f.small_number("exit_status");
  summary.wall_ns = f.optional_number("wall_ns");
  return summary;
}

// Objects and arrays inside each other; braces in strings do not count. Bounded before parsing,
// because whoever walks the parsed value may recurse.
bool too_deep(std::string_view line) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxNesting) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

// nlohmann prefixes "[json.exception.parse_error.101] parse error at line 1, column 5: ".
std::string plain(std::string_view what) {
  if (const auto end = what.find("] "); what.starts_with('[') && end != std::string_view::npos) {
    what.remove_prefix(end + 2);
  }
  if (const auto end = what.find(": ");
      what.starts_with("parse error at") && end != std::string_view::npos) {
    what.remove_prefix(end + 2);
  }
  return std::string(what);
}

// Where the text stands in the line that the message quotes last.
std::size_t column_of_quoted(std::string_view line, std::string_view message) {
  const auto end = message.rfind('\'');
  const auto start = end == message.npos || end == 0 ? message.npos : message.rfind('\'', end - 1);
  if (start == message.npos) return 1;
  const auto at = line.find(message.substr(start + 1, end - start - 1));
  return at == line.npos ? 1 : at + 1;
}

Json parse(std::string_view line) {
  if (too_deep(line)) bad(1, fmt::format("nested deeper than {} levels", kMaxNesting));
  try {
    return Json::parse(line);
  } catch (const Json::parse_error& error) {
    const bool at_end = error.byte > line.size();
    throw LineError{at_end ? LineError::Kind::kCut : LineError::Kind::kBad,
                    std::max<std::size_t>(error.byte, 1), "not JSON: " + plain(error.what())};
  } catch (const Json::out_of_range& error) {  // 1e999: the message ends in the number, quoted
    std::string what = plain(error.what());
    bad(column_of_quoted(line, what), "not JSON: " + what);
  } catch (const Json::exception& error) {
    bad(1, "not JSON: " + plain(error.what()));
  }
}

Record decode(std::string_view line) {
  const Json json = parse(line);
  if (!json.is_object())
    bad(1, fmt::format("a record must be an object, not {}", json.type_name()));
  const std::string type = Fields(json, line, "the record").string("type");
  const Fields fields(json, line, type + " record");
  if (type == "run") return decode_run(fields);
  if (type == "interface") return decode_interface(fields, line);
  if (type == "case") return decode_case(fields);
  if (type == "path") return decode_path(fields);
  if (type == "log") return decode_log(fields);
  if (type == "summary") return decode_summary(fields);
  return OtherRecord{type, std::string(line)};
}

}  // namespace

std::expected<Record, LineError> decode_record(std::string_view line) {
  try {
    return decode(line);
  } catch (const LineError& error) {
    return std::unexpected(error);
  }
}

}  // namespace hypervet::reports
