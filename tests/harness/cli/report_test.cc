// SPDX-License-Identifier: Apache-2.0
// list, explain, doctor, report and exec, as a user has them.
#include <gmock/gmock.h>

#include "tests/harness/cli/command.h"

namespace hypervet::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ListTest, ClausesAndCases) {
  Folder folder;
  const auto clauses = execute(folder, {"list", "kvm.kick-cpu.*"});
  EXPECT_EQ(clauses.status, 0);
  EXPECT_THAT(clauses.out, HasSubstr("kvm.kick-cpu.wakes "));
  const auto cases = execute(folder, {"list", "--cases", "kvm.kick-cpu.ignores-a0"});
  EXPECT_EQ(cases.out,
            "kvm.kick-cpu.ignores-a0[a0=1]\nkvm.kick-cpu.ignores-a0[a0=0xffffffffffffffff]\n");
}

TEST(ExplainTest, ClauseCasesViolationsAndTheCommand) {
  Folder folder;
  const auto result = execute(folder, {"explain", "kvm.kick-cpu.wakes"});
  EXPECT_EQ(result.status, 0);
  for (const char* part : {"kvm.kick-cpu.wakes", "must", "hypercalls.rst", "halt, interrupts off",
                           "lost wake-up", "hypervet run kvm.kick-cpu.wakes"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
}

TEST(DoctorTest, SaysWhatCanRunAndWhatToDo) {
  Folder folder;
  const auto result = execute(folder, {"doctor", "--kvm-device", "/nonexistent"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("sim       can run"));
  EXPECT_THAT(result.out, HasSubstr("kvm       unavailable"));
  EXPECT_THAT(result.out, HasSubstr("to mend it: "));
  EXPECT_THAT(execute(folder, {"doctor", "--settings"}).out, HasSubstr("hypercall-patching"));
}

TEST(ReportTest, EveryFormatFromAStoredStream) {
  Folder folder;
  ASSERT_EQ(execute(folder, {"run", "kvm.msr.*", "--results", "r.jsonl"}).status, 0);
  for (const char* format : {"console", "html", "json", "junit", "ktap", "sarif"}) {
    const auto result = execute(folder, {"report", "r.jsonl", "--format", format});
    EXPECT_EQ(result.status, 0) << format << result.err;
    EXPECT_GT(result.out.size(), 100) << format;
  }
}

TEST(ReportTest, BadStreamsAreNamedByLine) {
  Folder folder;
  ASSERT_EQ(execute(folder, {"run", "kvm.msr.*", "--results", "r.jsonl"}).status, 0);
  auto text = folder.read("r.jsonl");
  const auto second = text.find('\n') + 1;
  folder.write("bad.jsonl", text.substr(0, second) + "{oops}\n" + text.substr(second));
  const auto stopped = execute(folder, {"report", "bad.jsonl"});
  EXPECT_EQ(stopped.status, 2);
  EXPECT_THAT(stopped.err, HasSubstr("bad.jsonl:2:"));
  const auto kept = execute(folder, {"report", "bad.jsonl", "--keep-going"});
  EXPECT_EQ(kept.status, 0);
  EXPECT_THAT(kept.out, HasSubstr("kvm.msr"));
  folder.write("newer.jsonl", "{\"type\":\"run\",\"format\":99}\n");
  const auto newer = execute(folder, {"report", "newer.jsonl"});
  EXPECT_EQ(newer.status, 2);
  EXPECT_THAT(newer.err, HasSubstr("99"));
}

TEST(ExecTest, AnyPayloadRunsAndItsSerialOutputIsShown) {
  Folder folder;
  // Without a program the agent refuses to go on and ends; what counts here is that it boots and is
  // heard.
  const auto result = execute(folder, {"exec", std::string(HV_BUILD_DIR) + "/payloads/agent.elf",
                                       "--append", "channel=serial exit=debug-exit"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("hvob")) << "a frame of the agent's on the serial line";
}

}  // namespace
}  // namespace hypervet::testing
