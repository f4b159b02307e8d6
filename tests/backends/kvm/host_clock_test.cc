// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/host_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace hypervet::kvm {
namespace {

using testing::HasSubstr;
using testing::Optional;

// A folder as the kernel has it in sysfs, of plain files.
class HostClockTest : public testing::Test {
 protected:
  HostClockTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text << '\n';
  }
  std::string current() {
    std::string word;
    std::ifstream(folder_ / "current_clocksource") >> word;
    return word;
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) /
      testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(HostClockTest, AHostThatDoesNotTellHasNeither) {
  const HostClock clock(true, folder_);
  EXPECT_THAT(clock.refusal("tsc"), Optional(HasSubstr("does not tell")));
  EXPECT_THAT(clock.refusal("other"), Optional(HasSubstr("does not tell")));
}

TEST_F(HostClockTest, WithoutPermissionItIsWhatItIs) {
  write("current_clocksource", "tsc");
  write("available_clocksource", "tsc hpet acpi_pm");
  HostClock clock(false, folder_);
  EXPECT_EQ(clock.refusal("tsc"), std::nullopt);
  EXPECT_THAT(clock.refusal("other"), Optional(HasSubstr("keeps time with tsc")));
}

TEST_F(HostClockTest, WithPermissionItIsChangedForAsLongAsItIsHeld) {
  write("current_clocksource", "tsc");
  write("available_clocksource", "tsc hpet acpi_pm");
  HostClock clock(true, folder_);
  EXPECT_EQ(clock.refusal("other"), std::nullopt);
  {
    const auto hold = clock.hold("other");
    EXPECT_EQ(hold.error(), "");
    EXPECT_EQ(current(), "hpet");
  }
  EXPECT_EQ(current(), "tsc");
  {
    const auto hold = clock.hold("");
    EXPECT_EQ(current(), "tsc");
  }
}

// Seen in a lab whose kernel was judged before it had refined its TSC.
TEST_F(HostClockTest, TheEarlyTscIsTheTsc) {
  write("current_clocksource", "tsc-early");
  write("available_clocksource", "tsc-early hpet acpi_pm");
  EXPECT_THAT(HostClock(false, folder_).refusal("other"), Optional(HasSubstr("tsc-early")));
  HostClock clock(true, folder_);
  EXPECT_EQ(clock.refusal("tsc"), std::nullopt);
  const auto hold = clock.hold("other");
  EXPECT_EQ(current(), "hpet");
}

TEST_F(HostClockTest, AHostWithNoOtherClockSaysSo) {
  write("current_clocksource", "tsc");
  write("available_clocksource", "tsc jiffies");
  EXPECT_THAT(HostClock(true, folder_).refusal("other"), Optional(HasSubstr("no clock but tsc")));
}

TEST_F(HostClockTest, AHostThatKeepsTimeOtherwiseIsLeftAlone) {
  write("current_clocksource", "hpet");
  write("available_clocksource", "hpet");
  HostClock clock(true, folder_);
  EXPECT_EQ(clock.refusal("other"), std::nullopt);
  EXPECT_THAT(clock.refusal("tsc"), Optional(HasSubstr("keeps time with hpet")));
  const auto hold = clock.hold("other");
  EXPECT_EQ(hold.error(), "");
  EXPECT_EQ(current(), "hpet");
}

TEST_F(HostClockTest, AClockThatDoesNotChangeIsAnError) {
  write("available_clocksource", "tsc hpet");
  write("current_clocksource", "tsc");
  HostClock clock(true, folder_);
  std::filesystem::remove(folder_ / "current_clocksource");
  std::filesystem::create_directory(folder_ / "current_clocksource");
  EXPECT_THAT(clock.hold("other").error(), HasSubstr("cannot be changed to hpet"));
}

}  // namespace
}  // namespace hypervet::kvm
