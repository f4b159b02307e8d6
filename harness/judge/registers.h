// SPDX-License-Identifier: Apache-2.0
// Register files: what changed, and how they read. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "guest-payloads/protocol/observation.h"
#include "guest-payloads/protocol/program.h"

namespace hypervet::judge {

// Which registers `unchanged:` looks at.
struct Watched {
  unsigned general = 0xffff;  // bits in the order of the encoding: 0 RAX .. 15 R15
  bool rip = false;
  bool compat = false;  // 32-bit code: R8 to R15 and the upper halves are not its own
};
// `all`: the results too, and RIP if the op faulted (it moves otherwise).
Watched watched(const protocol::Op& op, bool all, bool faulted);

// "rbx = 0xdead (was 0x1111)", comma-separated; "" if nothing that is watched changed. RFLAGS is
// compared without RF, which a fault's image has set and no other (SDM vol. 3, 17.3.1.1).
std::string changes(const protocol::RegisterFile& before, const protocol::RegisterFile& after,
                    const Watched& what);

// Three lines of all registers.
std::string dump(const protocol::RegisterFile& registers);

}  // namespace hypervet::judge
