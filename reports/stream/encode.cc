// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/encode.h"

#include <fmt/format.h>

#include <utility>

#include "reports/stream/writer.h"

namespace hypervet::reports {
namespace {

// A guest may fill a string without end; the stream stays readable and says what is missing.
Json bounded(const std::string& text) {
  if (text.size() <= kMaxString) return text;
  return fmt::format("{} [{} more bytes left out]", std::string_view(text).substr(0, kMaxString),
                     text.size() - kMaxString);
}

// Of a log the beginning and the end tell most. Cut between lines where there are any; the whole
// stays within kMaxString, so writing again what was read cuts nothing more.
Json head_and_tail(std::string_view text) {
  if (text.size() <= kMaxString) return text;
  constexpr std::size_t kNote = 80;  // more than the note takes
  constexpr std::size_t kPart = (kMaxString - kNote) / 2;
  std::string_view head = text.substr(0, kPart);
  std::string_view tail = text.substr(text.size() - kPart);
  if (const auto end = head.rfind('\n'); end != head.npos) head = head.substr(0, end + 1);
  if (const auto end = tail.find('\n'); end != tail.npos) tail.remove_prefix(end + 1);
  return fmt::format("{}{}[... {} bytes left out ...]\n{}", head, head.ends_with('\n') ? "" : "\n",
                     text.size() - head.size() - tail.size(), tail);
}

Json to_json(const Clause& clause) {
  Json json = {{"id", clause.id},
               {"level", name(clause.level)},
               {"section", clause.section},
               {"text", bounded(clause.text)}};
  if (clause.untestable) json["untestable"] = bounded(*clause.untestable);
  json["cases"] = clause.cases;
  return json;
}

}  // namespace

Json to_json(const Counts& counts) {
  Json json = Json::object();
  for (Verdict verdict : kVerdicts) json[std::string(name(verdict))] = counts[verdict];
  return json;
}

Json to_json(const Run& run) {
  Json command_line = Json::array();
  for (const std::string& word : run.command_line) command_line.push_back(bounded(word));
  return {{"type", "run"},
          {"format", run.format},
          {"hypervet", run.hypervet},
          {"started", run.started},
          {"backend", run.backend},
          {"lab", run.lab},
          {"target", run.target},
          {"provider", run.provider},
          {"cpu", run.cpu},
          {"kernel", run.kernel},
          {"mitigations", run.mitigations},
          {"command_line", std::move(command_line)},
          {"seed", run.seed},
          {"jobs", run.jobs},
          {"spec_hash", run.spec_hash},
          {"payload_hash", run.payload_hash},
          {"planned", run.planned},
          {"notes", bounded(run.notes)}};
}

Json to_json(const Interface& interface) {
  Json clauses = Json::array();
  for (const Clause& clause : interface.clauses) clauses.push_back(to_json(clause));
  return {
      {"type", "interface"},
      {"id", interface.id},
      {"title", interface.title},
      {"source", {{"document", interface.source.document}, {"version", interface.source.version}}},
      {"clauses", std::move(clauses)}};
}

Json to_json(const Case& c) {
  Json parameters = Json::object();
  for (const auto& [key, value] : c.parameters) parameters[key] = bounded(value);
  Json marks = Json::array();
  for (Mark mark : c.marks) marks.push_back(name(mark));
  Json json = {{"type", "case"},
               {"id", c.id},
               {"clause", c.clause},
               {"case", c.name},
               {"parameters", std::move(parameters)},
               {"interface", c.interface},
               {"level", name(c.level)},
               {"backend", c.backend},
               {"target", c.target},
               {"provider", c.provider},
               {"verdict", name(c.verdict)},
               {"marks", std::move(marks)},
               {"reason", bounded(c.reason)},
               {"expected", bounded(c.expected)},
               {"observed", bounded(c.observed)},
               {"location", c.location},
               {"reproduce", bounded(c.reproduce)},
               {"seed", c.seed},
               {"duration_ns", c.duration_ns}};
  if (c.waiver) {
    json["waiver"] = {{"reason", bounded(c.waiver->reason)},
                      {"issue", bounded(c.waiver->issue)},
                      {"owner", bounded(c.waiver->owner)},
                      {"expires", c.waiver->expires}};
  }
  if (!c.detail.empty()) json["detail"] = bounded(c.detail);
  return json;
}

Json to_json(const Path& path) {
  Json json = {{"type", "path"},
               {"id", path.id},
               {"interface", path.interface},
               {"what", bounded(path.what)},
               {"backend", path.backend},
               {"target", path.target},
               {"provider", path.provider},
               {"unit", path.unit},
               {"samples", path.samples},
               {"min", path.min},
               {"median", path.median},
               {"p99", path.p99},
               {"spread", path.spread},
               {"overhead", path.overhead},
               {"noise_floor", path.noise_floor},
               {"contrast", path.contrast}};
  if (path.dividend) {
    json["dividend"] = {{"value", path.dividend->value},
                        {"low", path.dividend->low},
                        {"high", path.dividend->high}};
  }
  json["reason"] = bounded(path.reason);
  json["method"] = bounded(path.method);
  json["launches"] = path.launches;
  return json;
}

Json to_json(const Log& log) {
  return {{"type", "log"}, {"name", bounded(log.name)}, {"text", head_and_tail(log.text)}};
}

Json to_json(const Summary& summary) {
  return {{"type", "summary"},
          {"counts", to_json(summary.counts)},
          {"planned", summary.planned},
          {"executed", summary.executed},
          {"waived", summary.waived},
          {"unexpected_pass", summary.unexpected_pass},
          {"conformant", summary.conformant},
          {"exit_status", summary.exit_status},
          {"wall_ns", summary.wall_ns}};
}

Json to_json(const OtherRecord& other) { return Json::parse(other.text); }

Json to_json(const Record& record) {
  return std::visit([](const auto& typed) { return to_json(typed); }, record);
}

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

std::string to_json_line(const Record& record) {
  // Kept as it came: parsing and printing could change a number that does not fit our types.
  if (const auto* other = std::get_if<OtherRecord>(&record)) return other->text;
  return dump(to_json(record));
}

}  // namespace hypervet::reports
