// SPDX-License-Identifier: Apache-2.0
// How the long parts of preparing a lab speak to whoever waits. Called in the thread that does the
// work.
#pragma once

#include <functional>
#include <string_view>

namespace hypervet::lab {

struct Progress {
  std::function<void(std::string_view)> say = {};  // one line, no newline; may be empty
  std::function<bool()> stopped = {};              // true: give up with an error; may be empty

  void operator()(std::string_view line) const {
    if (say) say(line);
  }
};

}  // namespace hypervet::lab
