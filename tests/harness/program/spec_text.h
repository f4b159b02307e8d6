// SPDX-License-Identifier: Apache-2.0
// Real spec text around the steps of one case, for tests.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "harness/program/compile.h"
#include "harness/spec/load.h"

namespace hypervet::test {

struct SpecOptions {
  unsigned cpus = 1;
  std::string parameters = {};  // of `for`: "{bit: [1, 2]}"
  std::string machine = {};     // further entries of `machine`: ", without: [kvm.two]"
  std::string on = {};          // of `on`: "{devices: [blk], rings: [packed]}"
  std::string violation = "{at: hypercall, rax: 0}";
};

// `steps`: lines that begin with "- ".
inline std::string spec_text(const std::string& steps, const SpecOptions& options = {}) {
  std::string indented;
  std::size_t at = 0;
  while (at < steps.size()) {
    const std::size_t end = std::min(steps.find('\n', at), steps.size());
    indented += "          " + steps.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return fmt::format(R"(interface: kvm.test
title: Test
source: {{document: test.rst, version: "1"}}
constants: {{MSR: 0x4b564d03, ENOSYS: 1000}}
structures:
  pair: {{size: 16, fields: {{low: [0, u32], delta: [4, s8], high: [8, u64]}}}}
features:
  kvm: {{cpuid: {{leaf: 0x40000000, ebx: 0x4b4d564b, ecx: 0x564b4d56, edx: 0x4d}}}}
  kvm.two: {{cpuid: {{leaf: 0x40000001, register: eax, bit: 2}}, requires: [kvm]}}
clauses:
  - id: kvm.test.clause
    level: must
    section: One
    text: It is so.
    cases:
      - machine: {{cpus: {}{}}}
{}{}        steps:
{}    violations:
      - other: {}
)",
                     options.cpus, options.machine,
                     options.on.empty() ? "" : "        on: " + options.on + "\n",
                     options.parameters.empty() ? "" : "        for: " + options.parameters + "\n",
                     indented, options.violation);
}

// A case and the specs that it points into.
struct Compiled {
  std::unique_ptr<spec::Specs> specs;
  program::CompiledCase value;
  const program::CompiledCase* operator->() const { return &value; }
  const program::CompiledCase& operator*() const { return value; }
  const spec::Violation& violation() const {
    return specs->interfaces.front().clauses.front().violations.front();
  }
};

inline std::unique_ptr<spec::Specs> load(const std::string& text) {
  auto specs = spec::load_text(text, "test.yaml");
  if (!specs) {
    for (const auto& each : specs.error()) ADD_FAILURE() << to_string(each);
    throw std::runtime_error("the test's own spec does not load");
  }
  return std::make_unique<spec::Specs>(std::move(*specs));
}

inline std::expected<program::CompiledCase, spec::Diagnostic> try_compile(
    const spec::Specs& specs) {
  const spec::Interface& an_interface = specs.interfaces.front();
  const spec::Clause& clause = an_interface.clauses.front();
  const spec::Case& a_case = clause.cases.front();
  return program::compile(specs, an_interface, clause, a_case, spec::bindings(a_case).back());
}

inline Compiled compiled(const std::string& steps, const SpecOptions& options = {}) {
  auto specs = load(spec_text(steps, options));
  auto result = try_compile(*specs);
  if (!result) {
    ADD_FAILURE() << to_string(result.error());
    throw std::runtime_error("the test's own case does not compile");
  }
  return {std::move(specs), std::move(*result)};
}

// The message of what the compiler says against the case; "" if it compiles.
inline std::string complaint(const std::string& steps, const SpecOptions& options = {}) {
  const auto specs = load(spec_text(steps, options));
  const auto result = try_compile(*specs);
  return result ? "" : result.error().message;
}

}  // namespace hypervet::test
