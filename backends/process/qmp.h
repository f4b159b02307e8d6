// SPDX-License-Identifier: Apache-2.0
// QEMU's monitor protocol (docs/interop/qmp-spec.rst): one JSON object a line, both ways.
// One thread; every wait has an end.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "backends/process/descriptor.h"

namespace hypervet::process {

class Qmp {
 public:
  using Json = nlohmann::json;
  using Duration = std::chrono::milliseconds;

  // `monitor`: a stream socket, the other end of which is the emulator's monitor.
  explicit Qmp(Descriptor monitor);

  // Reads the greeting and leaves the negotiation mode.
  std::expected<void, std::string> open(Duration patience);

  // What the command returned, an object or a text. Errors: QEMU's own text; "... does not answer";
  // "... closed". An answer that comes too late is not taken for the next command's.
  std::expected<Json, std::string> command(std::string_view name, Json arguments = Json::object(),
                                           Duration patience = std::chrono::seconds(60));

  // Takes in what has come, waiting at most this long for the first byte.
  void pump(Duration patience);
  // Has this event come since it was last asked for?
  bool take_event(std::string_view name);
  // The other side is gone, or says what no monitor says.
  bool closed() const { return closed_; }

 private:
  std::expected<Json, std::string> answer(std::string_view name, std::uint64_t id,
                                          Duration patience);

  Descriptor monitor_;
  std::string pending_;  // a line that is not whole yet
  std::deque<Json> messages_;
  std::deque<std::string> events_;
  std::uint64_t last_id_ = 0;  // of a command
  bool closed_ = false;
};

// The text under a key of what a command returned; "" when there is none.
std::string text_of(const Qmp::Json& object, const char* key);

}  // namespace hypervet::process
