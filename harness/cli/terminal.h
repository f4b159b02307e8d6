// SPDX-License-Identifier: Apache-2.0
// The one place that writes for people: a progress line that is rewritten on a terminal and left
// out of a log, and lines that stay. NO_COLOR and TERM=dumb are honoured. Main thread only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hypervet::cli {

enum class Colour { kNone, kGood, kBad, kDim, kStrong };

class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  bool smart() const { return smart_; }    // standard output can rewrite a line
  bool colour() const { return colour_; }  // ... and shows colours

  // Shows progress. On a terminal the line is rewritten at most some 20 times a second; in a log
  // nothing appears.
  void progress(std::string_view text);
  // A line on standard output that stays; the progress line makes room.
  void line(std::string_view text);
  // A line on standard error.
  void error(std::string_view text);

  std::string paint(std::string_view text, Colour colour) const;

 private:
  void erase();
  bool smart_ = false;
  bool colour_ = false;
  bool shown_ = false;
  std::size_t width_ = 80;
  long long last_ = 0;  // when progress was last drawn, milliseconds
};

}  // namespace hypervet::cli
