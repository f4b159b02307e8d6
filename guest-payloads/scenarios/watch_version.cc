// SPDX-License-Identifier: Apache-2.0
// Looks at a version field as fast as it can: how often it is odd, how often it moves, whether it
// ever falls.
#include "guest-payloads/runtime/channel.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/scenarios/scenario.h"

namespace hypervet::guest {

void watch_version(Scenario& scenario) {
  const std::uint64_t address = scenario.arguments[0];
  if (!scenario.needs(address, 4)) return;
  const volatile auto* version = reinterpret_cast<const volatile std::uint32_t*>(address);
  std::uint64_t looks = 0, odd = 0, changes = 0, backwards = 0;
  std::uint32_t last = *version;
  const Deadline deadline(scenario.arguments[1]);
  do {
    const std::uint32_t seen = *version;
    ++looks;
    odd += seen & 1;
    changes += seen != last;
    // Modulo 2^32, as a version may wrap.
    backwards += static_cast<std::int32_t>(seen - last) < 0;
    last = seen;
    bump_progress();
  } while (!deadline.passed());
  scenario.answer({looks, odd, changes, backwards});
}

}  // namespace hypervet::guest
