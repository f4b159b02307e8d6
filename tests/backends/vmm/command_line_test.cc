// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hypervet::vmm {
namespace {

using backends::Configuration;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Names, AreFoundInTexts) {
  EXPECT_THAT(names_in("id=$id,size=$mibM"), ElementsAre("id", "mib"));
  EXPECT_THAT(names_in("$$id and $a-b- $"), ElementsAre("a-b", ""));
  EXPECT_THAT(names_in("none"), IsEmpty());
}

TEST(Names, AreReplacedAlsoWithinWhatTheyStandFor) {
  const Names names = {{"a", "1$b"}, {"b", "2"}, {"loop", "x$loop"}};
  EXPECT_EQ(substituted("<$a>$$a", names), "<12>$a");
  EXPECT_EQ(substituted("$none.", names), ".");
  EXPECT_LT(substituted("$loop", names).size(), 20u);
}

Recipe recipe() {
  Recipe made;
  made.name = "mine";
  made.title = "Mine";
  made.cpus = 4;
  made.common.arguments = {"--cpus", "$cpus", "$extra", "$words"};
  made.common.names = {{"extra", ""}};
  made.serial.arguments = {"--initrd", "$program"};
  made.memory.emplace();
  made.memory->arguments = {"--ram", "$ram"};
  Part kvm;
  kvm.needs = "/no/such/device";
  made.options = {{"accel", {{"tcg", {}}, {"kvm", kvm}}}};
  Part pci;
  pci.names = {{"bus", "pci"}};
  Part mmio;
  mmio.names = {{"bus", "mmio"}};
  mmio.without = {{"apic=x2apic", "because"}};
  made.transports = {"transports", {{"pci", pci}, {"mmio", mmio}}};
  Part x2apic;
  x2apic.words = {"apic=x2apic"};
  made.settings = {{"apic", {{"x2apic", x2apic}}}};
  Device blk;
  blk.part.arguments = {"--blk", "$bus$ro"};
  blk.part.names = {{"ro", ""}};
  blk.variants["read-only"].names = {{"ro", ",ro"}};
  made.devices["blk"] = blk;
  Device mem;
  mem.transports = {"pci"};
  made.devices["mem"] = mem;
  return made;
}

Configuration with(std::initializer_list<std::pair<const char*, const char*>> settings) {
  Configuration configuration;
  for (const auto& [name, value] : settings) configuration.settings[name] = value;
  return configuration;
}

std::string refusal(const Configuration& configuration, const Names& options = {}) {
  const auto plan = make_plan(recipe(), options, {}, configuration);
  return plan ? "none" : plan.error();
}

std::vector<std::string> arguments(const Configuration& configuration) {
  const auto plan = make_plan(recipe(), {}, {"-last"}, configuration);
  EXPECT_TRUE(plan) << plan.error();
  Names names = plan->names;
  names["words"] = "WORDS";
  names["ram"] = "RAM";
  names["program"] = "PROGRAM";
  return filled_in(*plan, names);
}

TEST(Plans, AreMadeOfTheParts) {
  EXPECT_THAT(arguments({}), ElementsAre("--cpus", "1", "WORDS", "--ram", "RAM", "-last"));
  EXPECT_THAT(arguments(with({{"device", "blk"}, {"transport", "mmio"}, {"channel", "serial"}})),
              ElementsAre("--cpus", "1", "WORDS", "--blk", "mmio", "--initrd", "PROGRAM", "-last"));
  EXPECT_THAT(arguments(with({{"device", "blk"}, {"variant", "read-only"}})), Contains("pci,ro"));
  const auto plan = make_plan(recipe(), {}, {}, with({{"apic", "x2apic"}}));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->words, Contains("apic=x2apic"));
  EXPECT_THAT(plan->words, Contains("batch=memory"));
}

TEST(Plans, OfOtherMachinesHaveOtherKeys) {
  const auto key = [](const Configuration& configuration) {
    return make_plan(recipe(), {}, {}, configuration)->key();
  };
  EXPECT_EQ(key({}), key(with({{"device", "none"}, {"variant", "plain"}})));
  EXPECT_NE(key({}), key(with({{"device", "blk"}})));
  EXPECT_NE(key(with({{"device", "blk"}})),
            key(with({{"device", "blk"}, {"variant", "read-only"}})));
  Configuration two;
  two.cpus = 2;
  EXPECT_NE(key({}), key(two));
}

TEST(Plans, AreRefusedWithTheReason) {
  Configuration many;
  many.cpus = 5;
  EXPECT_EQ(refusal(many), "5 CPUs: a machine of Mine has 1 to 4");
  Configuration odd;
  odd.memory += 4096;
  EXPECT_THAT(refusal(odd), HasSubstr("bytes of memory"));
  Configuration hidden;
  hidden.without.push_back({1, 2, 3});
  EXPECT_THAT(refusal(hidden), HasSubstr("CPUID bits"));
  EXPECT_EQ(refusal(with({{"device", "gpu"}})), "device=gpu: the recipe of Mine has none");
  EXPECT_EQ(refusal(with({{"device", "mem"}, {"transport", "mmio"}})),
            "device=mem: Mine has it on pci alone");
  EXPECT_EQ(refusal(with({{"device", "mem"}, {"variant", "read-only"}})),
            "variant=read-only: the recipe of Mine has no such mem");
  EXPECT_THAT(refusal(with({{"host-clock", "other"}})), HasSubstr("host-clock=other"));
  EXPECT_EQ(refusal(with({{"host-clock", "tsc"}})), "none");
  EXPECT_EQ(refusal(with({{"transport", "mmio"}, {"apic", "x2apic"}})), "apic=x2apic: because");
  EXPECT_EQ(refusal({}, {{"accel", "kvm"}}),
            "accel=kvm: /no/such/device: No such file or directory");
}

}  // namespace
}  // namespace hypervet::vmm
