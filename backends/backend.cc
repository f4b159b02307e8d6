// SPDX-License-Identifier: Apache-2.0
#include "backends/backend.h"

namespace hypervet::backends {

std::string_view to_string(Stop stop) {
  switch (stop) {
    case Stop::kFinished:
      return "finished";
    case Stop::kRefused:
      return "the agent refused the program";
    case Stop::kPanic:
      return "the agent itself faulted";
    case Stop::kDeadlock:
      return "every CPU is halted and nothing can wake one";
    case Stop::kStuck:
      return "a CPU makes no progress inside one instruction";
    case Stop::kDeadline:
      return "the program did not end in time";
    case Stop::kShutdown:
      return "triple fault";
    case Stop::kInternalError:
      return "the hypervisor gave up on the guest";
    case Stop::kDied:
      return "the VMM died";
    case Stop::kUnimplemented:
      return "the simulator does not have an instruction";
    case Stop::kBackendError:
      return "the backend failed";
  }
  return "unknown";
}

}  // namespace hypervet::backends
