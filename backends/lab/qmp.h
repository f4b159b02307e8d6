// SPDX-License-Identifier: Apache-2.0
// QEMU's monitor protocol (docs/interop/qmp-spec.rst): one JSON object a line, both ways.
// One thread; every wait has an end.
#pragma once

#include <chrono>
#include <deque>
#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "backends/lab/descriptor.h"

namespace hypervet::lab {

class Qmp {
 public:
  using Json = nlohmann::json;
  using Duration = std::chrono::milliseconds;

  // `monitor`: a stream socket, the other end of which is the emulator's monitor.
  explicit Qmp(Descriptor monitor);

  // Reads the greeting and leaves the negotiation mode.
  std::expected<void, std::string> open(Duration patience);

  // What the command returned. Errors: QEMU's own text; "... does not answer"; "... closed".
  std::expected<Json, std::string> command(std::string_view name, Json arguments = Json::object(),
                                           Duration patience = std::chrono::seconds(60));

  // Takes in what has come, waiting at most this long for the first byte.
  void pump(Duration patience);
  // Has this event come since it was last asked for?
  bool take_event(std::string_view name);
  // The other side is gone.
  bool closed() const { return closed_; }

 private:
  std::expected<Json, std::string> answer(std::string_view name, Duration patience);

  Descriptor monitor_;
  std::string pending_;  // a line that is not whole yet
  std::deque<Json> messages_;
  std::deque<std::string> events_;
  bool closed_ = false;
};

}  // namespace hypervet::lab
