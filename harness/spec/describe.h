// SPDX-License-Identifier: Apache-2.0
// Cases and violations as a person reads them. Pure functions; whatever loads can be described, fit
// for lint or not.
#pragma once

#include <string>
#include <vector>

#include "harness/spec/clause.h"

namespace hypervet::spec {

// A line for each step, those of a block indented by two blanks more:
// "write MSR_KVM_STEAL_TIME = area + 1 + (1 << bit)   expect #GP(0)". A matrix and a machine that
// is not the usual one come first: "for each bit of 1, 2, 3", "on a machine with 2 CPUs".
std::vector<std::string> describe(const Case& a_case);
// "on a machine with platform-timers on", "kvmclock-read: kvmclock's time ...", "against
// pm-timer-read: ...", a line each.
std::vector<std::string> describe(const Path& path);
// "pm-timer-read: a read of the ACPI timer": what one loop times.
std::string describe(const Measure& measure);
// "wrmsr of msr MSR_KVM_STEAL_TIME: fault none".
std::string describe(const Violation& violation);
// One step without its block.
std::string describe(const Step& step);

// A node as it could stand in a spec: "{vector: 0x41, count: 2}".
std::string flow_text(const Node& node);

}  // namespace hypervet::spec
