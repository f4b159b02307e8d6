// SPDX-License-Identifier: Apache-2.0
// JUnit XML as Jenkins, GitLab and GitHub actions read it: a testsuite per interface, a testcase
// per case instance. fail, hang and crash are <failure> with the verdict as type; error is <error>;
// skip is <skipped>. JUnit has no word for a waived failure: it becomes <skipped> whose message
// says so, since a CI server shall not turn red on it. The properties of a testcase always tell
// hypervet's own verdict and marks.
#include <fmt/format.h>

#include <pugixml.hpp>
#include <string>

#include "reports/digest.h"
#include "reports/text.h"
#include "reports/writers.h"

namespace hypervet::reports {
namespace {

void set(pugi::xml_node node, const char* key, std::string_view value) {
  node.append_attribute(key).set_value(visible(value, Breaks::kSpell).c_str());
}
void set(pugi::xml_node node, const char* key, std::uint64_t value) {
  node.append_attribute(key).set_value(static_cast<unsigned long long>(value));
}

void set_seconds(pugi::xml_node node, std::uint64_t nanoseconds) {
  set(node, "time",
      fmt::format("{}.{:06}", nanoseconds / 1'000'000'000, nanoseconds / 1000 % 1'000'000));
}

void property(pugi::xml_node properties, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  pugi::xml_node node = properties.append_child("property");
  set(node, "name", name);
  set(node, "value", value);
}

struct Tally {
  std::uint64_t tests = 0, failures = 0, errors = 0, skipped = 0;
  void add(const Case& c) {
    ++tests;
    if (is_failure(c.verdict)) ++(c.has(Mark::kWaived) ? skipped : failures);
    errors += c.verdict == Verdict::kError;
    skipped += c.verdict == Verdict::kSkip;
  }
  void write(pugi::xml_node node) const {
    set(node, "tests", tests);
    set(node, "failures", failures);
    set(node, "errors", errors);
    set(node, "skipped", skipped);
  }
};

std::string story(const ClauseDigest& clause, const Case& c) {
  std::string text;
  const auto add = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) text += fmt::format("{}: {}\n", label, value);
  };
  add("clause", clause.clause.text);
  add("expected", c.expected);
  add("observed", c.observed);
  add("spec", c.location);
  add("reproduce", c.reproduce);
  add("detail", c.detail);
  return visible(text);
}

void outcome(pugi::xml_node testcase, const ClauseDigest& clause, const Case& c) {
  if (c.verdict == Verdict::kPass) return;
  const std::string verdict(name(c.verdict));
  if (c.verdict == Verdict::kSkip) {
    set(testcase.append_child("skipped"), "message", c.reason);
    return;
  }
  if (is_failure(c.verdict) && c.has(Mark::kWaived)) {
    set(testcase.append_child("skipped"), "message",
        fmt::format("waived {} {}", verdict, waiver_line(c)));
    return;
  }
  pugi::xml_node node = testcase.append_child(c.verdict == Verdict::kError ? "error" : "failure");
  set(node, "type", verdict);
  set(node, "message", c.reason.empty() ? verdict : c.reason);
  node.append_child(pugi::node_pcdata).set_value(story(clause, c).c_str());
}

void add_case(pugi::xml_node suite, const ClauseDigest& clause, const Case& c) {
  pugi::xml_node node = suite.append_child("testcase");
  set(node, "name", instance_name(c));
  set(node, "classname", c.clause);
  set_seconds(node, c.duration_ns);
  pugi::xml_node properties = node.append_child("properties");
  property(properties, "verdict", name(c.verdict));
  for (Mark mark : c.marks) property(properties, "mark", name(mark));
  property(properties, "level", name(c.level));
  property(properties, "provider", c.provider);
  property(properties, "location", c.location);
  if (c.waiver) property(properties, "waiver", waiver_line(c));
  outcome(node, clause, c);
}

// JUnit has a place for output in a testsuite, none in the whole: the logs of a run go to its
// first.
void add_logs(pugi::xml_node suites, const std::vector<Log>& logs) {
  if (logs.empty()) return;
  pugi::xml_node suite = suites.child("testsuite");
  if (!suite) {
    suite = suites.append_child("testsuite");
    set(suite, "name", "logs");
    Tally().write(suite);
  }
  std::string text;
  for (const Log& log : logs) text += fmt::format("{}:\n{}\n", log.name, log.text);
  suite.append_child("system-out").append_child(pugi::node_pcdata).set_value(visible(text).c_str());
}

Tally add_suite(pugi::xml_node suites, const Run& run, const InterfaceDigest& interface) {
  Tally tally;
  for (const ClauseDigest& clause : interface.clauses) {
    for (const Case* c : clause.cases) tally.add(*c);
  }
  pugi::xml_node suite = suites.append_child("testsuite");
  set(suite, "name", interface.id);
  tally.write(suite);
  set_seconds(suite, interface.duration_ns);
  set(suite, "timestamp", run.started);
  pugi::xml_node properties = suite.append_child("properties");
  property(properties, "title", interface.title);
  for (const std::string& provider : interface.providers)
    property(properties, "provider", provider);
  property(properties, "coverage", coverage_line(interface.coverage));
  for (const ClauseDigest& clause : interface.clauses) {
    for (const Case* c : clause.cases) add_case(suite, clause, *c);
  }
  return tally;
}

}  // namespace

WriterStatus write_junit(const Results& results, std::ostream& out, const WriterOptions&) {
  const Digest all = digest(results);
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  pugi::xml_node suites = document.append_child("testsuites");
  set(suites, "name", fmt::format("hypervet: {}", results.run.target));
  Tally total;
  for (const InterfaceDigest& interface : all.interfaces) {
    const Tally tally = add_suite(suites, results.run, interface);
    total.tests += tally.tests;
    total.failures += tally.failures;
    total.errors += tally.errors;
    total.skipped += tally.skipped;
  }
  add_logs(suites, results.logs);
  total.write(suites);
  document.save(out, "  ");
  return finish(out);
}

}  // namespace hypervet::reports
