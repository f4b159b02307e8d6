// SPDX-License-Identifier: Apache-2.0
// Host verbs: what a program may ask the host to do at a sync point. Freestanding; included by both
// sides, and the one table of verb names, arguments and numbers (specs say the name, programs carry
// the number).
#pragma once

#include <cstdint>
#include <string_view>

namespace hypervet::protocol {

enum class HostVerb : std::uint32_t {
  kNone = 0,
  kPauseClock = 1,
  kPageOut = 2,
  kPageIn = 3,
  kReadClock = 4,
  kAnswerHypercall = 5,
  kHypercallExit = 6,
  kCompete = 7,
  kMsrExit = 8,
  kRaiseMsi = 9,
  kSetLine = 10,
  kReadDirtyLog = 11,
  kDirtyPage = 12,
  kCountRings = 13,
};

enum class HostStatus : std::uint32_t {
  kDone = 0,
  kUnknownVerb = 1,  // the backend does not have the verb
  kBadArgument = 2,  // an argument is outside what the verb takes
  kFailed = 3,       // the host tried and could not
};

struct HostVerbEntry {
  HostVerb verb;
  std::string_view name;
  std::string_view arguments[4];  // names in order; empty: none further
  std::string_view what;
};

inline constexpr HostVerbEntry kHostVerbs[] = {
    {HostVerb::kPauseClock,
     "pause-clock",
     {},
     "tell the host's clock that this guest was paused (KVM_KVMCLOCK_CTRL)"},
    {HostVerb::kPageOut,
     "page-out",
     {"page"},
     "take the page at this guest-physical address away, as swapping does"},
    {HostVerb::kPageIn, "page-in", {"page"}, "bring that page back"},
    {HostVerb::kReadClock, "read-clock", {}, "the host's CLOCK_REALTIME in nanoseconds"},
    {HostVerb::kAnswerHypercall,
     "answer-hypercall",
     {"result"},
     "what user space returns for the hypercalls that exit to it from now on"},
    {HostVerb::kHypercallExit,
     "hypercall-exit",
     {"field"},
     "a field of the last hypercall that exited to user space: 0 count of exits so far, 1 number, "
     "2 to 4 arguments, 5 "
     "flags"},
    {HostVerb::kCompete,
     "compete",
     {"duration"},
     "keep this vCPU's processor busy with other work for this many nanoseconds of real time"},
    {HostVerb::kMsrExit,
     "msr-exit",
     {"field"},
     "a field of the last MSR access that exited to user space: 0 count of exits so far, 1 index, "
     "2 value, 3 1 if a "
     "write"},
    {HostVerb::kRaiseMsi,
     "raise-msi",
     {"vector", "apic-id"},
     "deliver a message-signalled interrupt"},
    {HostVerb::kSetLine,
     "set-line",
     {"gsi", "level"},
     "drive an interrupt line: level 1 raises it, 0 lowers it; below 16 PIC and IOAPIC, up to 23 "
     "the "
     "IOAPIC alone"},
    {HostVerb::kReadDirtyLog,
     "read-dirty-log",
     {},
     "read the dirty log of RAM, which the first reading switches on: how many pages were written "
     "since the last reading"},
    {HostVerb::kDirtyPage,
     "dirty-page",
     {"page"},
     "1 if the last reading of the dirty log had the page at this guest-physical address, else 0"},
    {HostVerb::kCountRings,
     "count-rings",
     {},
     "how often the guest has rung the doorbell that is an event (setting doorbell: on)"},
};

}  // namespace hypervet::protocol
