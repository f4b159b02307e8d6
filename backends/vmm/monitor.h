// SPDX-License-Identifier: Apache-2.0
// What a VMM's monitor can do for hypervet: perform host verbs, and tell what stands still. One
// thread; every wait has an end.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/machine/host_call.h"
#include "backends/process/qmp.h"
#include "backends/vmm/recipe.h"

namespace hypervet::vmm {

class Monitor {
 public:
  // `socket`: the other end is the VMM's monitor, in QMP.
  Monitor(process::Descriptor socket, const Recipe& recipe, std::uint64_t memory)
      : qmp_(std::move(socket)), recipe_(recipe), memory_(memory) {}

  std::expected<void, std::string> open(std::chrono::milliseconds patience) {
    return qmp_.open(patience);
  }
  machine::HostAnswer perform(const machine::HostCall& call);

  // Where the CPUs stand; empty if the monitor does not answer or does not know. `spins`: the VMM
  // uses processor time without end, and is not waited for long.
  std::vector<backends::CpuState> cpus(bool spins);
  // The VMM has given up on the guest, and waits.
  bool gave_up();
  // The guest was reset or shut down, since this was last asked.
  bool guest_left();

 private:
  process::Qmp qmp_;
  const Recipe& recipe_;
  std::uint64_t memory_;
};

// QEMU's `info registers -a` as text. Registers that it does not hold stay 0.
std::vector<backends::CpuState> parse_registers(std::string_view text);

// The argument of a monitor's command that `text` stands for: a number, a truth value or the text
// itself. `arguments` are those of the verb, in its order.
process::Qmp::Json verb_argument(std::string_view text, const protocol::HostVerbEntry& verb,
                                 const std::array<std::uint64_t, 4>& arguments,
                                 std::uint64_t memory);

}  // namespace hypervet::vmm
