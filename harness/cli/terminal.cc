// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace hypervet::cli {
namespace {

long long now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

bool set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

Terminal::Terminal() {
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  smart_ = isatty(STDOUT_FILENO) != 0 && !dumb;
  colour_ = smart_ && !set("NO_COLOR");
  winsize size{};
  if (smart_ && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10)
    width_ = size.ws_col;
}

Terminal::~Terminal() { erase(); }

void Terminal::progress(std::string_view text) {
  if (!smart_) return;
  const auto now = now_ms();
  if (now - last_ < 50) return;
  last_ = now;
  fmt::print("\r\x1b[K{}", text.substr(0, width_ - 1));
  std::fflush(stdout);
  shown_ = true;
}

void Terminal::line(std::string_view text) {
  erase();
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

void Terminal::error(std::string_view text) {
  erase();
  fmt::print(stderr, "{}\n", text);
}

std::string Terminal::paint(std::string_view text, Colour colour) const {
  if (!colour_ || colour == Colour::kNone) return std::string(text);
  const char* code = "";
  switch (colour) {
    case Colour::kNone:
      break;
    case Colour::kGood:
      code = "32";
      break;
    case Colour::kBad:
      code = "1;31";
      break;
    case Colour::kDim:
      code = "2";
      break;
    case Colour::kStrong:
      code = "1";
      break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Terminal::erase() {
  if (!shown_) return;
  fmt::print("\r\x1b[K");
  std::fflush(stdout);
  shown_ = false;
}

}  // namespace hypervet::cli
