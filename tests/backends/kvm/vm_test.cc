// SPDX-License-Identifier: Apache-2.0
// The MSR filter: which accesses exit, and that the others do not. A single step, and the interrupt
// that waits meanwhile.
#include "backends/kvm/vm.h"

#include <gmock/gmock.h>

#include "tests/backends/kvm/bare_machine.h"

namespace hypervet::kvm::test {
namespace {

using testing::ElementsAre;

// SDM vol. 4: MSRs that keep any value in 32 bits and mean nothing to this guest.
constexpr std::uint32_t kSysenterCs = 0x174, kSysenterEsp = 0x175, kSysenterEip = 0x176;

struct Access {
  bool write;
  std::uint32_t index;
  std::uint64_t value;  // written
  bool operator==(const Access&) const = default;
};

struct KvmMsrFilter : KvmTest {
  // Answers what exits with 77.
  std::vector<Access> run(BareMachine& machine, Steps steps) {
    std::vector<Access> accesses;
    machine.run(steps.finish(), [&](kvm_run& exit) {
      const bool write = exit.exit_reason == KVM_EXIT_X86_WRMSR;
      ASSERT_TRUE(write || exit.exit_reason == KVM_EXIT_X86_RDMSR) << exit.exit_reason;
      EXPECT_EQ(exit.msr.reason, static_cast<std::uint64_t>(KVM_MSR_EXIT_REASON_FILTER));
      accesses.push_back({write, exit.msr.index, write ? exit.msr.data : 0});
      exit.msr.data = 77;
      exit.msr.error = 0;
    });
    return accesses;
  }
  static Steps all_of(std::uint32_t value) {
    Steps steps;
    for (const std::uint32_t msr : {kSysenterCs, kSysenterEsp, kSysenterEip}) {
      steps.write_msr(msr, value).read_msr(msr);
    }
    return steps;
  }
  void SetUp() override {
    KvmTest::SetUp();
    if (IsSkipped()) return;
    const auto system = must(System::open(KvmBackend::kDevice));
    if (!system.has(KVM_CAP_X86_USER_SPACE_MSR) || !system.has(KVM_CAP_X86_MSR_FILTER)) {
      GTEST_SKIP() << "no KVM_CAP_X86_USER_SPACE_MSR or no KVM_CAP_X86_MSR_FILTER";
    }
  }
};

TEST_F(KvmMsrFilter, ARangeExitsAndNothingElse) {
  BareMachine machine;
  const MsrRange ranges[] = {{.first = kSysenterCs, .count = 2}};
  must(machine.vm.exit_on_msrs(ranges));
  EXPECT_THAT(run(machine, all_of(5)),
              ElementsAre(Access{true, kSysenterCs, 5}, Access{false, kSysenterCs, 0},
                          Access{true, kSysenterEsp, 5}, Access{false, kSysenterEsp, 0}));
  EXPECT_THAT(machine.reported(), ElementsAre(77u, 77u, 5u));
}

TEST_F(KvmMsrFilter, ReadsAndWritesAreApart) {
  BareMachine machine;
  const MsrRange ranges[] = {{.first = kSysenterCs, .read = false},
                             {.first = kSysenterEip, .write = false}};
  must(machine.vm.exit_on_msrs(ranges));
  EXPECT_THAT(run(machine, all_of(6)),
              ElementsAre(Access{true, kSysenterCs, 6}, Access{false, kSysenterEip, 0}));
  EXPECT_THAT(machine.reported(), ElementsAre(0u, 6u, 77u));
}

TEST_F(KvmMsrFilter, ANewFilterReplacesTheOld) {
  BareMachine machine;
  const MsrRange ranges[] = {{.first = kSysenterCs}};
  must(machine.vm.exit_on_msrs(ranges));
  must(machine.vm.exit_on_msrs({}));
  EXPECT_THAT(run(machine, all_of(7)), ElementsAre());
  EXPECT_THAT(machine.reported(), ElementsAre(7u, 7u, 7u));
}

TEST_F(KvmMsrFilter, BadRangesAreRefused) {
  BareMachine machine;
  const std::vector<MsrRange> many(Vm::kMostMsrRanges + 1, MsrRange{.first = kSysenterCs});
  EXPECT_FALSE(machine.vm.exit_on_msrs(many));
  for (const MsrRange& bad :
       {MsrRange{.first = 0, .count = 0}, MsrRange{.first = 0, .count = Vm::kMostMsrs + 1},
        MsrRange{.first = 0, .read = false, .write = false}}) {
    EXPECT_FALSE(machine.vm.exit_on_msrs({&bad, 1}));
  }
}

using KvmStep = KvmTest;

// An interrupt that came in between would save the trap flag of the step on the guest's stack.
TEST_F(KvmStep, HoldsAnInterruptBackUntilItIsOver) {
  constexpr std::uint8_t kVector = 0x51;
  constexpr std::uint32_t kPort = 0x80;
  BareMachine machine;
  if ((machine.system.extension(KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ) == 0)
    GTEST_SKIP() << "no KVM_GUESTDBG_BLOCKIRQ";
  std::uint64_t left = 0, stepped_to = 0;
  auto steps = Steps().install(kVector);
  steps.write_msr(0x1b, 0xfee00900);  // IA32_APIC_BASE: xAPIC enabled
  steps.store(0xfee000f0, 0x1ff);     // spurious-interrupt vector register: software enable
  // sti; out 0x80, eax; eight times nop; out 0x81, eax; cli; ret
  steps.code(
      {0xfb, 0xe7, kPort, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xe7, 0x81, 0xfa, 0xc3});
  machine.run(steps.load(kCounter).finish(), [&](kvm_run& exit) {
    if (exit.exit_reason == KVM_EXIT_DEBUG) {
      stepped_to = must(machine.vcpu.regs()).rip;
      must(machine.vcpu.single_step(false));
    } else if (exit.exit_reason == KVM_EXIT_IO && exit.io.port == kPort) {
      left = must(machine.vcpu.regs()).rip;
      must(machine.vm.signal(fixed_message(kVector, 0)));
      must(machine.vcpu.single_step(true));
    }
  });
  // KVM may count the OUT, which it completes first, as the step.
  EXPECT_GE(stepped_to, left);
  EXPECT_LE(stepped_to, left + 3);
  EXPECT_THAT(machine.reported(), ElementsAre(1u)) << "the interrupt came afterwards";
}

}  // namespace
}  // namespace hypervet::kvm::test
