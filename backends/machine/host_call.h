// SPDX-License-Identifier: Apache-2.0
// A host verb as a guest asks for it, and what it is answered. Plain values.
#pragma once

#include <array>
#include <cstdint>

#include "guest-payloads/protocol/host_verbs.h"

namespace hypervet::machine {

struct HostCall {
  protocol::HostVerb verb = protocol::HostVerb::kNone;  // any number
  std::array<std::uint64_t, 4> arguments{};
};

struct HostAnswer {
  protocol::HostStatus status = protocol::HostStatus::kDone;
  std::uint64_t result = 0;
};

}  // namespace hypervet::machine
