// SPDX-License-Identifier: Apache-2.0
// Every mistake in the form of a spec has its place and its words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

using ::testing::ElementsAre;

TEST(LoadErrors, GoldenOutput) {
  const auto specs = load_text(
      "interface: t\ntitle: T\nsource: {document: d, version: v}\nclause: []\n", "specs/t.yaml");
  ASSERT_FALSE(specs);
  ASSERT_EQ(specs.error().size(), 1u);
  EXPECT_EQ(to_string(specs.error()[0]),
            "specs/t.yaml:4:1: unknown key 'clause' in an interface, did you mean 'clauses'?\n"
            "clause: []\n"
            "^");
}

struct Bad {
  std::string text;
  std::vector<std::string> problems;
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.text; }

class LoadErrors : public ::testing::TestWithParam<Bad> {};

TEST_P(LoadErrors, AreReportedAtTheirPlace) {
  EXPECT_EQ(load_problems(GetParam().text), GetParam().problems);
}

const Bad kInterfaces[] = {
    {"- a\n", {"1:1: an interface is a map, not a list"}},
    {"--- \n", {"2:1: the document is empty"}},
    {"title: T\n", {"1:1: an interface needs 'interface:'", "1:1: an interface needs 'source:'"}},
    {"interface: Kvm.Clock\ntitle: T\nsource: {document: d, version: v}\n",
     {"1:12: 'Kvm.Clock' is not an id: lower-case words joined by '.' or '-'"}},
    {"interface: kvm..x\ntitle: \nsource: {document: , vesion: v}\n",
     {"1:12: 'kvm..x' is not an id: lower-case words joined by '.' or '-'",
      "2:1: an interface needs 'title:'",
      "3:22: unknown key 'vesion' in source, did you mean 'version'?",
      "3:10: source needs 'document:'", "3:9: source needs 'version:'"}},
    {"interface: [t]\ntitle: {a: b}\nsource: d\n",
     {"1:12: interface is a text, not a list", "2:8: title is a text, not a map",
      "3:9: source is a map, not a single value"}},
    {head("clauses: 1\nconstants: []"),
     {"5:12: constants is a map, not a list", "4:10: clauses is a list, not a single value"}},
};
INSTANTIATE_TEST_SUITE_P(Interfaces, LoadErrors, ::testing::ValuesIn(kInterfaces));

