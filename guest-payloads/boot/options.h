// SPDX-License-Identifier: Apache-2.0
// The words of the command line that the agent knows: channel=memory|serial, cpus=N,
// apic=xapic|x2apic, tsc-khz=N, exit=debug-exit|halt, batch=memory; and where devices are:
// virtio_mmio.device=SIZE@ADDRESS:GSI (Linux's own word, which several VMMs add by themselves; may
// come more than once), ecam=ADDRESS, pci-window=ADDRESS, pci-line=GSI. Numbers are decimal, or
// hexadecimal behind 0x, and below 4 GiB. Other words are passed over, since VMMs append words of
// their own; so is a value that is none of these.
#pragma once

#include <cstdint>

#include "guest-payloads/drivers/device_options.h"

namespace hypervet::guest {

struct Options {
  bool serial = false;        // channel=
  bool x2apic = false;        // apic=
  bool debug_exit = false;    // exit=
  bool batch = false;         // batch=: programs come one after another, see mailbox.h
  std::uint32_t cpus = 1;     // as many as the machine has; 1 to kMaxCpus
  std::uint64_t tsc_khz = 0;  // 0: not given
  DeviceOptions devices;
};

// Reads at most kMaxCommandLine characters of `text`, which may be null.
Options parse_options(const char* text);

}  // namespace hypervet::guest
