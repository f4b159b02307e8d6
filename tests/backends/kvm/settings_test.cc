// SPDX-License-Identifier: Apache-2.0
// What a configuration becomes: CPUID tables, refusals, the agent's command line. The last tests
// need a kernel.
#include "backends/kvm/settings.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "backends/kvm/cpuid.h"
#include "tests/backends/kvm/steps.h"

namespace hypervet::kvm::test {
namespace {

using testing::HasSubstr;
using testing::Optional;

kvm_cpuid_entry2 leaf(std::uint32_t function, std::uint32_t eax, std::uint32_t ebx = 0,
                      std::uint32_t ecx = 0, std::uint32_t edx = 0) {
  kvm_cpuid_entry2 entry{};
  entry.function = function;
  entry.eax = eax;
  entry.ebx = ebx;
  entry.ecx = ecx;
  entry.edx = edx;
  return entry;
}

const kvm_cpuid_entry2* find(const CpuidEntries& entries, std::uint32_t function) {
  for (const auto& entry : entries) {
    if (entry.function == function) return &entry;
  }
  return nullptr;
}

const CpuidEntries kSupported = {
    leaf(0, 0x1f, 1),     leaf(1, 1, 0xff00'1234, 0x8000'0000), leaf(0xb, 0, 0, 0, 99),
    leaf(0x8000'0010, 0), leaf(0x4000'0000, 0x4000'0001, 5),    leaf(0x4000'0001, 0xff)};
const CpuidEntries kHyperv = {leaf(0x4000'0000, 0x4000'0005, 6), leaf(0x4000'0001, 7)};

CpuidEntries compose(const backends::Configuration& configuration) {
  return compose_cpuid(kSupported, kHyperv, configuration, read_settings(configuration), false);
}

TEST(KvmCpuid, DropsLeavesThatSayNothing) {
  const auto entries = compose({});
  EXPECT_EQ(find(entries, 0x8000'0010), nullptr);
  EXPECT_NE(find(entries, 0xb), nullptr);
}

TEST(KvmCpuid, TakesBitsAway) {
  backends::Configuration configuration;
  configuration.without = {{.leaf = 1, .reg = 2, .bit = 31},
                           {.leaf = 0x4000'0001, .reg = 0, .bit = 3}};
  const auto entries = compose(configuration);
  EXPECT_EQ(find(entries, 1)->ecx, 0u);
  EXPECT_EQ(find(entries, 0x4000'0001)->eax, 0xf7u);
}

TEST(KvmCpuid, AddsWhatTheVmmAnswersFor) {
  backends::Configuration configuration;
  configuration.settings = {
      {"hypercall-exits", "on"}, {"migration-control", "on"}, {"realtime-hint", "on"}};
  const auto entries = compose(configuration);
  const auto* features = find(entries, 0x4000'0001);
  EXPECT_EQ(features->eax, 0x3'00ffu);
  EXPECT_EQ(features->edx, 1u);
}

TEST(KvmCpuid, MovesItsLeavesBesideHyperv) {
  const auto entries = compose(with_setting("hyperv-leaves", "on"));
  EXPECT_EQ(find(entries, 0x4000'0000)->ebx, 6u);
  EXPECT_EQ(find(entries, 0x4000'0100)->eax, 0x4000'0101u);
  EXPECT_EQ(find(entries, 0x4000'0101)->eax, 0xffu);
}

TEST(KvmCpuid, TellsEachCpuItsApicId) {
  auto entries = compose({});
  set_apic_id(entries, 3, 4);
  EXPECT_EQ(find(entries, 1)->ebx, 0x0304'1234u);
  EXPECT_EQ(find(entries, 0xb)->edx, 3u);
}

TEST(KvmSettings, TellTheAgent) {
  EXPECT_EQ(agent_command_line(read_settings({}), 2, 2'300'000),
            "channel=memory apic=xapic cpus=2 tsc-khz=2300000");
  backends::Configuration configuration;
  configuration.settings = {{"channel", "serial"}, {"apic", "x2apic"}};
  EXPECT_EQ(agent_command_line(read_settings(configuration), 1, 0),
            "channel=serial apic=x2apic cpus=1 exit=debug-exit");
}

class KvmRefuses : public KvmTest {};

TEST_F(KvmRefuses, NothingByDefault) { EXPECT_EQ(backend().refuses({}), std::nullopt); }

TEST_F(KvmRefuses, WhatNoMachineHas) {
  EXPECT_THAT(backend().refuses(with_cpus(9)), Optional(HasSubstr("9 CPUs")));
  EXPECT_THAT(backend().refuses(with_cpus(0)), Optional(HasSubstr("0 CPUs")));
  backends::Configuration small;
  small.memory = 4096;
  EXPECT_THAT(backend().refuses(small), Optional(HasSubstr("bytes of memory")));
  EXPECT_THAT(backend().refuses(with_setting("colour", "red")),
              Optional(HasSubstr("no setting colour")));
  EXPECT_THAT(backend().refuses(with_setting("apic", "z80")), Optional(HasSubstr("no value z80")));
}

TEST_F(KvmRefuses, TheClockThatTheHostDoesNotKeepTimeWith) {
  // A host that does not tell its clock (no sysfs) has neither.
  std::string clock;
  std::ifstream(std::filesystem::path(HostClock::kFolder) / "current_clocksource") >> clock;
  EXPECT_EQ(backend().refuses(with_setting("host-clock", "tsc")).has_value(), clock != "tsc");
  EXPECT_EQ(backend().refuses(with_setting("host-clock", "other")).has_value(),
            clock == "tsc" || clock.empty());
}

TEST_F(KvmRefuses, NothingThatRunThenGives) {
  for (const auto& setting : backends::known_settings()) {
    for (const auto value : setting.values) {
      const auto configuration = with_setting(std::string(setting.name), std::string(value));
      if (backend().refuses(configuration) || setting.name == "channel") continue;
      const auto outcome = run(Steps().finish(), configuration);
      EXPECT_EQ(outcome.stop, Stop::kFinished)
          << setting.name << "=" << value << ": " << outcome.detail;
    }
  }
}

}  // namespace
}  // namespace hypervet::kvm::test
