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
  // Of the reference virtio devices; each belongs to the one that its description names.
  kResizeDisk = 19,
  kHandInFrame = 20,
  kTakeFrame = 21,
  kLink = 22,
  kLoopback = 23,
  kAnnounce = 24,
  kConsoleInput = 25,
  kConsoleOutput = 26,
  kConsoleResize = 27,
  kConsoleSelectPort = 28,
  kConsolePlugPort = 29,
  kConsoleOpenPort = 30,
  kBalloonTarget = 31,
  kBalloonRequestStatistics = 32,
  kBalloonStatistic = 33,
  kBalloonHint = 34,
  kBalloonPages = 35,
  kVsockPeerListen = 36,
  kVsockPeerConnect = 37,
  kVsockPeerSend = 38,
  kVsockPeerReceive = 39,
  kVsockPeerClose = 40,
  kVsockPeerState = 41,
  kVsockTransportReset = 42,
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
    {HostVerb::kResizeDisk,
     "resize-disk",
     {"sectors"},
     "blk: the disk has this many sectors of 512 bytes from now on"},
    {HostVerb::kHandInFrame,
     "hand-in-frame",
     {"address", "size"},
     "net: a frame of guest memory comes from the wire; 1 if the device took it, 0 if link, filter "
     "or size refused it"},
    {HostVerb::kTakeFrame,
     "take-frame",
     {"address", "size"},
     "net: copy the oldest frame that the device sent, as it left on the wire, to guest memory: "
     "its length, 0 if there is none"},
    {HostVerb::kLink, "link", {"up"}, "net: 1 plugs the cable in, 0 pulls it"},
    {HostVerb::kLoopback,
     "loopback",
     {"on"},
     "net: 1 (as made) lets what the device sends come back to its own filter, 0 does not"},
    {HostVerb::kAnnounce,
     "announce",
     {},
     "net: ask the driver to announce itself (VIRTIO_NET_S_ANNOUNCE)"},
    {HostVerb::kConsoleInput,
     "console-input",
     {"address", "size"},
     "console: bytes of guest memory are typed at the selected port"},
    {HostVerb::kConsoleOutput,
     "console-output",
     {"address", "size"},
     "console: move what the selected port has printed to guest memory: the bytes moved"},
    {HostVerb::kConsoleResize,
     "console-resize",
     {"columns", "rows"},
     "console: the window changes its size"},
    {HostVerb::kConsoleSelectPort,
     "console-select-port",
     {"port"},
     "console: which port input, output, opening mean from now on (0 as made)"},
    {HostVerb::kConsolePlugPort,
     "console-plug-port",
     {"port", "plugged"},
     "console: 1 adds the port, 0 removes it"},
    {HostVerb::kConsoleOpenPort,
     "console-open-port",
     {"open"},
     "console: the host opens (1) or closes (0) its end of the selected port"},
    {HostVerb::kBalloonTarget,
     "balloon-target",
     {"pages"},
     "balloon: ask for this many pages (num_pages)"},
    {HostVerb::kBalloonRequestStatistics,
     "balloon-request-statistics",
     {},
     "balloon: use the statistics buffer: 1, or 0 if the device holds none"},
    {HostVerb::kBalloonStatistic,
     "balloon-statistic",
     {"tag"},
     "balloon: the last value of this tag; ~0 if the driver never gave one"},
    {HostVerb::kBalloonHint,
     "balloon-hint",
     {"command"},
     "balloon: set free_page_hint_cmd_id: 0 stop, 1 done, 2 a fresh ID; what it then is"},
    {HostVerb::kBalloonPages,
     "balloon-pages",
     {"set"},
     "balloon: how many pages are inflated (set 0), hinted free (1), reported free (2)"},
    {HostVerb::kVsockPeerListen,
     "vsock-peer-listen",
     {"port"},
     "vsock: the host's program listens at this port"},
    {HostVerb::kVsockPeerConnect,
     "vsock-peer-connect",
     {"port", "type"},
     "vsock: the host's program connects to this port of the guest; its own port"},
    {HostVerb::kVsockPeerSend,
     "vsock-peer-send",
     {"address", "size"},
     "vsock: the host's program sends bytes of guest memory, on seqpacket one message: the bytes "
     "taken"},
    {HostVerb::kVsockPeerReceive,
     "vsock-peer-receive",
     {"address", "size"},
     "vsock: the host's program takes what it was sent, on seqpacket to a message's end: the bytes "
     "moved"},
    {HostVerb::kVsockPeerClose,
     "vsock-peer-close",
     {},
     "vsock: the host's program closes its connection cleanly"},
    {HostVerb::kVsockPeerState,
     "vsock-peer-state",
     {},
     "vsock: of the host's program's connection: 0 none, 1 connecting, 2 connected, 3 closing"},
    {HostVerb::kVsockTransportReset,
     "vsock-transport-reset",
     {"cid"},
     "vsock: the guest has moved and has this CID now: VIRTIO_VSOCK_EVENT_TRANSPORT_RESET"},
};

// One of the reference virtio devices'?
constexpr bool is_device_verb(HostVerb verb) {
  if (verb < HostVerb::kResizeDisk) return false;
  for (const HostVerbEntry& entry : kHostVerbs) {
    if (entry.verb == verb) return true;
  }
  return false;
}

}  // namespace hypervet::protocol
