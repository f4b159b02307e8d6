// SPDX-License-Identifier: Apache-2.0
// Any bytes may be handed to the reader. What it accepts must come back the same after writing and
// reading again.
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "reports/stream/reader.h"
#include "reports/stream/writer.h"

namespace {

using namespace hypervet::reports;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string stream(const Results& results) {
  std::string text = to_json_line(results.run) + '\n';
  for (const Interface& interface : results.interfaces) text += to_json_line(interface) + '\n';
  for (const Case& c : results.cases) text += to_json_line(c) + '\n';
  for (const Path& path : results.paths) text += to_json_line(path) + '\n';
  for (const Log& log : results.logs) text += to_json_line(log) + '\n';
  for (const OtherRecord& other : results.others) text += to_json_line(other) + '\n';
  if (results.summary) text += to_json_line(*results.summary) + '\n';
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (OnBadLine mode : {OnBadLine::kStop, OnBadLine::kKeep}) {
    std::istringstream in(text);
    const auto first = read_results(in, "fuzz", mode);
    if (!first) {
      require(to_string(first.error()).find('\n') == std::string::npos);
      continue;
    }
    require(first->resume_offset <= size);
    std::istringstream again(stream(first->results));
    const auto second = read_results(again, "again");
    require(second.has_value());
    require(second->results.run == first->results.run);
    require(second->results.interfaces == first->results.interfaces);
    require(second->results.cases == first->results.cases);
    require(second->results.paths == first->results.paths);
    require(second->results.logs == first->results.logs);
    require(second->results.others == first->results.others);
    require(second->results.summary == first->results.summary);
  }
  return 0;
}
