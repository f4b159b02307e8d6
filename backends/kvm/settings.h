// SPDX-License-Identifier: Apache-2.0
// What a configuration means to this engine: the settings as typed values, and why this kernel
// cannot give one. Functions without state; any thread.
#pragma once

#include <optional>
#include <string>

#include "backends/backend.h"
#include "backends/kvm/host_clock.h"
#include "backends/kvm/system.h"

namespace hypervet::kvm {

struct Settings {
  bool enforce_features = false;
  bool hypercall_patching = true;
  bool hypercall_exits = false;
  bool migration_control = false;
  bool hyperv_leaves = false;
  bool realtime_hint = false;
  bool serial_channel = false;
  bool x2apic = false;
  bool split_irqchip = false;
  bool doorbell = false;
  bool platform_timers = false;
  std::string device_words;  // of the agent's command line: where the virtio device is
};

// Settings that are not known are ignored here: refuses() has named them.
Settings read_settings(const backends::Configuration& configuration);

// Empty, or one clear line.
std::optional<std::string> refusal(const backends::Configuration& configuration,
                                   const System& system, unsigned max_cpus,
                                   const HostClock& host_clock);

// What the agent is told through its command line (guest-payloads/boot/options.h). tsc_khz 0: not
// known.
std::string agent_command_line(const Settings& settings, unsigned cpus, std::uint64_t tsc_khz);

}  // namespace hypervet::kvm
