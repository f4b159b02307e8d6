// SPDX-License-Identifier: Apache-2.0
// The HTML report in a real browser: what a reader sees after our script ran, filters, and hostile
// strings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "reports/diff_writers.h"
#include "reports/writers.h"
#include "tests/reports/browser.h"
#include "tests/reports/samples.h"

namespace hypervet::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string page_of(const Results& results) {
  std::ostringstream out;
  EXPECT_TRUE(write_html(results, out));
  return out.str();
}

std::string diff_page(const Results& a, const Results& b) {
  std::ostringstream out;
  EXPECT_TRUE(write_diff_html(Comparison(a, b), out));
  return out.str();
}

// mixed(), where afterwards one case fails that passed, one passes that hung, one is no longer
// there.
Results later() {
  Results results = samples::mixed();
  results.run.target = "Linux 6.12.117 kvm_amd";
  results.cases[0].verdict = Verdict::kFail;
  results.cases[0].expected = "rax = -KVM_ENOSYS";
  results.cases[0].observed = "rax = 0x5eed";
  results.cases[5].verdict = Verdict::kPass;
  results.cases.pop_back();
  samples::summarize(results);
  return results;
}

std::size_t occurrences(std::string_view text, std::string_view wanted) {
  std::size_t number = 0;
  for (std::size_t at = text.find(wanted); at != text.npos; at = text.find(wanted, at + 1))
    ++number;
  return number;
}

// Opening tags that begin so and are not hidden.
std::size_t visible_elements(std::string_view dom, std::string_view opening) {
  std::size_t number = 0;
  for (std::size_t at = dom.find(opening); at != dom.npos; at = dom.find(opening, at + 1)) {
    const std::string_view tag = dom.substr(at, dom.find('>', at) - at);
    number += tag.find(" hidden") == tag.npos;
  }
  return number;
}

TEST(Html, PageNeedsNothingFromOutside) {
  const std::string page = page_of(samples::mixed());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
  EXPECT_THAT(page, Not(HasSubstr("<link")));
  EXPECT_THAT(page, Not(HasSubstr("@STYLE@")));
  EXPECT_THAT(page, Not(HasSubstr("@SCRIPT")));
}

TEST(Html, SaysWhoIsJudged) {
  EXPECT_THAT(
      page_of(samples::mixed()),
      HasSubstr(
          "host kernel: Linux 6.1.0-31 kvm_amd does not conform: it violates 3 of the 8 clauses"));
  const std::string reference = page_of(samples::reference_model());
  EXPECT_THAT(reference, HasSubstr("<strong>No hypervisor was judged.</strong>"));
  EXPECT_THAT(reference, HasSubstr("<title>No hypervisor judged:"));
  EXPECT_THAT(reference, Not(HasSubstr("conformant")));
}

TEST(Html, ShowsExpectedBesideObservedAndEmptyCells) {
  const std::string page = page_of(samples::mixed());
  EXPECT_THAT(page, HasSubstr("<pre>rax = 0xfffffffffffffc18\nrbx = 0xdead (was 0x1)</pre>"));
  EXPECT_THAT(page, HasSubstr("Untestable: a scheduling hint"));
  EXPECT_THAT(page, HasSubstr("Empty cell: this run has no case for the clause."));
  EXPECT_EQ(occurrences(page, "<article class=\"clause\""), 15u);
  EXPECT_EQ(occurrences(page, "<li class=\"case "), 18u);
}

TEST(Html, LogsStandFoldedAtTheEnd) {
  const std::string page = page_of(samples::mixed());
  EXPECT_THAT(page, HasSubstr("<summary>kernel log of the lab <span class=\"time\">3 lines</span>"
                              "</summary><pre>[    0.000000] Linux version 6.1.0-31-amd64\n"));
  EXPECT_LT(page.rfind("<article"), page.find("<h2 id=\"logs\""));
  EXPECT_THAT(page_of(samples::reference_model()), Not(HasSubstr("<h2 id=\"logs\"")));
}

TEST(Html, EveryLinkInsideThePageHasItsTarget) {
  const std::string page = page_of(samples::mixed());
  for (std::size_t at = page.find("href=\"#"); at != page.npos;
       at = page.find("href=\"#", at + 1)) {
    const std::string target = page.substr(at + 7, page.find('"', at + 7) - at - 7);
    EXPECT_EQ(occurrences(page, " id=\"" + target + "\""), 1u) << target;
  }
}

TEST(Html, FindingsAreListedByClauseWorstFirst) {
  const std::string page = page_of(samples::large(1000));
  EXPECT_EQ(occurrences(page, "<li><a href=\"#"), 5u) << "one line per clause, not per case";
  const std::size_t unwaived = page.find("<li><a href=\"#kvm.hypercall.unknown-number\"");
  const std::size_t error = page.find("<li><a href=\"#kvm.hypercall.clock-pairing.unknown-type\"");
  const std::size_t waived = page.find("<li><a href=\"#kvm.hypercall.kick-cpu.flags-reserved\"");
  EXPECT_LT(unwaived, error);
  EXPECT_LT(error, waived);
  EXPECT_LT(waived, page.npos);
}

