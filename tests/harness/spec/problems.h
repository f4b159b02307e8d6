// SPDX-License-Identifier: Apache-2.0
// What the tests of the spec loader share: the problems of a text as plain lines.
#pragma once

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "harness/spec/lint.h"
#include "harness/spec/load.h"

namespace hypervet::spec {

// "line:column: message".
inline std::string line_of(const Diagnostic& problem) {
  return fmt::format("{}:{}: {}", problem.mark.line, problem.mark.column, problem.message);
}

inline std::vector<std::string> lines_of(const Diagnostics& problems) {
  std::vector<std::string> lines;
  for (const Diagnostic& each : problems) lines.push_back(line_of(each));
  return lines;
}

inline std::vector<std::string> load_problems(std::string_view text) {
  const auto specs = load_text(text, "t.yaml");
  return specs ? std::vector<std::string>{} : lines_of(specs.error());
}

// A text that does not load has its problems of loading here.
inline std::vector<std::string> lint_problems(std::string_view text) {
  const auto specs = load_text(text, "t.yaml");
  return lines_of(specs ? lint(*specs) : specs.error());
}

// Four lines that every interface begins with.
inline std::string head(std::string_view more = "") {
  return fmt::format("interface: t\ntitle: T\nsource: {{document: d, version: v}}\n{}\n", more);
}

// The example of specs/README.md.
inline std::string readme_example() {
  std::ifstream file(std::string(HV_SOURCE_DIR) + "/specs/README.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string fence = "```yaml\n";
  const std::size_t begin = text.find(fence) + fence.size();
  return text.substr(begin, text.find("```", begin) - begin);
}

}  // namespace hypervet::spec
