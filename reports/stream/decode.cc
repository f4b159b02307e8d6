// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/decode.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "reports/stream/reader.h"

namespace hypervet::reports {
namespace {

using Json = nlohmann::json;

[[noreturn]] void bad(std::size_t column, std::string message) {
  throw LineError{LineError::Kind::kBad, column, std::move(message)};
}

// The members of one object, fetched by name and type. Throws LineError, which decode_record
// catches.
class Fields {
 public:
  // `what` names the object in messages: "case record".
  Fields(const Json& object, std::string_view line, std::string what)
      : object_(object), line_(line), what_(std::move(what)) {
    if (!object_.is_object()) bad(1, fmt::format("{} must be an object", what_));
  }

  const std::string& string(const char* key) const { return text(key, required(key)); }
  std::string optional_string(const char* key) const {
    const Json* value = optional(key);
    return value ? text(key, *value) : std::string();
  }
  bool has(const char* key) const { return optional(key) != nullptr; }

  std::uint64_t number(const char* key) const { return unsigned_number(key, required(key)); }
  std::uint64_t optional_number(const char* key, std::uint64_t otherwise = 0) const {
    const Json* value = optional(key);
    return value ? unsigned_number(key, *value) : otherwise;
  }
  int small_number(const char* key) const {
    const Json& value = required(key);
    constexpr int kMost = std::numeric_limits<int>::max();
    const bool fits = value.is_number_unsigned()
                          ? value.get<std::uint64_t>() <= kMost
                          : value.is_number_integer() && value.get<std::int64_t>() >= -kMost;
    if (!fits) mistyped(key, "a small whole number");
    return value.get<int>();
  }
  bool boolean(const char* key) const {
    const Json& value = required(key);
    if (!value.is_boolean()) mistyped(key, "true or false");
    return value.get<bool>();
  }
  // Empty array when the key is absent and not `must_be_there`.
  const Json& array(const char* key, bool must_be_there) const {
    static const Json kEmpty = Json::array();
    const Json* value = must_be_there ? &required(key) : optional(key);
    if (!value) return kEmpty;
    if (!value->is_array()) mistyped(key, "an array");
    return *value;
  }
  std::vector<std::string> strings(const char* key) const {
    std::vector<std::string> words;
    for (const Json& value : array(key, false)) {
      if (!value.is_string()) mistyped(key, "an array of strings");
      words.push_back(value.get_ref<const std::string&>());
    }
    return words;
  }
  std::map<std::string, std::string> string_map(const char* key) const {
    std::map<std::string, std::string> map;
    const Json* value = optional(key);
    if (!value) return map;
    if (!value->is_object()) mistyped(key, "an object of strings");
    for (const auto& [name, text] : value->items()) {
      if (!text.is_string()) mistyped(key, "an object of strings");
      map.emplace(name, text.get_ref<const std::string&>());
    }
    return map;
  }
  Fields object(const char* key) const {
    const Json& value = required(key);
    if (!value.is_object()) mistyped(key, "an object");
    return Fields(value, line_, fmt::format("\"{}\" of {}", key, what_));
  }
  template <typename Enum>
  Enum word(const char* key, std::optional<Enum> (*parse)(std::string_view)) const {
    return parsed(key, string(key), parse);
  }
  template <typename Enum>
  Enum parsed(const char* key, const std::string& word,
              std::optional<Enum> (*parse)(std::string_view)) const {
    const std::optional<Enum> value = parse(word);
    if (!value) {
      bad(column_of(key), fmt::format("\"{}\" of {} has the unknown value \"{}\"", key, what_,
                                      word.size() <= 40 ? word : word.substr(0, 40) + "..."));
    }
    return *value;
  }

 private:
  const Json* optional(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  const Json& required(const char* key) const {
    const Json* value = optional(key);
    if (!value) bad(1, fmt::format("{} lacks \"{}\"", what_, key));
    return *value;
  }
  const std::string& text(const char* key, const Json& value) const {
    if (!value.is_string()) mistyped(key, "a string");
    return value.get_ref<const std::string&>();
  }
  std::uint64_t unsigned_number(const char* key, const Json& value) const {
    if (!value.is_number_unsigned()) mistyped(key, "a whole number that is not negative");
    return value.get<std::uint64_t>();
  }
  [[noreturn]] void mistyped(const char* key, std::string_view wanted) const {
    bad(column_of(key), fmt::format("\"{}\" of {} must be {}", key, what_, wanted));
  }
  // The parser keeps no positions, so the key is looked for in the text: right unless a value
  // quotes it earlier.
  std::size_t column_of(const char* key) const {
    const std::size_t at = line_.find(fmt::format("\"{}\":", key));
    return at == std::string_view::npos ? 1 : at + 1;
  }

  const Json& object_;
  std::string_view line_;
  std::string what_;
};

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

Json parse(std::string_view line) {
  if (too_deep(line)) bad(1, fmt::format("nested deeper than {} levels", kMaxNesting));
  try {
    return Json::parse(line);
  } catch (const Json::parse_error& error) {
    const bool at_end = error.byte > line.size();
    throw LineError{at_end ? LineError::Kind::kCut : LineError::Kind::kBad,
                    std::max<std::size_t>(error.byte, 1), "not JSON: " + plain(error.what())};
  } catch (const Json::exception& error) {  // a number out of range
    bad(1, fmt::format("not JSON: {}", plain(error.what())));
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
