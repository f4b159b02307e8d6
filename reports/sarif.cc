// SPDX-License-Identifier: Apache-2.0
// SARIF 2.1.0 (OASIS): clauses are rules, failures are results located at the case in its spec
// file. A waived failure is a suppressed result. Errors of hypervet or the backend are
// notifications of the tool, not results. Passes and skips are not listed: a SARIF viewer shows
// problems.
#include <fmt/format.h>

#include <charconv>
#include <unordered_map>
#include <utility>

#include "reports/digest.h"
#include "reports/headline.h"
#include "reports/stream/encode.h"
#include "reports/text.h"
#include "reports/writers.h"

namespace hypervet::reports {
namespace {

std::string_view sarif_level(Level level) {
  switch (level) {
    case Level::kMust:
      return "error";
    case Level::kShould:
      return "warning";
    case Level::kMay:
      return "note";
  }
  return "none";
}

Json message(std::string_view text) { return {{"text", visible(text)}}; }

// A relative URI reference: everything but unreserved characters and '/' is percent-encoded (RFC
// 3986, 2.1). With it no colon can make the first segment look like a scheme.
std::string uri(std::string_view path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  std::string encoded;
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

// Takes ":NUMBER" from the end of the text; 0 and nothing taken if there is none.
unsigned take_number(std::string_view& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return 0;
  const std::string_view digits = text.substr(colon + 1);
  unsigned number = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  if (error != std::errc() || end != digits.end() || number == 0) return 0;
  text = text.substr(0, colon);
  return number;
}

// "file:line:column", "file:line" or "file".
Json location(std::string_view text) {
  Json region;
  if (const unsigned last = take_number(text); last > 0) {
    const unsigned line = take_number(text);
    region =
        line > 0 ? Json{{"startLine", line}, {"startColumn", last}} : Json{{"startLine", last}};
  }
  Json physical = {{"artifactLocation", {{"uri", uri(text)}}}};
  if (!region.is_null()) physical["region"] = std::move(region);
  return {{"physicalLocation", std::move(physical)}};
}

Json rule(const InterfaceDigest& interface, const ClauseDigest& clause) {
  const Clause& c = clause.clause;
  return {{"id", c.id},
          {"shortDescription", message(c.text.empty() ? c.id : c.text)},
          {"fullDescription", message(fmt::format("{} {}, {}: {}", interface.source.document,
                                                  interface.source.version, c.section, c.text))},
          {"defaultConfiguration", {{"level", sarif_level(c.level)}}},
          {"properties", {{"level", name(c.level)}, {"state", name(clause.state)}}}};
}

std::string story(const Case& c) {
  std::string text = fmt::format("{}: {}", name(c.verdict), c.reason.empty() ? c.id : c.reason);
  const auto add = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) text += fmt::format("\n{}: {}", label, value);
  };
  add("expected", c.expected);
  add("observed", c.observed);
  add("reproduce", c.reproduce);
  return text;
}

Json result(const Case& c, std::size_t rule_index) {
  Json json = {{"ruleId", c.clause},
               {"ruleIndex", rule_index},
               {"kind", "fail"},
               {"level", sarif_level(c.level)},
               {"message", message(story(c))},
               {"locations", Json::array({location(c.location)})},
               {"partialFingerprints", {{"hypervetCase/v1", c.id}}},
               {"properties",
                {{"verdict", name(c.verdict)},
                 {"case", c.id},
                 {"target", c.target},
                 {"provider", c.provider},
                 {"detail", visible(c.detail)}}}};
  if (c.location.empty()) json.erase("locations");
  if (c.has(Mark::kWaived)) {
    json["suppressions"] =
        Json::array({{{"kind", "external"}, {"justification", visible(waiver_line(c))}}});
  }
  return json;
}

Json notification(const Case& c) {
  return {{"level", "error"},
          {"message", message(c.id + ": " + c.reason)},
          {"associatedRule", {{"id", c.clause}}}};
}

}  // namespace

WriterStatus write_sarif(const Results& results, std::ostream& out, const WriterOptions&) {
  const Digest all = digest(results);
  Json rules = Json::array();
  Json found = Json::array();
  Json notifications = Json::array();
  for (const InterfaceDigest& interface : all.interfaces) {
    for (const ClauseDigest& clause : interface.clauses) {
      const std::size_t rule_index = rules.size();
      rules.push_back(rule(interface, clause));
      for (const Case* c : clause.cases) {
        if (is_failure(c->verdict)) found.push_back(result(*c, rule_index));
        if (c->verdict == Verdict::kError) notifications.push_back(notification(*c));
      }
    }
  }
  Json invocation = {{"executionSuccessful", all.complete && all.counts[Verdict::kError] == 0},
                     {"commandLine", shell_line(results.run.command_line)},
                     {"toolExecutionNotifications", std::move(notifications)}};
  if (!results.run.started.empty()) invocation["startTimeUtc"] = results.run.started;
  if (results.summary) invocation["exitCode"] = results.summary->exit_status;
  const Run& run = results.run;
  Json sarif_run = {
      {"tool",
       {{"driver",
         {{"name", "hypervet"}, {"version", run.hypervet}, {"rules", std::move(rules)}}}}},
      {"invocations", Json::array({std::move(invocation)})},
      {"results", std::move(found)},
      {"properties",
       {{"headline", headline(all).sentences.front().text},
        {"target", run.target},
        {"provider", run.provider},
        {"backend", run.backend},
        {"coverage", coverage_line(all.coverage)}}}};
  const Json document = {{"$schema",
                          "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
                          "sarif-schema-2.1.0.json"},
                         {"version", "2.1.0"},
                         {"runs", Json::array({std::move(sarif_run)})}};
  out << dump(document, 2) << '\n';
  return finish(out);
}

}  // namespace hypervet::reports
