// SPDX-License-Identifier: Apache-2.0
// A violation as data: at one seam of the machine, when the conditions hold, the effects replace
// what the model did. Specs declare rules, the simulator's interposer commits them. Plain values;
// no thread has a claim on them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>

namespace hypervet::violations {

inline constexpr unsigned kSeamCount = 16;
enum class Seam {
  kHypercall,        // a hypercall's result
  kCpuid,            // what a CPUID leaf reads
  kRdmsr,            // what an MSR reads
  kWrmsr,            // what becomes of a write to an MSR
  kMemory,           // the host's write to a structure in guest memory
  kInterrupt,        // an interrupt or wake-up on its way to a CPU
  kApic,             // the local APIC's bookkeeping
  kExit,             // what user space is told of, and answers to, an exit
  kSwitch,           // a named switch of the model, where no seam can express it
  kRegister,         // a virtio device's register
  kConfig,           // a virtio device's configuration
  kPciConfig,        // configuration space of a virtio device's PCI function
  kDmaWrite,         // what a virtio device writes to guest memory
  kDmaRead,          // what it reads there
  kNotify,           // the driver's notification on its way to a virtio device
  kVirtioInterrupt,  // a virtio device's notification on its way to the driver
};

// A number, or a word from the seam's table (see vocabulary.h).
using Value = std::variant<std::uint64_t, std::string>;

struct Rule {
  Seam at = Seam::kHypercall;
  std::map<std::string, Value, std::less<>> conditions{};  // all must hold; none: always
  std::map<std::string, Value, std::less<>> effects{};     // at least one
};

}  // namespace hypervet::violations
