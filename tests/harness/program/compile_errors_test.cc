// SPDX-License-Identifier: Apache-2.0
// What the compiler says against a case. lint shows these.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/program/spec_text.h"

namespace hypervet::program {
namespace {

using test::complaint;
using testing::HasSubstr;

TEST(CompileErrors, Arguments) {
  EXPECT_THAT(complaint("- rdmsr: {}"), HasSubstr("`rdmsr` needs `msr`"));
  EXPECT_THAT(complaint("- rdmsr: {msr: MSR, index: 3}"), HasSubstr("no argument `index`"));
  EXPECT_THAT(complaint("- rdmsr: {msr: NO_SUCH}"), HasSubstr("unknown name"));
  EXPECT_THAT(complaint("- load: {from: 0, width: 3}"), HasSubstr("`width` is"));
  EXPECT_THAT(complaint("- load: {from: 0, width: 8, mode: compat}"), HasSubstr("32-bit code"));
  EXPECT_THAT(complaint("- in: {port: 0x10000}"), HasSubstr("a port is 0 to 65535"));
  EXPECT_THAT(complaint("- rdtsc: {cpl: 1}"), HasSubstr("`cpl` is 0 or 3"));
  EXPECT_THAT(complaint("- rdtsc: {mode: real}"), HasSubstr("one of: long, compat"));
  EXPECT_THAT(complaint("- hypercall: {kvm: 1, args: [1, 2, 3, 4, 5]}"), HasSubstr("up to four"));
  EXPECT_THAT(complaint("- alloc: {as: a, size: 4, align: 3}"), HasSubstr("power of two"));
  EXPECT_THAT(complaint("- alloc: {as: a, size: 0x1000000}"), HasSubstr("arena"));
  EXPECT_THAT(complaint("- read: {from: 0, size: 4097}"), HasSubstr("a read's size"));
  EXPECT_THAT(complaint("- read: {from: 0, struct: none-such}"), HasSubstr("no structure"));
  EXPECT_THAT(complaint("- await: {within: 1ms}"), HasSubstr("one of memory, interrupts"));
  EXPECT_THAT(complaint("- await: {memory: 0}"), HasSubstr("one of equals"));
  EXPECT_THAT(complaint("- host: {dance: {}}"), HasSubstr("no host verb"));
  EXPECT_THAT(complaint("- host: {page-out: {}}"), HasSubstr("needs `page`"));
  EXPECT_THAT(complaint("- scenario: {dance: {}}"), HasSubstr("no scenario"));
}

TEST(CompileErrors, Names) {
  EXPECT_THAT(complaint("- rdtsc: {as: MSR}"), HasSubstr("already names"));
  EXPECT_THAT(complaint("- rdtsc: {as: t}\n- rdtsc: {as: t}"), HasSubstr("already names"));
  EXPECT_THAT(complaint("- rdtsc: {as: t}\n- rdmsr: {msr: t ^ 1}"), HasSubstr("name + constant"));
  EXPECT_THAT(complaint("- read: {from: 0, struct: pair, as: p}\n- rdmsr: {msr: p.low}"),
              HasSubstr("cannot be an input"));
  EXPECT_THAT(complaint("- rdtsc: {as: t}\n- alloc: {as: a, size: t}"),
              HasSubstr("not known before the run"));
  EXPECT_THAT(complaint("- check: later == 1\n- rdtsc: {as: later}"), HasSubstr("unknown name"));
  EXPECT_THAT(complaint("- read: {from: 0, struct: pair, as: p}\n- check: p.middle == 1"),
              HasSubstr("does not observe `middle`"));
  EXPECT_THAT(complaint("- cpuid: {leaf: 0, as: c}\n- check: c == 1"), HasSubstr("several values"));
}

TEST(CompileErrors, Expectations) {
  EXPECT_THAT(complaint("- rdmsr: {msr: MSR}\n  expect: {eax: 1}"),
              HasSubstr("does not observe `eax`"));
  EXPECT_THAT(complaint("- rdmsr: {msr: MSR}\n  expect: {fault: \"#XY\"}"), HasSubstr("no fault"));
  EXPECT_THAT(complaint("- rdmsr: {msr: MSR}\n  expect: {fault: \"#GP(x)\"}"),
              HasSubstr("error code"));
  EXPECT_THAT(complaint("- rdmsr: {msr: MSR}\n  expect: {value: [1, 2]}"), HasSubstr("not a list"));
  EXPECT_THAT(complaint("- rdmsr: {msr: MSR}\n  expect: {value: {mask: 1}}"), HasSubstr("`is`"));
  EXPECT_THAT(complaint("- rdmsr: {msr: MSR}\n  expect: {value: {above: 1}}"), HasSubstr("above"));
  EXPECT_THAT(complaint("- rdmsr: {msr: MSR}\n  expect: {value: 1 / 0}"), HasSubstr("division"));
  EXPECT_THAT(complaint("- settle: 1ms\n  expect: {unchanged: all}"), HasSubstr("no registers"));
  EXPECT_THAT(complaint("- settle: 1ms\n  expect: {fault: \"#UD\"}"), HasSubstr("cannot fault"));
  EXPECT_THAT(complaint("- alloc: {as: a, size: 1}\n  expect: {value: 1}"), HasSubstr("nothing"));
}

TEST(CompileErrors, PlacesThatTheAgentWouldRefuse) {
  EXPECT_THAT(complaint("- handler: {vector: 14, do: [{rdtsc: {}}]}"), HasSubstr("32 to 253"));
  EXPECT_THAT(complaint("- handler: {vector: 0x41, do: [{settle: 1ms}]}"),
              HasSubstr("cannot stand in a handler"));
  EXPECT_THAT(complaint("- handler: {vector: 0x41, do: [{rdtsc: {interrupts: on}}]}"),
              HasSubstr("interrupts stay off"));
  EXPECT_THAT(complaint("- on: {cpu: 0, do: [{rdtsc: {}}]}", {.cpus = 2}), HasSubstr("CPU 0"));
  EXPECT_THAT(complaint("- on: {cpu: 2, do: [{rdtsc: {}}]}", {.cpus = 2}), HasSubstr("0 to 1"));
  EXPECT_THAT(complaint("- on: {cpu: others, do: [{rdtsc: {}}]}"), HasSubstr("no others"));
  const std::string deep =
      "- repeat: {times: 1, do: [{repeat: {times: 1, do: [{repeat: {times: 1, do: "
      "[{repeat: {times: 1, do: [{rdtsc: {}}]}}]}}]}}]}";
  EXPECT_THAT(complaint(deep), HasSubstr("nest at most 3"));
}

TEST(CompileErrors, PointAtTheWord) {
  const auto specs = test::load(test::spec_text("- wrmsr: {msr: MSR, value: 1 + NO_SUCH}"));
  const auto result = test::try_compile(*specs);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().mark.line, 18u);
  EXPECT_EQ(result.error().line_text.substr(result.error().caret, 7), "NO_SUCH");
}

}  // namespace
}  // namespace hypervet::program
