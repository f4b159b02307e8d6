// SPDX-License-Identifier: Apache-2.0
#include "tests/reports/interface_samples.h"

namespace hypervet::reports::samples {

Interface hypercalls() {
  return {
      "kvm.hypercall",
      "KVM hypercalls",
      {"Documentation/virt/kvm/x86/hypercalls.rst", "Linux 6.12"},
      {{"kvm.hypercall.unknown-number",
        Level::kMust,
        "General",
        "A number the host does not implement returns -KVM_ENOSYS and touches no register but RAX.",
        {},
        3},
       {"kvm.hypercall.user-mode",
        Level::kMust,
        "General",
        "A hypercall from a privilege level above 0 returns -KVM_EPERM.",
        {},
        2},
       {"kvm.hypercall.kick-cpu.wakes",
        Level::kMust,
        "KVM_HC_KICK_CPU",
        "KVM_HC_KICK_CPU makes the halted CPU whose APIC id is a1 runnable.",
        {},
        1},
       {"kvm.hypercall.kick-cpu.flags-reserved",
        Level::kShould,
        "KVM_HC_KICK_CPU",
        "a0 is reserved and should not influence the result.",
        {},
        1},
       {"kvm.hypercall.clock-pairing.fields",
        Level::kMust,
        "KVM_HC_CLOCK_PAIRING",
        "On success the structure at a0 holds the host's wall clock and the TSC value of the same "
        "instant.",
        {},
        1},
       {"kvm.hypercall.clock-pairing.unknown-type",
        Level::kMay,
        "KVM_HC_CLOCK_PAIRING",
        "A clock type other than KVM_CLOCK_PAIRING_WALLCLOCK is answered with -KVM_EOPNOTSUPP.",
        {},
        1},
       {"kvm.hypercall.sched-yield.hint", Level::kShould, "KVM_HC_SCHED_YIELD",
        "The yield is a hint: the destination CPU may be scheduled earlier.",
        "a scheduling hint has no effect that a guest can tell from chance", 0},
       {"kvm.hypercall.map-gpa-range.exit",
        Level::kMust,
        "KVM_HC_MAP_GPA_RANGE",
        "The request leaves to user space, whose answer is returned in RAX.",
        {},
        0}}};
}

Interface clock() {
  return {"kvm.clock",
          "kvmclock, the paravirtual clock",
          {"Documentation/virt/kvm/x86/msr.rst", "Linux 6.12"},
          {{"kvm.clock.version-even",
            Level::kMust,
            "MSR_KVM_SYSTEM_TIME_NEW",
            "An even version marks a consistent structure; the host makes it odd while it updates.",
            {},
            2},
           {"kvm.clock.monotonic",
            Level::kMust,
            "MSR_KVM_SYSTEM_TIME_NEW",
            "Time computed from the structure never goes back on one CPU.",
            {},
            1},
           {"kvm.clock.monotonic-across-cpus",
            Level::kMust,
            "MSR_KVM_SYSTEM_TIME_NEW",
            "With the TSC-stable bit set, time read on one CPU is never behind time read before on "
            "another.",
            {},
            1},
           {"kvm.clock.wall-clock.once",
            Level::kShould,
            "MSR_KVM_WALL_CLOCK_NEW",
            "Writing the MSR fills in the wall clock structure once.",
            {},
            1}}};
}

Interface block() {
  return {
      "virtio.blk",
      "virtio block device",
      {"Virtual I/O Device (VIRTIO)", "1.3"},
      {{"virtio.blk.read-only.refuses-write",
        Level::kMust,
        "5.2.6.2",
        "A write request to a device that offers VIRTIO_BLK_F_RO fails with VIRTIO_BLK_S_IOERR and "
        "writes nothing.",
        {},
        2},
       {"virtio.blk.unknown-request",
        Level::kMust,
        "5.2.6.2",
        "A request type that the device does not know is answered with VIRTIO_BLK_S_UNSUPP.",
        {},
        2},
       {"virtio.blk.capacity.change-interrupt",
        Level::kMay,
        "5.2.4",
        "A change of capacity is announced by a configuration change interrupt.",
        {},
        0}}};
}

}  // namespace hypervet::reports::samples
