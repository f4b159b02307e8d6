// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "backends/process/recipe_reader.h"
#include "tests/backends/process/scratch.h"

namespace hypervet::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kOwn = HYPERVET_LAB_RECIPES "/kvm-amd.yaml";

class Recipes : public ::testing::Test {
 protected:
  // hypervet's own recipe with one text replaced; what load_recipe says of it, without the path.
  std::string error_with(const std::string& from, const std::string& to) {
    auto text = test::contents(kOwn);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return error_of(text);
  }
  std::string error_of(const std::string& text) {
    const auto file = scratch.write("kvm-amd.yaml", text);
    scratch.write("kvm-amd.init", std::string_view("#!/bin/sh\n"));
    const auto recipe = load_recipe(file);
    if (recipe) return "none";
    EXPECT_EQ(recipe.error().find('\n'), std::string::npos) << recipe.error();
    const auto folder = scratch.path().string() + "/";
    return recipe.error().starts_with(folder) ? recipe.error().substr(folder.size())
                                              : recipe.error();
  }
  // "kvm-amd.yaml:LINE:COLUMN: " of the first place where the text stands in the own recipe.
  static std::string place(const std::string& needle) {
    const auto text = test::contents(kOwn);
    const auto at = text.find(needle);
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(at), '\n');
    const auto start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return "kvm-amd.yaml:" + std::to_string(line) + ":" + std::to_string(at - start + 1) + ": ";
  }

  test::Scratch scratch;
};

TEST_F(Recipes, TheOwnOneLoads) {
  const auto recipe = load_recipe(kOwn);
  ASSERT_TRUE(recipe) << recipe.error();
  EXPECT_EQ(recipe->name, "kvm-amd");
  EXPECT_EQ(recipe->emulation, "emulated SVM");
  EXPECT_EQ(recipe->backend, "kvm");
  EXPECT_EQ(recipe->emulator.program, "qemu-system-x86_64");
  EXPECT_THAT(recipe->kernel.modules, ElementsAre("kvm_amd"));
  EXPECT_THAT(recipe->kernel.version_package, HasSubstr("VERSION"));
  EXPECT_THAT(recipe->init, HasSubstr("hypervet lab-door"));
  EXPECT_THAT(recipe->wrong, Not(IsEmpty()));
  EXPECT_THAT(recipe->text, HasSubstr("lab: kvm-amd"));
  EXPECT_NE(recipe->emulator.host_time.arguments, recipe->emulator.instruction_time.arguments);
}

TEST_F(Recipes, UnknownAndMissingKeys) {
  EXPECT_THAT(error_with("title:", "tittle:"),
              HasSubstr(place("title:") + "unknown key 'tittle' in the recipe; there are lab, "));
  EXPECT_THAT(error_with("  modules: [kvm_amd]\n", ""), HasSubstr("kernel lacks 'modules'"));
  EXPECT_THAT(error_with("  modules: [kvm_amd]", "  moduls: [kvm_amd]"),
              HasSubstr(place("modules: [kvm_amd]") + "unknown key 'moduls' in kernel; "));
  EXPECT_THAT(error_with("    arguments: [-rtc, \"base=utc\"]", "    arg: []"),
              HasSubstr("unknown key 'arg' in host-time"));
  EXPECT_THAT(error_with("hence:", "so:"), HasSubstr("unknown key 'so' in wrong"));
}

TEST_F(Recipes, WrongKindsOfValues) {
  EXPECT_EQ(error_with("modules: [kvm_amd]", "modules: kvm_amd"),
            "kvm-amd.yaml:" + place("modules: [kvm_amd]").substr(13, 3) +
                "12: 'modules' of kernel must be a list");
  EXPECT_THAT(error_with("backend: kvm", "backend: [kvm]"),
              HasSubstr("'backend' of the recipe must be a text"));
  EXPECT_THAT(error_with("backend: kvm", "backend: ''"),
              HasSubstr("'backend' of the recipe must be a text"));
  EXPECT_THAT(error_with("modules: [kvm_amd]", "modules: [[kvm_amd]]"),
              HasSubstr("'modules' of kernel must be a text"));
  EXPECT_THAT(error_with("packages: {busybox: busybox-static}", "packages: busybox-static"),
              HasSubstr("packages must be a map"));
  EXPECT_THAT(error_with("version-package: linux-image-VERSION.*", "version-package: linux-*"),
              HasSubstr("'version-package' of kernel must have VERSION in it"));
}

TEST_F(Recipes, NamesThatDoNotFit) {
  EXPECT_EQ(error_with("lab: kvm-amd", "lab: kvm-intel"),
            "kvm-amd.yaml:3:6: the lab 'kvm-intel' must be named as its file");
  EXPECT_EQ(error_with("init: kvm-amd.init", "init: nowhere.init"),
            "nowhere.init: there is no such file");
}

TEST_F(Recipes, WhatIsNoYaml) {
  EXPECT_EQ(error_of("lab: [kvm-amd"), "kvm-amd.yaml:1:6: the bracket is never closed");
  EXPECT_EQ(error_of("\t- x"), "kvm-amd.yaml:1:1: a tab in the indentation; YAML wants spaces");
  EXPECT_EQ(error_of(""), "kvm-amd.yaml: the file is empty");
  EXPECT_THAT(error_of("just a text"), HasSubstr("kvm-amd.yaml:1:1: the recipe must be a map"));
  EXPECT_EQ(error_of(std::string("\0\1\2", 3)),
            "kvm-amd.yaml:1:1: the control character 0x00 does not belong in a text");
}

TEST_F(Recipes, NoFile) {
  EXPECT_EQ(load_recipe(scratch / "none.yaml").error(),
            (scratch / "none.yaml").string() + ": there is no such file");
  EXPECT_EQ(load_recipe(scratch.path()).error(),
            scratch.path().string() + ": is a folder, not a file");
}

TEST_F(Recipes, NamesOfAFolder) {
  scratch.write("b.yaml", std::string_view("x"));
  scratch.write("a.yaml", std::string_view("x"));
  scratch.write("a.init", std::string_view("x"));
  EXPECT_THAT(process::recipe_names(scratch.path()), ElementsAre("a", "b"));
  EXPECT_THAT(process::recipe_names(scratch / "none"), IsEmpty());
}

}  // namespace
}  // namespace hypervet::lab
