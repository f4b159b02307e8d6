// SPDX-License-Identifier: Apache-2.0
// One instance of a case on one backend: may it run there, and what came of it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "backends/backend.h"
#include "harness/judge/judge.h"
#include "harness/program/compiled_case.h"
#include "harness/run/device_offers.h"
#include "harness/run/select.h"
#include "harness/spec/clause.h"

namespace hypervet::run {

inline constexpr const char* kMemoryChannel = "memory";

// What all trials of a run share. Immutable once made, but for what devices offer; any thread.
// Borrows specs and backend.
struct Session {
  const spec::Specs* specs = nullptr;
  const backends::Backend* backend = nullptr;
  backends::Target target;
  std::set<std::string> offered;  // features that the target offers
  std::uint64_t seed = 1;
  backends::Limits limits;
  // Asked of the target's devices as cases come to them.
  std::shared_ptr<DeviceOffers> devices = std::make_shared<DeviceOffers>();
  std::string channel = kMemoryChannel;  // how observations leave the guest, unless a case says it
};

// Asks the target what it offers. An error is one line: nothing can be judged.
std::expected<Session, std::string> open_session(const spec::Specs& specs,
                                                 const backends::Backend& backend,
                                                 std::uint64_t seed,
                                                 const backends::Limits& limits);

// Empty, or why this target cannot be judged by this case.
std::string skip_reason(const Session& session, const Instance& instance,
                        const program::CompiledCase& compiled);

struct Trial {
  judge::Judgement judgement;
  std::uint64_t duration_ns = 0;
  unsigned committed = 0;  // how often the violations were committed
};

// Compiles, runs and judges. A case that does not compile is an error of the spec: verdict kError.
Trial attempt(const Session& session, const Instance& instance);

// The same for a case that is compiled already, under violations.
Trial attempt(const Session& session, const program::CompiledCase& compiled,
              std::span<const violations::Rule> violations);

}  // namespace hypervet::run
