// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace hypervet::measure {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A root with what a kernel tells, of plain files.
class PreflightTest : public testing::Test {
 protected:
  PreflightTest() { fs::remove_all(root_); }
  void write(const std::string& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << '\n';
  }
  Circumstance of(const std::string& name) {
    const auto all = preflight(root_);
    const auto found = std::ranges::find(all, name, &Circumstance::name);
    EXPECT_NE(found, all.end()) << name;
    return found == all.end() ? Circumstance{} : *found;
  }

  const fs::path root_ =
      fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(PreflightTest, WhatTheKernelDoesNotTellIsUnknownAndNotBad) {
  for (const auto* name : {"governor", "turbo", "SMT", "TSC", "mitigations", "load"}) {
    EXPECT_EQ(of(name).state, "unknown") << name;
    EXPECT_THAT(of(name).bad, IsEmpty()) << name;
  }
}

TEST_F(PreflightTest, AFrequencyThatMovesIsBad) {
  write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave");
  EXPECT_THAT(of("governor").bad, HasSubstr("performance"));
  write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance");
  EXPECT_THAT(of("governor").bad, IsEmpty());
  write("sys/devices/system/cpu/cpufreq/boost", "1");
  EXPECT_EQ(of("turbo").state, "on");
  EXPECT_THAT(of("turbo").bad, Not(IsEmpty()));
  // Of two that disagree Intel's own switch is the one that works.
  write("sys/devices/system/cpu/intel_pstate/no_turbo", "1");
  EXPECT_EQ(of("turbo").state, "off");
}

TEST_F(PreflightTest, ATimeStampCounterMustNeitherChangeNorStop) {
  write("proc/cpuinfo", "model name\t: x\nflags\t\t: fpu tsc constant_tsc");
  EXPECT_THAT(of("TSC").bad, Not(IsEmpty()));
  write("proc/cpuinfo", "flags\t\t: fpu constant_tsc nonstop_tsc");
  EXPECT_EQ(of("TSC").state, "invariant");
}

TEST_F(PreflightTest, MitigationsAreCountedAndPartOfWhatIsMeasured) {
  write("sys/devices/system/cpu/vulnerabilities/a", "Mitigation: PTI");
  write("sys/devices/system/cpu/vulnerabilities/b", "Not affected");
  EXPECT_EQ(of("mitigations").state, "1 of 2 active");
  EXPECT_THAT(of("mitigations").bad, IsEmpty());
}

TEST_F(PreflightTest, ABusyMachineIsBad) {
  write("proc/loadavg", "64.00 1.00 0.50 1/200 4000");
  EXPECT_THAT(of("load").bad, HasSubstr("other work"));
  write("proc/loadavg", "0.01 0.01 0.50 1/200 4000");
  EXPECT_THAT(of("load").bad, IsEmpty());
}

}  // namespace
}  // namespace hypervet::measure
