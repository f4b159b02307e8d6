// SPDX-License-Identifier: Apache-2.0
// The waiver files of this repository: each loads, each glob names a case of the suite, and each
// page that an entry points to is there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>

#include "harness/run/select.h"
#include "harness/spec/load.h"
#include "harness/waive/load.h"

namespace hypervet::waive {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = HV_SOURCE_DIR;

std::vector<fs::path> shipped() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kRoot / "waivers")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  return files;
}

// The anchors of a page as its readers make them of headings.
std::set<std::string> anchors(const fs::path& page) {
  std::set<std::string> found;
  std::ifstream in(page);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("## ")) continue;
    std::string anchor = line.substr(3);
    std::ranges::replace(anchor, ' ', '-');
    std::ranges::transform(anchor, anchor.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    found.insert(anchor);
  }
  return found;
}

TEST(ShippedWaiversTest, EachLoadsAndEachGlobNamesACase) {
  const auto specs = spec::load(std::vector<fs::path>{kRoot / "specs"});
  ASSERT_TRUE(specs) << spec::to_string(specs.error());
  const auto instances = run::select(*specs, {});
  ASSERT_TRUE(instances);
  ASSERT_GE(shipped().size(), 2);
  for (const auto& file : shipped()) {
    const auto waivers = load(std::vector{file});
    ASSERT_TRUE(waivers) << spec::to_string(waivers.error());
    for (const auto& waiver : *waivers) {
      for (const auto& glob : waiver.clauses) {
        EXPECT_TRUE(std::ranges::any_of(*instances,
                                        [&](const run::Instance& instance) {
                                          return run::matches(glob.text, instance.clause->id) ||
                                                 run::matches(glob.text, instance.id);
                                        }))
            << to_string(glob.mark) << ": no case matches " << glob.text;
      }
    }
  }
}

TEST(ShippedWaiversTest, EachPageTheyPointToIsThere) {
  for (const auto& file : shipped()) {
    const auto waivers = load(std::vector{file});
    ASSERT_TRUE(waivers) << spec::to_string(waivers.error());
    for (const auto& waiver : *waivers) {
      if (waiver.issue.starts_with("http")) continue;
      const auto hash = waiver.issue.find('#');
      ASSERT_NE(hash, waiver.issue.npos) << waiver.issue;
      EXPECT_TRUE(
          anchors(kRoot / waiver.issue.substr(0, hash)).contains(waiver.issue.substr(hash + 1)))
          << to_string(waiver.mark) << ": " << waiver.issue;
    }
  }
}

}  // namespace
}  // namespace hypervet::waive
