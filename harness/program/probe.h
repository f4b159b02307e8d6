// SPDX-License-Identifier: Apache-2.0
// Which features a target offers: a program that reads the CPUID leaves that the declared features
// need, and the reading of its answer. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "harness/program/observations.h"
#include "harness/spec/clause.h"

namespace hypervet::program {

struct Probe {
  backends::Configuration configuration;
  std::vector<std::byte> program;
  std::vector<std::uint32_t> leaves;  // that op i reads
};

// Hypervisor leaves are read at their place and 0x100 above it, where a host with Hyper-V's leaves
// has them.
Probe make_probe(const spec::Specs& specs, const backends::Configuration& configuration = {});

// Features whose conditions hold together with all that they require. An error is a line: what the
// answer lacks.
std::expected<std::set<std::string>, std::string> offered_features(
    const spec::Specs& specs, const Probe& probe, std::span<const Observation> observations);

// "the target does not offer kvm.pv-eoi (CPUID 0x40000001 EAX bit 6)"; of what the feature
// requires, the innermost that is absent.
std::string missing_reason(const spec::Specs& specs, const std::set<std::string>& offered,
                           std::string_view feature);

}  // namespace hypervet::program
