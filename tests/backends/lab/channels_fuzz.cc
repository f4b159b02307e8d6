// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a lab's machine says on its console, and as a job: what is taken in is bounded,
// does not depend on the pieces in which it comes, and a job that is read can be written again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "backends/lab/console.h"
#include "backends/lab/job.h"

namespace {

using namespace hypervet::lab;

void require(bool good) {
  if (!good) __builtin_trap();
}

void console(std::string_view text, std::size_t piece) {
  Console whole;
  whole.add(text);
  Console pieces;
  for (std::size_t at = 0; at < text.size(); at += piece) pieces.add(text.substr(at, piece));
  require(whole.ready() == pieces.ready());
  require(whole.failure() == pieces.failure());
  require(whole.trouble() == pieces.trouble());
  require(whole.end().has_value() == pieces.end().has_value());
  require(whole.text() == text);
  require(!whole.failure() || whole.failure()->size() <= 300);
  const auto last = whole.last_lines(3);
  require(std::ranges::count(last, '\n') <= 2);
  require(last.find("\nhypervet-lab: ") == std::string::npos);
}

void job(std::string_view bytes) {
  const auto decoded = decode_job(bytes);
  if (!decoded) {
    require(!decoded.error().empty());
    return;
  }
  for (const auto& [name, content] : decoded->files) {
    require(!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos);
  }
  const auto again = decode_job(encode(*decoded));
  require(again && *again == *decoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] % 2 == 0) {
    job(rest);
  } else {
    // A mark in front, so that what comes behind it is looked at as one.
    console(std::string(data[0] % 4 == 1 ? "hypervet-lab: end " : "[ 1.0] ") + std::string(rest),
            data[1] % 16 + 1u);
  }
  return 0;
}