const Bad kDeclarations[] = {
    {head("constants: {1a: 1}"),
     {"4:13: '1a' cannot be the name of a constant: letters, digits, '_' and '-', beginning with a "
      "letter"}},
    {head("constants: {even: 1}"),
     {"4:13: 'even' cannot be the name of a constant: letters, digits, '_' and '-', beginning with "
      "a letter"}},
    {head("constants: {A: x + 1, B: 1 +, C: [1], D: A, E: 1 / 0}"),
     {"4:16: unknown name 'x'", "4:29: something is missing at the end of the expression",
      "4:34: a constant is a number, not a list", "4:50: division by zero"}},
    {head("structures: {s: {size: 8, fields: {a: [4, u64], b: [0, u7], c: [1], d: [x, u8]}}}"),
     {"4:40: the field ends at byte 12, but the structure has 8",
      "4:56: the type is u8, u16, u32, u64, s8, s16, s32 or s64, not 'u7', did you mean 'u8'?",
      "4:64: a field is [offset, type]", "4:73: unknown name 'x'"}},
    {head("structures: {s: {size: 0}, t: {size: 5000, fields: []}}"),
     {"4:24: the size is from 1 to 4096, not 0", "4:17: a structure needs 'fields:'",
      "4:38: the size is from 1 to 4096, not 5000",
      "4:52: fields is a map of name: [offset, type], not a list"}},
    {head("features: {F: {cpuid: {leaf: 1, register: eax, bit: 1}}}"),
     {"4:12: 'F' cannot be the name of a feature: lower-case words joined by '.' or '-'"}},
    {head("features: {f: {cpuid: {leaf: 0x100000000, register: ebp, bit: 32}}}"),
     {"4:30: leaf is from 0 to 0xffffffff, not 0x100000000",
      "4:53: register is eax, ebx, ecx or edx, not 'ebp', did you mean 'ebx'?",
      "4:63: bit is from 0 to 31, not 32"}},
    {head("features: {f: {cpuid: {leaf: 1, ebx: 1, ecx: 2}}, g: {}, h: {cpuid: {leaf: 1, ebx: 1, "
          "ecx: 2, edx: 3, bit: 1}}}"),
     {"4:23: a signature needs 'edx:'", "4:54: a feature needs 'cpuid:'",
      "4:103: unknown key 'bit' in a signature in cpuid"}},
    {head("features: {f: {cpuid: {leaf: 1, register: eax, bit: 1}, requires: [g, ff]}}"),
     {"4:68: unknown feature 'g'", "4:71: unknown feature 'ff'"}},
    {head("features:\n  a: {cpuid: {leaf: 1, register: eax, bit: 1}, requires: b}\n  b: {cpuid: "
          "{leaf: 1, register: eax, bit: 1}, requires: [a]}"),
     {"6:59: the feature 'a' requires itself"}},
    {head("machine: {cpus: 9, apic: xpic, apicc: x, without: {a: b}}"),
     {"4:17: cpus is from 1 to 8, not 9", "4:26: apic is xapic or x2apic, not 'xpic'",
      "4:32: unknown setting 'apicc' of the machine, did you mean 'apic'?",
      "4:51: without is a list of words, not a map"}},
    {head("requires: [[a], b]"), {"4:12: requires is a list of words; this is a list"}},
};
INSTANTIATE_TEST_SUITE_P(Declarations, LoadErrors, ::testing::ValuesIn(kDeclarations));

// A clause from line 5 on; its keys stand in column 5.
std::string clause(std::string_view text) {
  return head() + "clauses:\n  - id: t.x\n" + std::string(text);
}
const std::string kRest = "    level: must\n    section: s\n    text: t\n";

const Bad kClauses[] = {
    {head("clauses: [x, {}]"),
     {"4:11: a clause is a map, not a single value", "4:14: a clause needs 'id:'",
      "4:14: a clause needs 'level:'", "4:14: a clause needs 'section:'",
      "4:14: a clause needs 'text:'"}},
    {head() + "clauses:\n  - id: u.x\n" + kRest, {"6:9: the id of a clause of t begins with 't.'"}},
    {head() + "clauses:\n  - id: t.X\n" + kRest,
     {"6:9: 't.X' is not an id: lower-case words joined by '.' or '-'"}},
    {head() + "clauses:\n  - id: t.x\n" + kRest + "  - id: t.x\n" + kRest,
     {"10:9: the clause 't.x' is already in t.yaml:6:9"}},
    {clause("    level: shall\n    section: \"\"\n    text: \n    textt: x\n"),
     {"10:5: unknown key 'textt' in a clause, did you mean 'text'?",
      "7:12: level is must, should or may, not 'shall'", "8:14: section is empty",
      "9:5: a clause needs 'text:'"}},
    {clause(kRest + "    hostile: maybe\n    cases: {}\n    violations: {}\n"),
     {"10:14: hostile is yes or no, not 'maybe'", "11:12: cases is a list, not a map",
      "12:17: violations is a list of 'name: {at: ...}', not a map"}},
    {clause(kRest + "    violations:\n      - {a: {at: b}, c: {at: d}}\n      - x\n      - y: 1\n  "
                    "    - a/b: {at: c}\n      - z: {}\n      - z: {}\n"),
     {"11:9: a violation is 'name: {at: ...}', one to a list item",
      "12:9: a violation is 'name: {at: ...}', one to a list item",
      "13:12: the rule of a violation is a map, not a single value",
      "14:9: a violation's name is one line of at most 100 characters without '/', '[' and ']'",
      "16:9: the violation 'z' is already in t.yaml:15:9"}},
};
INSTANTIATE_TEST_SUITE_P(Clauses, LoadErrors, ::testing::ValuesIn(kClauses));

