// SPDX-License-Identifier: Apache-2.0
// Judges a whole program before any of it runs. What passes can be executed without further tests
// of its form.
#pragma once

#include <cstdint>

#include "guest-payloads/protocol/observation.h"
#include "guest-payloads/protocol/program.h"

namespace hypervet::guest {

struct Verdict {
  bool accepted;
  protocol::RefusedPayload refused;  // if not accepted
};

// `data` is readable for `size` bytes and 8-byte aligned; `cpus` came up.
Verdict check_program(const void* data, std::uint64_t size, std::uint32_t cpus);

}  // namespace hypervet::guest
