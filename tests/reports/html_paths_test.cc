// SPDX-License-Identifier: Apache-2.0
// The pages of timed paths, of one run and of two: their charts read back as XML, and in a real
// browser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "reports/comparison_writers.h"
#include "reports/writers.h"
#include "tests/reports/browser.h"
#include "tests/reports/path_samples.h"
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

std::string page_of(const TimingComparison& comparison) {
  std::ostringstream out;
  EXPECT_TRUE(write_comparison_html(comparison, out));
  return out.str();
}

std::size_t occurrences(std::string_view text, std::string_view wanted) {
  std::size_t number = 0;
  for (std::size_t at = text.find(wanted); at != text.npos; at = text.find(wanted, at + 1))
    ++number;
  return number;
}

// Every drawing of a page that stands for something; each must be well-formed XML.
class Drawings {
 public:
  explicit Drawings(const std::string& page) {
    constexpr std::string_view kOpening = "<svg class=\"plot\" role=\"img\"";
    for (std::size_t at = page.find(kOpening); at != page.npos; at = page.find(kOpening, at + 1)) {
      const std::size_t end = page.find("</svg>", at) + 6;
      pugi::xml_document document;
      const auto parsed = document.load_string(page.substr(at, end - at).c_str());
      EXPECT_TRUE(parsed) << parsed.description() << ": " << page.substr(at, 400);
      documents_.push_back(std::move(document));
    }
  }
  std::size_t size() const { return documents_.size(); }
  pugi::xml_node operator[](std::size_t i) const { return documents_.at(i).child("svg"); }
  // The drawing whose title begins so.
  pugi::xml_node titled(std::string_view title) const {
    for (const auto& document : documents_) {
      const std::string_view text = document.child("svg").child_value("title");
      if (text.starts_with(title)) return document.child("svg");
    }
    ADD_FAILURE() << "no drawing of " << title;
    return {};
  }

 private:
  std::vector<pugi::xml_document> documents_;
};

// The element of a class, and one of its places in percent.
double place(const pugi::xml_node& drawing, const char* css_class, const char* attribute) {
  const auto found = drawing.find_node([&](pugi::xml_node n) {
    return n.attribute("class").value() == std::string_view(css_class);
  });
  EXPECT_TRUE(found) << css_class;
  const std::string text = found.attribute(attribute).value();
  EXPECT_THAT(text, ::testing::EndsWith("%"));
  return std::strtod(text.c_str(), nullptr);
}

TEST(HtmlPaths, EveryPathIsMeasuredOrSaysWhyNot) {
  const std::string page = page_of(samples::timed());
  EXPECT_THAT(page, HasSubstr("14 paths: 12 measured, 2 not"));
  EXPECT_EQ(occurrences(page, "<figure class=\"strip\""), 12u);
  EXPECT_EQ(occurrences(page, "<tr class=\"unmeasured\""), 2u);
  EXPECT_THAT(page, HasSubstr("the guest made no progress before the deadline of 2000 ms"));
  EXPECT_THAT(page, Not(HasSubstr("Nothing judged"))) << "a bench was not meant to judge";
  EXPECT_THAT(page, Not(HasSubstr("id=\"search\"")));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page_of(samples::reference_model()), Not(HasSubstr("Hot paths")));
  EXPECT_THAT(page_of(samples::mixed()), HasSubstr("id=\"hot-paths\"")) << "beside cases too";
}

TEST(HtmlPaths, StripsFollowTheNumbers) {
  const Drawings drawings(page_of(samples::timed()));
  EXPECT_EQ(drawings.size(), 6u + 12u) << "dividends and strips";
  const auto strip = drawings.titled("Samples of kvm.path.kvmclock-read");
  EXPECT_LT(place(strip, "q-min", "x1"), place(strip, "q-median", "x1"));
  EXPECT_LT(place(strip, "q-median", "x1"), place(strip, "q-p99", "x1"));
  std::size_t dots = 0;
  for (const auto& dot : strip.child("g").children("circle")) {
    const double x = std::strtod(dot.attribute("cx").value(), nullptr);
    EXPECT_GE(x, place(strip, "q-min", "x1"));
    EXPECT_LE(x, 100);
    ++dots;
  }
  EXPECT_EQ(dots, 240u);
  EXPECT_THAT(strip.child_value("desc"), HasSubstr("median 43.16, p99 44.79 ns"));
}

