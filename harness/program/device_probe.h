// SPDX-License-Identifier: Apache-2.0
// Which features a target's virtio device offers: a program that finds it and reads them, and the
// reading of its answer. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "harness/program/observations.h"
#include "harness/spec/clause.h"

namespace hypervet::program {

struct DeviceProbe {
  backends::Configuration configuration;
  std::vector<std::byte> program;
};

// Of the device of that configuration's settings `device`, `transport` and `variant`.
DeviceProbe make_device_probe(const backends::Configuration& configuration);

// The feature bits that the device offers; nullopt: the answer does not tell.
std::optional<std::uint64_t> device_features(std::span<const Observation> observations);

// Why a device that offers these bits, on a target that offers these features of CPUID, does not
// have all that the case needs: "the target's blk (pci) does not offer virtio.event-idx (bit 29)".
// Empty: it has.
std::string missing_of_device(const spec::Specs& specs, const spec::Case& a_case,
                              const spec::Binding& binding,
                              const backends::Configuration& configuration, std::uint64_t bits);

}  // namespace hypervet::program
