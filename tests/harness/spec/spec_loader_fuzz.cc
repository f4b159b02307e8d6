// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, loading and linting end without a crash, and every problem can be printed in
// a few lines.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/spec/lint.h"
#include "harness/spec/load.h"

namespace {

void look_at(const hypervet::spec::Diagnostics& problems) {
  for (const auto& each : problems) {
    if (each.message.find('\n') != std::string::npos || each.line_text.size() > 400) std::abort();
    if (to_string(each).empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto specs =
      hypervet::spec::load_text({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  look_at(specs ? hypervet::spec::lint(*specs) : specs.error());
  return 0;
}
