// SPDX-License-Identifier: Apache-2.0
// What the tests of labs share: the cache that keeps Debian's packages from one run of the tests to
// the next, and a copy of the recipe that can be spoiled.
#pragma once

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "backends/lab/kernel.h"
#include "reports/stream/reader.h"
#include "tests/harness/cli/command.h"

namespace hypervet::testing {

constexpr const char* kLabCache = HYPERVET_LAB_TEST_CACHE;
constexpr const char* kRecipe = HV_SOURCE_DIR "/backends/lab/kvm-amd";

// Skips where there is no emulator, or no kernel of Debian's and no way to one.
class LabTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (shell(folder, "command -v qemu-system-x86_64").status != 0)
      GTEST_SKIP() << "qemu-system-x86_64 is not installed";
    auto got = lab::kernel_from_package("linux-image-6.12.*-cloud-amd64", kLabCache);
    if (!got) GTEST_SKIP() << got.error();
    kernel = *got;
  }

  // hypervet VERB... in the lab, with the tests' own cache.
  Result in_lab(std::vector<std::string> words, const std::string& lab = "kvm-amd") {
    words.insert(words.end(), {"--lab", lab, "--lab-cache", kLabCache});
    return execute(folder, words);
  }
  reports::Results results(const std::string& name) {
    auto read = reports::read_results_file(folder.file(name));
    EXPECT_TRUE(read) << (read ? "" : reports::to_string(read.error()));
    return read ? read->results : reports::Results{};
  }
  // A folder of recipes with hypervet's own, in which one text is replaced in recipe and init.
  std::string recipes_with(const std::string& from, const std::string& to) {
    std::filesystem::create_directories(folder.path() / "recipes");
    bool found = false;
    for (const std::string ending : {".yaml", ".init"}) {
      std::ifstream in(kRecipe + ending, std::ios::binary);
      std::string text{std::istreambuf_iterator<char>(in), {}};
      if (const auto at = text.find(from); at != std::string::npos) {
        text.replace(at, from.size(), to);
        found = true;
      }
      folder.write("recipes/kvm-amd" + ending, text);
    }
    EXPECT_TRUE(found) << from;
    return folder.file("recipes");
  }

  Folder folder;
  lab::Kernel kernel;
};

}  // namespace hypervet::testing