TEST(HtmlPaths, DividendsFollowTheNumbers) {
  const Drawings drawings(page_of(samples::timed()));
  const auto clock = drawings.titled("kvm.path.kvmclock-read: 112.4x cheaper");
  EXPECT_GT(place(clock, "point", "cx"), place(clock, "even", "x1"));
  EXPECT_DOUBLE_EQ(place(clock, "bar-fill", "x"), place(clock, "even", "x1"));
  const auto kick = drawings.titled("kvm.path.kick-cpu: 0.61x, dearer");
  EXPECT_LT(place(kick, "point", "cx"), place(kick, "even", "x1"));
  EXPECT_LT(place(kick, "whisker", "x1"), place(kick, "whisker", "x2"));
}

TEST(HtmlPaths, SaysWhatIsNoLatencyOfHardware) {
  EXPECT_THAT(page_of(samples::timed()), Not(HasSubstr("no latencies of hardware")));
  const std::string lab = page_of(samples::counted_in_a_lab());
  EXPECT_THAT(lab, HasSubstr("counts of instructions in the emulated machine of lab kvm-amd:6.12, "
                             "no latencies of hardware"));
  EXPECT_THAT(lab, HasSubstr("all 1500 samples agree"));
  Results times = samples::timed();
  times.run.lab = "kvm-amd";
  EXPECT_THAT(page_of(times), HasSubstr("they tell what the emulation costs"));
  Results model = samples::timed();
  model.run.provider = "hypervet's reference model (KVM)";
  for (Path& path : model.paths) {
    path.provider = model.run.provider;
    path.unit = "ticks";
  }
  EXPECT_THAT(page_of(model), HasSubstr("counts of instructions on hypervet’s own model. They are "
                                        "no latencies of hardware"));
}

TEST(HtmlPaths, EveryLinkInsideThePageHasItsTarget) {
  for (const std::string& page : {page_of(samples::timed()), page_of(samples::mixed()),
                                  page_of(samples::compared()), page_of(samples::absurd_paths())}) {
    for (std::size_t at = page.find("href=\"#"); at != page.npos;
         at = page.find("href=\"#", at + 1)) {
      const std::string target = page.substr(at + 7, page.find('"', at + 7) - at - 7);
      EXPECT_EQ(occurrences(page, " id=\"" + target + "\""), 1u) << target;
    }
  }
}

TEST(HtmlComparison, WorstFirstWithBothSides) {
  const std::string page = page_of(samples::compared());
  EXPECT_THAT(page, HasSubstr("<h1 id=\"title\">2 paths regressed</h1>"));
  EXPECT_THAT(page, HasSubstr("<h2 id=\"run-A\">Linux 6.1.0-31 kvm_amd</h2>"));
  EXPECT_THAT(page, HasSubstr("<h2 id=\"run-B\">Linux 6.12.117 kvm_amd</h2>"));
  const char* const order[] = {"id=\"outcome-regressed\"",      "id=\"outcome-improved\"",
                               "id=\"outcome-equivalent\"",     "id=\"outcome-inconclusive\"",
                               "id=\"outcome-not-comparable\"", "<table class=\"figures"};
  for (std::size_t i = 1; i < std::size(order); ++i)
    EXPECT_LT(page.find(order[i - 1]), page.find(order[i])) << order[i];
  EXPECT_EQ(occurrences(page, "<tr id=\"path-"), 13u);
  EXPECT_THAT(page, HasSubstr("only A has figures: the target does not offer it"));
  EXPECT_THAT(page, HasSubstr("10000 draws, seed 42, intervals of 99 %"));
  for (const char* left : {"http://", "@HEAD@", "@PROVENANCE@", "@SCRIPT", "id=\"search\""})
    EXPECT_THAT(page, Not(HasSubstr(left)));
}

TEST(HtmlComparison, RatiosFollowTheNumbers) {
  const Drawings drawings(page_of(samples::compared()));
  EXPECT_EQ(drawings.size(), 12u);
  EXPECT_STREQ(drawings[0].child_value("title"), "kvm.path.pv-eoi: regressed, +14.8 %");
  const auto margin_end = [](const pugi::xml_node& drawing) {
    return place(drawing, "margin", "x") + place(drawing, "margin", "width");
  };
  EXPECT_GT(place(drawings[0], "whisker", "x1"), margin_end(drawings[0]));
  EXPECT_GT(place(drawings[0], "point", "cx"), place(drawings[1], "point", "cx"));
  const auto improved = drawings.titled("kvm.path.ioeventfd[by=pio]: improved");
  EXPECT_LT(place(improved, "point", "cx"), place(improved, "margin", "x"));
  const auto equal = drawings.titled("kvm.path.spinning-wait: equivalent");
  EXPECT_NEAR(place(equal, "point", "cx"), 50, .01);
}

TEST(HtmlComparison, ExactRowsHaveNoInterval) {
  const std::string page = page_of(samples::compared_exactly());
  EXPECT_THAT(page, HasSubstr("a difference of one instruction is real"));
  EXPECT_THAT(page, Not(HasSubstr("interval ")));
  EXPECT_THAT(page, HasSubstr("<b>+1</b>"));
  EXPECT_THAT(page, Not(HasSubstr("class=\"noise\"")));
}

