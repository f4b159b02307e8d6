// SPDX-License-Identifier: Apache-2.0
// One CPU reads its kvmclock over and over: time may stand still, never go back.
#include "guest-payloads/runtime/channel.h"
#include "guest-payloads/scenarios/pvclock.h"
#include "guest-payloads/scenarios/scenario.h"

namespace hypervet::guest {

void clock_monotonic(Scenario& scenario) {
  const std::uint64_t area = scenario.arguments[0], wanted = scenario.arguments[1];
  if (!scenario.needs(area, kPvclockSize)) return;
  std::uint64_t reads = 0, torn = 0, backwards = 0, worst = 0, first = 0, last = 0;
  for (; reads < wanted; ++reads) {
    const PvclockReading reading = read_pvclock(area);
    torn += reading.torn;
    if (!reading.whole) break;  // fewer reads than asked tell it
    if (reads == 0) first = last = reading.time;
    if (reading.time < last) {
      ++backwards;
      if (last - reading.time > worst) worst = last - reading.time;
    }
    last = reading.time;
    bump_progress();
  }
  scenario.answer({reads, torn, backwards, worst, first, last});
}

}  // namespace hypervet::guest
