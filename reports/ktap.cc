// SPDX-License-Identifier: Apache-2.0
// KTAP version 1 (Documentation/dev-tools/ktap.rst of Linux): interfaces are tests, their case
// instances subtests. skip -> ok # SKIP, a waived failure -> ok # XFAIL, hang -> not ok # TIMEOUT,
// error -> not ok # ERROR.
#include <fmt/format.h>

#include <algorithm>

#include "reports/digest.h"
#include "reports/text.h"
#include "reports/writers.h"

namespace hypervet::reports {
namespace {

constexpr std::string_view kIndent = "  ";

// A '#' begins a directive, so a description must not hold one.
std::string description(std::string_view text) {
  std::string safe = visible(text, Breaks::kSpell);
  std::ranges::replace(safe, '#', '_');
  return safe;
}

void diagnostic(std::ostream& out, std::string_view label, std::string_view value) {
  if (value.empty()) return;
  const std::string safe = visible(value);
  std::string_view rest = safe;
  while (true) {
    const std::size_t end = rest.find('\n');
    out << fmt::format("{}# {}: {}\n", kIndent, label, rest.substr(0, end));
    if (end == std::string_view::npos) return;
    rest.remove_prefix(end + 1);
  }
}

std::string directive(std::string_view word, std::string_view reason) {
  return fmt::format(" # {}{}{}", word, reason.empty() ? "" : " ", visible(reason, Breaks::kSpell));
}

bool is_ok(const Case& c) {
  return c.verdict == Verdict::kPass || c.verdict == Verdict::kSkip ||
         (is_failure(c.verdict) && c.has(Mark::kWaived));
}

std::string directive_of(const Case& c) {
  if (is_failure(c.verdict) && c.has(Mark::kWaived)) return directive("XFAIL", waiver_line(c));
  switch (c.verdict) {
    case Verdict::kSkip:
      return directive("SKIP", c.reason);
    case Verdict::kHang:
      return directive("TIMEOUT", c.reason);
    case Verdict::kError:
      return directive("ERROR", c.reason);
    default:
      return "";
  }
}

void write_case(std::ostream& out, std::size_t number, const Case& c) {
  if (!is_ok(c)) {
    diagnostic(out, "verdict", name(c.verdict));
    diagnostic(out, "reason", c.reason);
    diagnostic(out, "expected", c.expected);
    diagnostic(out, "observed", c.observed);
    diagnostic(out, "spec", c.location);
    diagnostic(out, "reproduce", c.reproduce);
    diagnostic(out, "detail", c.detail);
  }
  if (c.has(Mark::kUnexpectedPass)) diagnostic(out, "unexpected pass, waived", waiver_line(c));
  out << fmt::format("{}{} {} {}{}\n", kIndent, is_ok(c) ? "ok" : "not ok", number,
                     description(c.id), directive_of(c));
}

void write_interface(std::ostream& out, std::size_t number, const InterfaceDigest& interface) {
  out << fmt::format("{0}KTAP version 1\n{0}# Subtest: {1}\n{0}1..{2}\n", kIndent,
                     description(interface.id), interface.counts.total());
  diagnostic(out, "coverage", coverage_line(interface.coverage));
  std::size_t subtest = 0;
  bool ok = true;
  for (const ClauseDigest& clause : interface.clauses) {
    for (const Case* c : clause.cases) {
      write_case(out, ++subtest, *c);
      ok = ok && is_ok(*c);
    }
  }
  const std::uint64_t skipped = interface.counts[Verdict::kSkip];
  const bool nothing_ran = skipped == interface.counts.total();
  const std::string skip =
      nothing_ran ? directive("SKIP", skipped == 0 ? "no case executed" : "every case was skipped")
                  : "";
  out << fmt::format("{} {} {}{}\n", ok ? "ok" : "not ok", number, description(interface.id), skip);
}

}  // namespace

WriterStatus write_ktap(const Results& results, std::ostream& out, const WriterOptions&) {
  const Digest all = digest(results);
  out << "KTAP version 1\n";
  out << "# target: " << visible(results.run.target, Breaks::kSpell) << '\n';
  for (const ProviderDigest& provider : all.providers) {
    out << "# provider: " << visible(provider.name, Breaks::kSpell) << '\n';
  }
  out << fmt::format("1..{}\n", all.interfaces.size());
  std::size_t number = 0;
  for (const InterfaceDigest& interface : all.interfaces) write_interface(out, ++number, interface);
  return finish(out);
}

}  // namespace hypervet::reports
