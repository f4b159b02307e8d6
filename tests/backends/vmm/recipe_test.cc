// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/process/recipe_reader.h"
#include "tests/backends/process/scratch.h"

namespace hypervet::vmm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As README.md has it.
constexpr std::string_view kMine = R"(vmm: mine
title: My VMM
provider: My VMM
program: my-vmm
version: {arguments: [--version]}
arguments: [--kernel, $agent, --initrd, $program, --cmdline, $words, --cpus, $cpus, --memory, $mib, $device]
names: {device: ""}
transports: {mmio: {}}
devices:
  blk: {names: {device: "--disk=$disk"}}
)";

class Recipes : public ::testing::Test {
 protected:
  // What load_recipe says of that text, without the folder.
  std::string error_of(std::string_view text) {
    const auto file = scratch.write("mine.yaml", text);
    const auto recipe = load_recipe(file);
    if (recipe) return "none";
    EXPECT_EQ(recipe.error().find('\n'), std::string::npos) << recipe.error();
    const auto folder = scratch.path().string() + "/";
    return recipe.error().starts_with(folder) ? recipe.error().substr(folder.size())
                                              : recipe.error();
  }
  std::string error_with(const std::string& from, const std::string& to) {
    std::string text(kMine);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return error_of(text.replace(at, from.size(), to));
  }
  test::Scratch scratch;
};

TEST_F(Recipes, HypervetsOwnLoad) {
  const auto names = process::recipe_names(HV_VMM_RECIPES);
  EXPECT_THAT(names, ElementsAre("cloud-hypervisor", "crosvm", "firecracker", "kvmtool", "qemu"));
  for (const auto& name : names) {
    const auto recipe = load_recipe(std::string(HV_VMM_RECIPES "/") + name + ".yaml");
    EXPECT_TRUE(recipe) << recipe.error();
  }
}

TEST_F(Recipes, TenLinesAreEnough) {
  EXPECT_EQ(error_of(kMine), "none");
  EXPECT_EQ(std::count(kMine.begin(), kMine.end(), '\n'), 10);
}

TEST_F(Recipes, BadOnesGetTheirPlace) {
  EXPECT_THAT(error_with("title:", "tittle:"),
              HasSubstr("mine.yaml:2:1: unknown key 'tittle' in the recipe; there are vmm, "));
  EXPECT_THAT(error_with("program: my-vmm\n", ""), HasSubstr("the recipe lacks 'program'"));
  EXPECT_EQ(error_with("vmm: mine", "vmm: yours"),
            "mine.yaml:1:6: the recipe 'yours' must be named as its file");
  EXPECT_THAT(
      error_with("$mib", "$mibs"),
      HasSubstr("mine.yaml:6:95: nothing is called '$mibs' here; hypervet's own names are"));
  EXPECT_THAT(error_with("blk:", "blkk:"), HasSubstr("mine.yaml:10:3: there is no device 'blkk'"));
  EXPECT_THAT(error_with("{mmio: {}}", "{isa: {}}"), HasSubstr("there is no transport 'isa'"));
  EXPECT_THAT(error_with("{mmio: {}}", "[mmio]"),
              HasSubstr("mine.yaml:8:13: transports must be a map"));
  EXPECT_THAT(error_with("[--version]}", "[--version], pattern: 'v.*'}"),
              HasSubstr("'pattern' needs a group"));
  EXPECT_THAT(error_with("[--version]}", "[--version], pattern: '('}"),
              HasSubstr("'pattern' is no regular expression"));
  EXPECT_THAT(error_with("title: My VMM", "title: []"), HasSubstr("must be a text"));
  EXPECT_THAT(error_with("title: My VMM", "title: My VMM\ncpus: 99"),
              HasSubstr("mine.yaml:3:7: 'cpus' is a number from 1 to 8"));
  for (const auto* cpus : {"0", "4x", "-1", "[4]", "many", ""}) {
    EXPECT_EQ(error_with("title: My VMM", "cpus: " + std::string(cpus) + "\ntitle: My VMM")
                  .substr(std::string_view("mine.yaml:2:7").size()),
              ": 'cpus' is a number from 1 to 8")
        << cpus;
  }
  EXPECT_EQ(error_with("title: My VMM", "title: My VMM\ncpus: 8"), "none");
  EXPECT_EQ(error_with("title: My VMM", "title: My VMM\nno-input: because"), "none");
  EXPECT_THAT(error_with("title: My VMM", "title: My VMM\nno-input: []"),
              HasSubstr("must be a text"));
}

TEST_F(Recipes, TheTerminalDoesNotObeyTheirNames) {
  EXPECT_EQ(error_with("title: My VMM", "title: My VMM\noptions: {\"a\\e[2J\\nb\": []}"),
            "mine.yaml:3:24: a?[2J?b must be a map");
}

TEST_F(Recipes, WhatTheReaderRefuses) {
  EXPECT_EQ(error_with("title: My VMM", "title: My VMM\ntitle: again"),
            "mine.yaml:3:1: the key 'title' appears twice (first in line 2)");
  EXPECT_EQ(error_with("{mmio: {}}", "{mmio: {}, mmio: {}}"),
            "mine.yaml:8:24: the key 'mmio' appears twice (first in line 8)");
  EXPECT_EQ(error_with("title: My VMM", "title: !mine VMM"),
            "mine.yaml:2:8: '!mine' is a YAML tag here; a text that begins with '!' is written in "
            "quotes");
  EXPECT_EQ(error_of("vmm: ["), "mine.yaml:1:6: the bracket is never closed");
  EXPECT_EQ(error_of("vmm: \x01"),
            "mine.yaml:1:6: the control character 0x01 does not belong in a text");
  EXPECT_EQ(error_of("vmm: " + std::string(100, '[') + std::string(100, ']')),
            "mine.yaml:1:53: lists and maps are nested deeper than 48 levels");
  EXPECT_EQ(error_of(std::string(kMine) + "---\nvmm: mine\n"),
            "mine.yaml:12:1: a second document; a recipe is one alone");
  EXPECT_EQ(error_of(""), "mine.yaml: the file is empty");
  EXPECT_EQ(load_recipe(scratch / "none.yaml").error(),
            (scratch / "none.yaml").string() + ": there is no such file");
}

TEST_F(Recipes, VerbsOfTheMonitor) {
  const auto with = [](std::string verb) {
    return std::string(kMine) + "monitor: {arguments: [$monitor-fd], verbs: {" + verb + "}}\n";
  };
  EXPECT_EQ(error_of(with("link: {execute: set_link, arguments: {name: net, up: '$up!=0'}}")),
            "none");
  EXPECT_THAT(error_of(with("fly: {execute: fly}")), HasSubstr("there is no host verb 'fly'"));
  EXPECT_THAT(error_of(with("link: {execute: set_link, arguments: {up: $down}}")),
              HasSubstr("link has no argument 'down'"));
  EXPECT_THAT(error_of(with("link: {}")), HasSubstr("link lacks 'execute'"));
}

}  // namespace
}  // namespace hypervet::vmm