TEST(Html, ManyFindingsAreListedInPart) {
  Results results = samples::mixed();
  const Case failing = results.cases[2];
  for (int i = 0; i < 60; ++i) {
    Case c = failing;
    c.clause = "kvm.hypercall.number-" + std::to_string(i);
    c.id = c.clause + "/case";
    results.cases.push_back(c);
  }
  const std::string page = page_of(results);
  EXPECT_EQ(occurrences(page, "<li><a href=\"#"), 50u);
  EXPECT_THAT(page, HasSubstr("and 15 more below"));
}

TEST(HtmlDiff, BothRunsStandSideBySideDifferencesOnTop) {
  const std::string page = diff_page(samples::mixed(), later());
  EXPECT_THAT(page, HasSubstr("<h1 id=\"title\">1 case got worse</h1>"));
  EXPECT_THAT(page, HasSubstr("<h2 id=\"run-A\">Linux 6.1.0-31 kvm_amd</h2>"));
  EXPECT_THAT(page, HasSubstr("<h2 id=\"run-B\">Linux 6.12.117 kvm_amd</h2>"));
  EXPECT_EQ(occurrences(page, "<li class=\"difference "), 3u);
  EXPECT_EQ(occurrences(page, "<article class=\"clause\""), 15u);
  EXPECT_EQ(occurrences(page, "<li class=\"case "), 18u);
  const std::size_t worse = page.find("id=\"change-worse\"");
  const std::size_t better = page.find("id=\"change-better\"");
  const std::size_t only = page.find("id=\"change-only-a\"");
  EXPECT_LT(worse, page.find("<pre>rax = 0x5eed</pre>"));
  EXPECT_LT(page.find("<pre>rax = 0x5eed</pre>"), better);
  EXPECT_LT(better, only);
  EXPECT_LT(only, page.find("<article"));
  EXPECT_THAT(page, HasSubstr("<tr class=\"differs\"><th scope=\"row\">Target</th>"));
  EXPECT_THAT(page, HasSubstr("<summary>B: kernel log of the lab "));
  for (const char* outside : {"http://", "https://", "<link", "@STYLE@", "@SCRIPT", "@HEAD@",
                              "@FOOT@", "@SIDES@", "@VERDICTS@", "@LOGS@"}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
}

TEST(HtmlDiff, EveryLinkInsideThePageHasItsTarget) {
  const std::string page = diff_page(samples::mixed(), later());
  EXPECT_THAT(page, HasSubstr("href=\"#difference-3\""));
  for (std::size_t at = page.find("href=\"#"); at != page.npos;
       at = page.find("href=\"#", at + 1)) {
    const std::string target = page.substr(at + 7, page.find('"', at + 7) - at - 7);
    EXPECT_EQ(occurrences(page, " id=\"" + target + "\""), 1u) << target;
  }
}

TEST(HtmlDiff, NoDifferenceIsSaidInWords) {
  const std::string page = diff_page(samples::mixed(), samples::mixed());
  EXPECT_THAT(page, HasSubstr("<h1 id=\"title\">Nothing got worse</h1>"));
  EXPECT_THAT(page, HasSubstr("No case differs."));
  EXPECT_THAT(diff_page(Results(), Results()), HasSubstr("Nothing was compared"));
}

class Pages : public Browser {
 protected:
  Loaded load(const Results& results, const std::string& query = "") {
    return load_page(page_of(results), query);
  }
};

constexpr const char* kCase = "<li class=\"case ";
constexpr const char* kClause = "<article class=\"clause\"";

TEST_F(Pages, ShowsAllCasesAndLogsNothing) {
  const Loaded page = load(samples::mixed());
  EXPECT_THAT(page.dom, HasSubstr("<html lang=\"en\" class=\"js\">"))
      << "the policy lets our script run";
  EXPECT_EQ(page.console, "");
  EXPECT_EQ(visible_elements(page.dom, kCase), 18u);
  EXPECT_EQ(visible_elements(page.dom, kClause), 15u);
  EXPECT_THAT(page.dom, HasSubstr(">18 cases</output>"));
}

TEST_F(Pages, FiltersByVerdictLevelAndText) {
  const Loaded failing = load(samples::mixed(), "?verdict=fail,hang,crash");
  EXPECT_EQ(visible_elements(failing.dom, kCase), 4u);
  EXPECT_EQ(visible_elements(failing.dom, kClause), 4u);
  EXPECT_EQ(visible_elements(failing.dom, "<section class=\"interface\""), 1u);
  EXPECT_THAT(failing.dom, HasSubstr(">4 of 18 cases</output>"));

  const Loaded must = load(samples::mixed(), "?verdict=fail&level=must");
  EXPECT_THAT(must.dom, HasSubstr(">1 of 18 cases</output>"));

  const Loaded text = load(samples::mixed(), "?q=0xDEAD");
  EXPECT_THAT(text.dom, HasSubstr(">1 of 18 cases</output>"));
  EXPECT_EQ(visible_elements(text.dom, kClause), 1u);

  const Loaded folded = load(samples::mixed(), "?q=nr+%3D+999");
  EXPECT_THAT(folded.dom, HasSubstr(">1 of 18 cases</output>"));
  EXPECT_THAT(folded.dom, HasSubstr("<details open=\"\">")) << "what the search found is unfolded";

  const Loaded cells = load(samples::mixed(), "?verdict=none");
  EXPECT_EQ(visible_elements(cells.dom, kClause), 3u);
  EXPECT_THAT(cells.dom, HasSubstr(">0 of 18 cases</output>"));

  const Loaded none = load(samples::mixed(), "?q=no+such+words");
  EXPECT_EQ(visible_elements(none.dom, kClause), 0u);
  EXPECT_EQ(visible_elements(none.dom, "<p id=\"nothing\""), 1u);
}

TEST_F(Pages, HostileStringsStayInert) {
  const Loaded page = load(samples::hostile());
  EXPECT_THAT(page.dom, HasSubstr("<title>Does not conform: &lt;/script&gt;"));
  EXPECT_EQ(occurrences(page.dom, "<script"), 1u) << "ours";
  EXPECT_EQ(occurrences(page.dom, "<img"), 0u);
  EXPECT_EQ(occurrences(page.dom, "<svg onload"), 0u);
  EXPECT_EQ(page.console, "") << "nothing even tried to run";
  EXPECT_EQ(visible_elements(page.dom, kCase), 18u);
  EXPECT_THAT(page.dom, HasSubstr("{{{raw}}}")) << "shown, not taken for a tag of the template";
}

// Escaping is the first wall, the page's policy the second: a script that is smuggled in does not
// run.
TEST_F(Pages, PolicyRefusesForeignScripts) {
  std::string page = page_of(samples::mixed());
  const std::string smuggled =
      "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";
  page.insert(page.find("<main"), smuggled);
  const Loaded guarded = load_page(page);
  EXPECT_EQ(occurrences(guarded.dom, "<title>owned"), 0u);
  EXPECT_THAT(guarded.dom, HasSubstr("class=\"js\""));
  EXPECT_THAT(guarded.console, HasSubstr("Content Security Policy")) << "refusals are logged";

  const std::size_t policy = page.find("<meta http-equiv=\"Content-Security-Policy\"");
  page.erase(policy, page.find('>', policy) + 1 - policy);
  EXPECT_EQ(occurrences(load_page(page).dom, "<title>owned"), 1u)
      << "it was the policy that stopped it";
}

constexpr const char* kDifference = "<li class=\"difference ";

TEST_F(Pages, DiffFiltersByChangeVerdictOfEitherSideAndText) {
  const std::string page = diff_page(samples::mixed(), later());
  const Loaded whole = load_page(page);
  EXPECT_EQ(whole.console, "");
  EXPECT_THAT(whole.dom, HasSubstr(">18 cases</output>"));
  EXPECT_EQ(visible_elements(whole.dom, kDifference), 3u);

  const Loaded worse = load_page(page, "?change=worse");
  EXPECT_EQ(visible_elements(worse.dom, kDifference), 1u);
  EXPECT_EQ(visible_elements(worse.dom, "<section class=\"group "), 1u);
  EXPECT_THAT(worse.dom, HasSubstr(">1 of 18 cases</output>"));

  const Loaded hang = load_page(page, "?verdict=hang");
  EXPECT_THAT(hang.dom, HasSubstr(">1 of 18 cases</output>")) << "it hung in A alone";
  EXPECT_EQ(visible_elements(hang.dom, kDifference), 1u);

  const Loaded found = load_page(page, "?q=0x5eed");
  EXPECT_EQ(visible_elements(found.dom, kDifference), 1u);
}

TEST_F(Pages, DiffOfHostileStringsStaysInert) {
  Results b = samples::hostile();
  for (Case& c : b.cases) c.verdict = Verdict::kCrash;
  const Loaded page = load_page(diff_page(samples::hostile(), b));
  EXPECT_EQ(occurrences(page.dom, "<script"), 1u) << "ours";
  EXPECT_EQ(occurrences(page.dom, "<img"), 0u);
  EXPECT_EQ(occurrences(page.dom, "<svg"), 0u);
  EXPECT_EQ(page.console, "");
}

TEST_F(Pages, TenThousandCases) {
  const Loaded page = load(samples::large(10'000), "?verdict=crash");
  EXPECT_EQ(occurrences(page.dom, kCase), 10'000u);
  const std::size_t crashes = visible_elements(page.dom, kCase);
  EXPECT_EQ(crashes, count(samples::large(10'000).cases)[Verdict::kCrash]);
  EXPECT_THAT(page.dom, HasSubstr(">" + std::to_string(crashes) + " of 10000 cases</output>"));
}

}  // namespace
}  // namespace hypervet::reports