// A case in line 11, its map in column 9.
std::string a_case(std::string_view text) {
  return clause(kRest) + "    cases:\n      - " + std::string(text) + "\n";
}

const Bad kCases[] = {
    {a_case("{name: a}"), {"11:9: a case needs 'steps:'"}},
    {a_case("{steps: []}"), {"11:17: steps has no steps"}},
    {a_case("{steps: {rdtsc: {}}}"), {"11:17: steps is a list of steps, not a map"}},
    {a_case("{stepps: []}"),
     {"11:10: unknown key 'stepps' in a case, did you mean 'steps'?",
      "11:9: a case needs 'steps:'"}},
    {a_case("{name: 'a[b]', steps: [{rdtsc: {}}]}"),
     {"11:16: a case's name is one line of at most 100 characters without '/', '[' and ']'"}},
    {a_case("{steps: [{rdtsc: {}}]}\n      - {name: b, steps: [{rdtsc: {}}]}\n      - {name: b, "
            "steps: [{rdtsc: {}}]}"),
     {"11:9: a case needs 'name:' where the clause has several",
      "13:16: the case 'b' is already in t.yaml:12:16"}},
    {a_case("{steps: [rdtsc, {}, {expect: {}}, {rdmsr: {}, wrmsr: {}}]}"),
     {"11:18: a step is a map such as 'rdtsc: {}', not a single value",
      "11:25: a step needs a verb", "11:29: a step needs a verb",
      "11:55: a step is one verb with 'expect:' beside it; this one has 'rdmsr' and 'wrmsr'"}},
    {a_case("{steps: [{settle: 1ms, as: x}, {rdtsc: {as: a}, as: b}]}"),
     {"11:32: 'as:' needs the arguments of 'settle' in braces",
      "11:57: 'as:' stands inside the step already"}},
    {a_case("{steps: [{on: {cpu: 1, do: []}}, {on: {cpu: 1, do: x}}]}"),
     {"11:36: do has no steps", "11:60: do is a list of steps, not a single value"}},
};
INSTANTIATE_TEST_SUITE_P(Cases, LoadErrors, ::testing::ValuesIn(kCases));

// Parameters from line 12, column 16 on.
std::string matrix(std::string_view text) {
  return head("constants: {N: 3}") + "clauses:\n  - id: t.x\n" + kRest +
         "    cases:\n      - steps: [{rdtsc: {}}]\n        for: {" + std::string(text) + "}\n";
}

const Bad kMatrices[] = {
    {matrix("a: []"), {"12:18: a has no values"}},
    {matrix("a: {b: 1}"), {"12:18: a parameter is a list or a range, not a map"}},
    {matrix("a: 5..1"), {"12:18: the range is empty: 1 is less than 5"}},
    {matrix("a: 1..x"), {"12:21: unknown name 'x'"}},
    {matrix("a: 1.."), {"12:21: something is missing at the end of the expression"}},
    {matrix("a: 1..2..3"), {"12:22: a range stands only in 'for:'"}},
    {matrix("a: 0..4096"), {"12:18: the range has more than 4096 values"}},
    {matrix("a: 0..0xffffffffffffffff"), {"12:18: the range has more than 4096 values"}},
    {matrix("a: [0..4000, 5000..6000]"), {"12:18: a has more than 4096 values"}},
    {matrix("a: 1..1000, b: 1..1000"), {"12:27: the parameters make more than 65536 instances"}},
    {matrix("a: [1, 2, 0x1]"), {"12:18: a has the value 1 twice"}},
    {matrix("a: [1, x, N + 1]"), {"12:22: unknown name 'x'"}},
    {matrix("N: [1]"), {"12:15: 'N' is the name of a constant"}},
    {matrix("a.b: [1]"),
     {"12:15: 'a.b' cannot be the name of a parameter: letters, digits, '_' and '-', beginning "
      "with a letter"}},
};
INSTANTIATE_TEST_SUITE_P(Matrices, LoadErrors, ::testing::ValuesIn(kMatrices));

}  // namespace
}  // namespace hypervet::spec
