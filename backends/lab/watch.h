// SPDX-License-Identifier: Apache-2.0
// Watches one emulated machine do one job: takes in its channels, notices when it is dead, hung or
// too talkative, and says how it ended. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "backends/lab/console.h"
#include "backends/lab/emulator.h"
#include "backends/lab/follow.h"

namespace hypervet::lab {

// How a job ended.
struct Ending {
  // The job came to its end: the inner hypervet's own exit status counts, and all that it wrote was
  // handed on.
  bool complete = false;
  bool interrupted = false;
  int status = 0;
  std::string reason;  // one line; why it is not complete
  std::string log;     // the console, and the kernel's log where it could still be read
};

// Bytes of the inner standard output and error as they come, in the watching thread.
struct Sinks {
  std::function<void(std::string_view)> out;
  std::function<void(std::string_view)> err;
};

struct Patience {
  std::chrono::seconds silence{120};   // without a sign of life for so long a machine is hung
  std::function<bool()> stopped = {};  // true: end the machine; asked often, may be empty
};

class Watch {
 public:
  // Borrows all of them.
  Watch(Emulator& emulator, const Wiring& wiring, const Sinks& sinks, const Patience& patience);

  // Until the machine has stopped itself to be saved. nullopt: it has; otherwise how it ended.
  std::optional<Ending> until_ready();
  // Until the machine is gone.
  Ending until_end();

 private:
  // One look at everything. An ending when the machine is gone or has to go.
  std::optional<Ending> look();
  bool take_all();
  Ending gone(const process::Ended& ended);
  Ending given_up(std::string reason);
  Ending with_log(Ending ending);

  Emulator& emulator_;
  const Wiring& wiring_;
  const Sinks& sinks_;
  const Patience& patience_;
  Console console_;
  FollowedFile console_file_;
  FollowedFile out_;
  FollowedFile err_;
  std::chrono::steady_clock::time_point last_sign_;
};

}  // namespace hypervet::lab
