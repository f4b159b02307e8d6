// SPDX-License-Identifier: Apache-2.0
// Lint of steps: verbs, keys, types, names, places, expectations.
#include <gtest/gtest.h>

#include <ostream>

#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

// One step to a line from line 15 on; each behind "          - " (column 13).
std::string steps(std::string_view text) {
  std::string made =
      head(
          "constants: {MSR: 0x10}\nstructures: {pair: {size: 16, fields: {low: [0, u64], high: [8, "
          "s64]}}}") +
      "clauses:\n  - id: t.x\n    level: must\n    section: s\n    text: t\n    violations: [{v: "
      "{at: rdmsr, add: 1}}]\n"
      "    cases:\n      - machine: {cpus: 2}\n        for: {bit: [0, 1]}\n        steps:\n";
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    made += "          - " + std::string(text.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return made;
}

struct Bad {
  std::string text;
  std::vector<std::string> problems;  // lines count from the first step: "1:13"
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.text; }

class LintSteps : public ::testing::TestWithParam<Bad> {};
TEST_P(LintSteps, AreReportedAtTheirPlace) {
  std::vector<std::string> found = lint_problems(steps(GetParam().text));
  for (std::string& each : found) {
    each = std::to_string(std::stoi(each) - 16) + each.substr(each.find(':'));
  }
  EXPECT_EQ(found, GetParam().problems);
}

const Bad kGood[] = {
    {"alloc: {as: area, size: 64, align: 64, fill: 0xff, mapping: high}\n"
     "{rdtsc: , as: t0}\n"
     "{cpuid: {leaf: 0x40000000, as: c}, expect: {eax: {at-least: 1}, ebx: nonzero, unchanged: "
     "others}}\n"
     "{rdmsr: {msr: MSR + bit, as: m}, expect: {value: {bit: bit, is: 1}, length: 2}}\n"
     "{wrmsr: {msr: MSR, value: m + 1, cpl: 3}, expect: {fault: {one-of: [\"#GP(0)\", none]}}}\n"
     "{load: {from: area + 8 * bit, width: 8, as: w}, expect: {value: {one-of: [1, {not: 2}], "
     "differs-from: m}}}\n"
     "store: {to: w + 4, value: w}\n"
     "{read: {from: area, struct: pair, as: p}, expect: {low: even, high: {mask: 3, is: 1}}}\n"
     "{read: {from: area, size: 4}, expect: {bytes: zero}}\n"
     "{read: {from: area, size: 2}, expect: {bytes: [1, 2]}}\n"
     "map: {as: page, to: phys(area), flags: [writable, user], present: yes}\n"
     "map: {as: page, present: no}\n"
     "{hypercall: {kvm: 10, args: [1, 2, apic-id(1), w], mode: compat, as: h}, expect: {rax: 0, "
     "r15: h.r14, unchanged: all}}\n"
     "handler: {vector: 0x41, eoi: pv, word: area}\n"
     "handler: {vector: 0x42, do: [{load: {from: area, as: flag}}, {apic-eoi: {}}]}\n"
     "on: {cpu: 1, do: [{halt: {interrupts: off}}, {repeat: {times: 2, do: [{rdtsc: {as: "
     "t1}}]}}]}\n"
     "on: {cpu: others, do: [{rdtsc: }]}\n"
     "{join: {cpu: 1, within: 1s}, expect: {reached: yes}}\n"
     "{join: others}\n"
     "ipi: {to: self, vector: 0x41}\n"
     "ipi: {to: 1, mode: nmi}\n"
     "self-ipi: 0x41\n"
     "settle: 5ms\n"
     "{await: {memory: area, equals: 1, mask: 3, width: 4, within: 1ms}, expect: {reached: no}}\n"
     "await: {interrupts: {vector: 0x41, count: 2, cpu: 1}, within: 1ms}\n"
     "{counts: {vector: 0x41}, expect: {per-cpu: [0, 1], total: 1}}\n"
     "{interrupt-log: {cpu: 1}, expect: {order: [0x41]}}\n"
     "{apic: {read: isr2, as: isr}, expect: {value: 0}}\n"
     "apic: {write: 0xb0, value: isr}\n"
     "apic-mode: x2apic\n"
     "{host: {read-clock: {}}, as: clock, expect: {status: 0, result: {at-least: 1}}}\n"
     "host: {page-out: {page: phys(area)}}\n"
     "host: pause-clock\n"
     "{scenario: {clock-monotonic: {area: area, reads: 100}}, as: mono, expect: {torn: 0}}\n"
     "check: t0 < t1 && p.high != mono.first && clock.result + clock > 0 && h == h.rax\n"
     "assume: {that: clock > 5, because: the clock stands still}",
     {}},
};
INSTANTIATE_TEST_SUITE_P(Good, LintSteps, ::testing::ValuesIn(kGood));

const Bad kVerbs[] = {
    {"rdmsrr: {msr: 1}", {"0:13: unknown step 'rdmsrr', did you mean 'rdmsr'?"}},
    {"frobnicate: {}", {"0:13: unknown step 'frobnicate'"}},
    {"rdmsr: {}", {"0:13: 'rdmsr' needs 'msr:'"}},
    {"rdmsr: ", {"0:13: 'rdmsr' needs 'msr:'"}},
    {"rdmsr: 0x10", {"0:20: 'rdmsr' is a map, not a single value"}},
    {"wrmsr: {msr: 1, vlaue: 2}",
     {"0:29: unknown key 'vlaue' in 'wrmsr', did you mean 'value'?",
      "0:13: 'wrmsr' needs 'value:'"}},
    {"rdmsr: {msr: [1]}", {"0:26: an expression is wanted, not a list"}},
    {"alloc: {as: a, size: 0, align: 3, fill: 256, mapping: low}",
     {"0:34: size is from 1 to 0x1000000, not 0", "0:53: fill is from 0 to 255, not 256",
      "0:67: mapping is identity or high, not 'low'", "0:44: align is a power of two"}},
    {"load: {from: 1, width: 3}", {"0:36: width is 1, 2, 4 or 8"}},
    {"in: {port: 1, width: 8}", {"0:34: width is from 1 to 4, not 8"}},
    {"rdtsc: {cpl: 1, mode: real}",
     {"0:35: mode is long or compat, not 'real'", "0:26: cpl is 0 or 3"}},
    {"hypercall: {kvm: 1, args: [1, 2, 3, 4, 5]}", {"0:52: args takes at most 4"}},
    {"hypercall: {kvm: 1, args: 1}", {"0:39: args is a list, not a single value"}},
    {"read: {from: 1}", {"0:13: 'read' needs one of size or struct"}},
    {"read: {from: 1, size: 4, struct: pair}", {"0:38: 'read' needs one of size or struct"}},
    {"read: {from: 1, struct: pear}", {"0:37: unknown structure 'pear'"}},
    {"map: {as: m}", {"0:13: 'map' needs 'to:'"}},
    {"map: {as: m, to: 0, flags: [execute]}",
     {"0:41: flags is writable, user or no-execute, not 'execute'"}},
    {"await: {within: 1ms}", {"0:13: 'await' needs one of memory, interrupts, used or interrupt"}},
    {"await: {memory: 1}", {"0:13: 'await' needs one of equals, not-equals or at-least"}},
    {"await: {interrupts: {vector: 256, cpu: 2}, mask: 1}",
     {"0:42: vector is from 0 to 255, not 256", "0:52: cpu is from 0 to 1, not 2",
      "0:56: 'mask:' goes with 'memory:' only"}},
    {"apic: {read: isr9}", {"0:26: unknown name 'isr9'"}},
    {"apic: {read: 0xb1}", {"0:26: APIC registers lie 16 bytes apart"}},
    {"apic: {write: eoi}", {"0:13: 'apic' with 'write:' needs 'value:'"}},
    {"ipi: {to: 2, vector: 1}", {"0:23: to is from 0 to 1, not 2"}},
    {"ipi: {to: 1}", {"0:13: 'ipi' needs 'vector:'"}},
    {"ipi: {to: 1, mode: nmi, vector: 2}", {"0:37: an NMI has no vector of its own"}},
    {"handler: {vector: 1, eoi: pv}",
     {"0:39: 'eoi: pv' needs 'word:', the address of the PV EOI word"}},
    {"handler: {vector: 1, word: 1}", {"0:34: 'word:' goes with 'eoi: pv' only"}},
    {"apic-mode: x3apic", {"0:24: mode is xapic or x2apic, not 'x3apic'"}},
    {"host: {pause-clok: {}}",
     {"0:20: unknown host verb 'pause-clok', did you mean 'pause-clock'?"}},
    {"host: {page-out: {pag: 1}}",
     {"0:31: unknown key 'pag' in 'page-out', did you mean 'page'?",
      "0:20: 'page-out' needs 'page:'"}},
    {"host: {}", {"0:13: 'host' takes one name with its arguments in braces"}},
    {"host: {read-clock: {}, pause-clock: {}}",
     {"0:36: 'host' takes one name with its arguments in braces"}},
    {"scenario: {clock-monotone: {}}",
     {"0:24: unknown scenario 'clock-monotone', did you mean 'clock-monotonic'?"}},
    {"assume: {that: 1}", {"0:13: 'assume' needs 'because:'"}},
};
INSTANTIATE_TEST_SUITE_P(Verbs, LintSteps, ::testing::ValuesIn(kVerbs));

const Bad kNames[] = {
    {"wrmsr: {msr: MRS, value: bot + 1}",
     {"0:26: unknown name 'MRS', did you mean 'MSR'?",
      "0:38: unknown name 'bot', did you mean 'bit'?"}},
    {"rdmsr: {msr: MSR-1}", {"0:26: unknown name 'MSR-1'; a subtraction is written with spaces"}},
    {"rdmsr: {msr: 1 / bit}", {"0:28: division by zero"}},
    {"{alloc: {as: a, size: 4}}\n{alloc: {as: a, size: 4}}", {"1:26: 'a' already names something"}},
    {"rdtsc: {as: bit}", {"0:25: 'bit' already names something"}},
    {"rdtsc: {as: MSR}", {"0:25: 'MSR' already names something"}},
    {"rdtsc: {as: a.b}",
     {"0:25: 'a.b' cannot be a name: letters, digits, '_' and '-', beginning with a letter"}},
    {"check: later > 1\n{rdtsc: {as: later}}", {"0:20: unknown name 'later'"}},
    {"rdtsc: {as: t}\nalloc: {as: a, size: t}", {"1:34: 't' is not known before the run"}},
    {"rdtsc: {as: t}\nwrmsr: {msr: 1, value: t * 2}",
     {"1:38: what a step observed can be an input of a later one only as 'name' or 'name + "
      "constant'"}},
    {"cpuid: {leaf: 1, as: c}\nwrmsr: {msr: c.eax, value: c}",
     {"1:26: 'c.eax' cannot be an input: only the value of rdmsr, in, load, rdtsc, apic, host, "
      "status, register, region, config and features, and the RAX of a hypercall can",
      "1:40: 'c' is a 'cpuid', which observes several values; say which, as in 'c.eax'"}},
    {"read: {from: 1, struct: pair, as: p}\ncheck: p.lo == p.high",
     {"1:20: a 'read' does not observe 'lo', did you mean 'low'?"}},
    {"wrmsr: {msr: 1, value: 2, as: w}\ncheck: w == 1",
     {"1:20: 'w' is a 'wrmsr', which observes several values; say which, as in 'w.rax'"}},
    {"rdmsr: {msr: \"bits(3)\"}", {"0:26: msr is one number, not a list"}},
    {"wrmsr: {msr: 1, value: min(1, 2)}",
     {"0:43: unknown key '2)' in 'wrmsr'",
      "0:41: ')' is missing at the end (inside { } and [ ] a text with ',' needs quotes)"}},
};
INSTANTIATE_TEST_SUITE_P(Names, LintSteps, ::testing::ValuesIn(kNames));

const Bad kPlaces[] = {
    {"handler: {vector: 1, do: [{halt: }, {handler: {vector: 2}}, {on: {cpu: 1, do: [{rdtsc: "
     "}]}}]}",
     {"0:40: 'halt' cannot stand in a handler", "0:50: 'handler' cannot stand in a handler",
      "0:74: 'on' cannot stand in a handler"}},
    {"on: {cpu: 1, do: [{join: 1}]}", {"0:32: 'join' cannot stand in the steps of another CPU"}},
    {"on: {cpu: 0, do: [{rdtsc: }]}", {"0:23: cpu is from 1 to 1, not 0"}},
    {"repeat: {times: 1, do: [{repeat: {times: 1, do: [{repeat: {times: 1, do: [{repeat: {times: "
     "1, do: [{rdtsc: }]}}]}}]}}]}",
     {"0:88: blocks are nested deeper than 3"}},
    {"rdtsc: {do: [{rdtsc: }]}", {"0:21: unknown key 'do' in 'rdtsc'"}},
};
INSTANTIATE_TEST_SUITE_P(Places, LintSteps, ::testing::ValuesIn(kPlaces));

const Bad kExpectations[] = {
    {"{rdmsr: {msr: 1}, expect: {valu: 1}}",
     {"0:40: 'rdmsr' does not observe 'valu', did you mean 'value'?"}},
    {"{counts: {vector: 1}, expect: {each: 1}}",
     {"0:44: 'counts' does not observe 'each' (it observes per-cpu, total)"}},
    {"{rdmsr: {msr: 1}, expect: {fault: \"#XY\"}}",
     {"0:47: '#XY' is not a fault (\"#GP(0)\", \"#UD\", \"#PF\", none)"}},
    {"{rdmsr: {msr: 1}, expect: {fault: \"#GP(x)\"}}",
     {"0:47: '#GP(x)' is not a fault (\"#GP(0)\", \"#UD\", \"#PF\", none)"}},
    {"{rdmsr: {msr: 1}, expect: {fault: {one-of: []}}}", {"0:56: one-of takes a list of faults"}},
    {"{rdmsr: {msr: 1}, expect: {fault: {oneof: [none]}}}",
     {"0:48: unknown key 'oneof' in fault, did you mean 'one-of'?", "0:47: fault needs 'one-of:'"}},
    {"{rdmsr: {msr: 1}, expect: {unchanged: some}}",
     {"0:51: unchanged is others or all, not 'some'"}},
    {"{rdmsr: {msr: 1}, expect: {value: [1]}}", {"0:47: this is one number, not a list"}},
    {"{rdmsr: {msr: 1}, expect: {value: }}", {"0:47: this expects nothing"}},
    {"{rdmsr: {msr: 1}, expect: {value: {}}}", {"0:47: this expects nothing"}},
    {"{rdmsr: {msr: 1}, expect: {value: {mask: 1}}}", {"0:47: 'mask:' needs 'is:'"}},
    {"{rdmsr: {msr: 1}, expect: {value: {is: 1}}}", {"0:48: 'is:' goes with 'mask:' or 'bit:'"}},
    {"{rdmsr: {msr: 1}, expect: {value: {mask: 1, bit: 1, is: 1}}}",
     {"0:57: 'mask:' and 'bit:' would share one 'is:'; use 'all-of:'"}},
    {"{rdmsr: {msr: 1}, expect: {value: {at-last: 1}}}",
     {"0:48: unknown key 'at-last' in an expectation, did you mean 'at-least'?"}},
    {"{rdmsr: {msr: 1}, expect: {value: {one-of: 1}}}",
     {"0:56: one-of takes a list of expectations"}},
    {"{rdmsr: {msr: 1}, expect: {value: evn}}", {"0:47: unknown name 'evn'"}},
    {"{rdmsr: {msr: 1}, expect: {}}",
     {"0:39: expect is a map of what is observed to what is allowed, not an empty one"}},
    {"{rdmsr: {msr: 1}, expect: 5}",
     {"0:39: expect is a map of what is observed to what is allowed, not a single value"}},
    {"{self-ipi: 1, expect: {value: 1}}", {"0:35: 'self-ipi' observes nothing"}},
    {"{repeat: {times: 1, do: [{rdtsc: }]}, expect: {value: 1}}",
     {"0:59: 'repeat' observes nothing; its steps do"}},
    {"{await: {memory: 1, equals: 1}, expect: {reached: maybe}}",
     {"0:63: reached is yes or no, not 'maybe'"}},
    {"{read: {from: 1, size: 8}, expect: {low: 1}}",
     {"0:49: 'read' does not observe 'low' (it observes bytes, fault, error-code, cr2)"}},
};
INSTANTIATE_TEST_SUITE_P(Expectations, LintSteps, ::testing::ValuesIn(kExpectations));

}  // namespace
}  // namespace hypervet::spec