TEST(HtmlComparison, NothingComparedIsSaidInWords) {
  const std::string page = page_of(TimingComparison());
  EXPECT_THAT(page, HasSubstr("<h1 id=\"title\">Nothing compared</h1>"));
  EXPECT_THAT(page, HasSubstr("No path was compared."));
  TimingComparison other = samples::compared();
  other.obstacle = "the payloads differ";
  EXPECT_THAT(page_of(other), HasSubstr("cannot be compared.</strong> the payloads differ"));
}

TEST(ComparisonJson, HoldsEveryRow) {
  std::ostringstream out;
  ASSERT_TRUE(find_comparison_format("json")->write(samples::compared(), out));
  const auto document = nlohmann::json::parse(out.str());
  EXPECT_EQ(document["counts"]["regressed"], 2);
  ASSERT_EQ(document["rows"].size(), 13u);
  EXPECT_EQ(document["rows"][2]["ratio"]["value"], 1.062);
  EXPECT_EQ(document["rows"][2]["a"]["launch_medians"].size(), 15u);
  EXPECT_EQ(document["b"]["run"]["target"], "Linux 6.12.117 kvm_amd");
  std::ostringstream absurd;
  ASSERT_TRUE(write_comparison_json(samples::absurd_comparison(), absurd));
  EXPECT_TRUE(nlohmann::json::accept(absurd.str()));
}

TEST(ComparisonFormats, AreFoundByNameAndNameThePathThatFails) {
  EXPECT_EQ(comparison_format_names(), "html, json");
  EXPECT_EQ(find_comparison_format("junit"), nullptr);
  EXPECT_EQ(
      write_comparison(*find_comparison_format("html"), samples::compared(), "/dev/full").error(),
      "/dev/full: cannot write the html report: No space left on device");
}

TEST(HtmlPaths, AbsurdNumbersBreakNothing) {
  for (const std::string& page :
       {page_of(samples::absurd_paths()), page_of(samples::absurd_comparison())}) {
    EXPECT_GT(Drawings(page).size(), 0u);
    for (const char* number : {"=\"nan", "=\"-nan", "=\"inf", "=\"-inf"})
      EXPECT_THAT(page, Not(HasSubstr(number)));
  }
}

class Charts : public Browser {
 protected:
  // The page with a script of ours instead of its policy, that writes down the size of each
  // element that `selector` finds.
  std::string measured(std::string page, const std::string& selector) {
    const std::size_t policy = page.find("<meta http-equiv=\"Content-Security-Policy\"");
    page.erase(policy, page.find('>', policy) + 1 - policy);
    const std::string script =
        "<script>document.title = [...document.querySelectorAll('" + selector +
        "')].map((n) => n.getBoundingClientRect()).map((r) => r.width > 0 && r.height > 0 ? 'y' : "
        "'n').join('') + '|' + (document.documentElement.scrollWidth <= innerWidth)</script>";
    page.insert(page.find("</body>"), script);
    const std::string dom = load_page(page).dom;
    const std::size_t at = dom.find("<title>") + 7;
    return dom.substr(at, dom.find("</title>") - at);
  }
};

TEST_F(Charts, AreThereWithASizeAndNothingIsLogged) {
  const Loaded timed = load_page(page_of(samples::timed()));
  EXPECT_EQ(timed.console, "");
  EXPECT_THAT(timed.dom, HasSubstr("class=\"js\"")) << "our script ran";
  EXPECT_EQ(measured(page_of(samples::timed()), ".dots"), std::string(12, 'y') + "|true");
  EXPECT_EQ(measured(page_of(samples::timed()), ".bar-fill"), std::string(6, 'y') + "|true");
  EXPECT_EQ(load_page(page_of(samples::compared())).console, "");
  EXPECT_EQ(measured(page_of(samples::compared()), ".point"), std::string(12, 'y') + "|true");
}

TEST_F(Charts, HostileStringsAndNumbersStayInert) {
  for (const std::string& page :
       {page_of(samples::absurd_paths()), page_of(samples::absurd_comparison())}) {
    const Loaded loaded = load_page(page);
    EXPECT_EQ(loaded.console, "") << "nothing even tried to run, every attribute is a number";
    EXPECT_EQ(occurrences(loaded.dom, "<script"), 1u) << "ours";
    EXPECT_EQ(occurrences(loaded.dom, "<img"), 0u);
    EXPECT_EQ(occurrences(loaded.dom, "<svg onload"), 0u);
  }
}

}  // namespace
}  // namespace hypervet::reports
