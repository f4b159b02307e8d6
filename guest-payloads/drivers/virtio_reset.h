// SPDX-License-Identifier: Apache-2.0
// Where programs run one after another: the end of what one of them did to its virtio device.
#pragma once

namespace hypervet::guest {

// Resets the program's device, if it has one, takes its interrupts away and forgets it, so that it
// touches neither memory nor CPUs any more (2.4.1). False: it faults, or does not end its reset.
bool put_away_virtio_device();

}  // namespace hypervet::guest
