// SPDX-License-Identifier: Apache-2.0
// Pages in headless Chromium, for tests: the document after its script ran, and what the browser
// logged. A test that derives from Browser is skipped where there is no browser.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace hypervet::reports {

class Browser : public ::testing::Test {
 protected:
  void SetUp() override {
    browser_ = find_browser();
    if (browser_.empty()) GTEST_SKIP() << "no chromium or google-chrome in PATH";
    std::string pattern = ::testing::TempDir() + "page-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  static std::string find_browser() {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');) {
      for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
        const std::string file = folder + "/" + name;
        if (::access(file.c_str(), X_OK) == 0) return file;
      }
    }
    return "";
  }

  struct Loaded {
    std::string dom;      // after the script ran
    std::string console;  // what the browser logged of the page
  };
  // `query` is appended to the address.
  Loaded load_page(const std::string& page, const std::string& query = "") {
    const std::string file = folder_ + "/report.html";
    std::ofstream(file, std::ios::binary) << page;
    const std::string sandbox = ::geteuid() == 0 ? " --no-sandbox" : "";
    const std::string command = "timeout 90 '" + browser_ +
                                "' --headless --disable-gpu --disable-background-networking" +
                                sandbox + " --user-data-dir='" + folder_ +
                                "/profile' --enable-logging=stderr --dump-dom 'file://" + file +
                                query + "' 2>'" + folder_ + "/log'";
    Loaded loaded;
    FILE* pipe = ::popen(command.c_str(), "r");
    char buffer[65536];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
      loaded.dom.append(buffer, n);
    EXPECT_EQ(::pclose(pipe), 0);
    std::ifstream log(folder_ + "/log");
    for (std::string line; std::getline(log, line);) {
      if (line.find("CONSOLE") != line.npos) loaded.console += line + "\n";
    }
    return loaded;
  }

  std::string browser_;
  std::string folder_;
};

}  // namespace hypervet::reports
