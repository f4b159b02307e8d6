// SPDX-License-Identifier: Apache-2.0
// How the engine tells a machine that will not end by itself, what it costs, and that nothing is
// left behind.
#include <gmock/gmock.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "tests/backends/kvm/steps.h"

namespace hypervet::kvm::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using KvmHang = KvmTest;

constexpr std::uint8_t kReturn = 0xc3;

// Processor time of this process: what a hang costs, however many others want the machine.
std::chrono::milliseconds processor_time() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::milliseconds(time.tv_nsec / 1'000'000);
}

// What ends at once has this long on a machine that others want too; without a deadline of its own
// it would have ten seconds.
constexpr auto kAtOnce = 4s;

class Stopwatch {
 public:
  std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 begin_);
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

backends::Limits within(std::chrono::nanoseconds deadline) {
  backends::Limits limits;
  limits.deadline = deadline;
  return limits;
}

std::size_t entries(const char* directory) {
  const std::filesystem::directory_iterator all(directory);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// The hypercall opcode, both vendors'. On a sound hypervisor both return; some never come back.
Steps hypercalls() {
  return Steps()
      .code({0xb8, 99, 0, 0, 0, 0x0f, 0x01, 0xc1, kReturn})  // mov eax, 99; vmcall
      .code({0xb8, 99, 0, 0, 0, 0x0f, 0x01, 0xd9, kReturn})  // mov eax, 99; vmmcall
      .finish();
}

TEST_F(KvmHang, AnInstructionThatNeverEndsIsStuckAndNamed) {
  const auto before = processor_time();
  const auto outcome = run(hypercalls(), {}, within(60s));
  const auto cost = processor_time() - before;
  if (outcome.stop == Stop::kFinished) GTEST_SKIP() << "hypercalls return here, as they should";
  EXPECT_EQ(outcome.stop, Stop::kStuck) << outcome.detail;
  EXPECT_THAT(outcome.detail, HasSubstr("(VMCALL)"));
  ASSERT_EQ(outcome.cpus.size(), 1u);
  EXPECT_THAT(outcome.cpus[0].code, testing::SizeIs(15));
  EXPECT_EQ(outcome.cpus[0].registers.rax, 99u);
  EXPECT_EQ(outcome.cpus[0].code[0], 0x0f);
  EXPECT_LT(cost, 1200ms);
}

TEST_F(KvmHang, WithPatchingOffAForeignHypercallFaults) {
  const auto configuration = with_setting("hypercall-patching", "off");
  if (const auto why = backend().refuses(configuration)) GTEST_SKIP() << *why;
  // One of the two is this vendor's own; without an IDT the #UD of the other ends in a triple
  // fault.
  EXPECT_EQ(run(hypercalls(), configuration).stop, Stop::kShutdown);
}

TEST_F(KvmHang, TripleFault) {
  const auto outcome = run(Steps().code({0x0f, 0x0b}).finish());
  EXPECT_EQ(outcome.stop, Stop::kShutdown) << outcome.detail;
  EXPECT_EQ(outcome.detail, "CPU 0: triple fault");
}

TEST_F(KvmHang, AJumpToItselfExecutes) {
  const Stopwatch watch;
  const auto outcome = run(Steps().code({0xeb, 0xfe}), {}, within(1500ms));
  EXPECT_EQ(outcome.stop, Stop::kDeadline) << outcome.detail;
  EXPECT_THAT(outcome.detail, HasSubstr("CPU 0 executes near"));
  EXPECT_GE(watch.elapsed(), 1500ms);
  EXPECT_LT(watch.elapsed(), 1500ms + kAtOnce);
}

TEST_F(KvmHang, ALoopOfTwoInstructionsExecutes) {
  const auto outcome = run(Steps().code({0xf3, 0x90, 0xeb, 0xfc}), {}, within(1500ms));
  EXPECT_EQ(outcome.stop, Stop::kDeadline) << outcome.detail;
}

TEST_F(KvmHang, ALoopThatRingsForEverEndsAtTheDeadline) {
  const auto outcome = run(Steps().repeat_out(0x80, 0), {}, within(300ms));
  EXPECT_EQ(outcome.stop, Stop::kDeadline) << outcome.detail;
  EXPECT_THAT(outcome.detail, HasSubstr("exits"));
}

TEST_F(KvmHang, HaltWithInterruptsOffIsADeadlock) {
  const Stopwatch watch;
  const auto outcome = run(Steps().park());
  EXPECT_EQ(outcome.stop, Stop::kDeadlock) << outcome.detail;
  EXPECT_TRUE(outcome.cpus.at(0).halted);
  EXPECT_LT(watch.elapsed(), kAtOnce);
}

TEST_F(KvmHang, AllCpusHaltedIsADeadlock) {
  const Stopwatch watch;
  const auto outcome = run(Steps().start_cpus(1, Steps().park()).park(), with_cpus(2));
  EXPECT_EQ(outcome.stop, Stop::kDeadlock) << outcome.detail;
  EXPECT_THAT(outcome.detail, HasSubstr("CPU 1 is halted"));
  EXPECT_LT(watch.elapsed(), kAtOnce);
}

// One-shot APIC timer, divided by 128: `count` of these ticks of a nanosecond each.
Steps sleep_by_timer(std::uint32_t count) {
  constexpr std::uint32_t kApic = 0xfee0'0000;
  return Steps()
      .install(0x40)
      .store(kApic + 0xf0, 0x1ff)
      .store(kApic + 0x3e0, 0xa)
      .store(kApic + 0x320, 0x40)
      .store(kApic + 0x380, count)
      .code({0xfb, 0xf4, 0xfa, kReturn});  // sti; hlt; cli
}

TEST_F(KvmHang, ASleeperWithATimerIsNoDeadlock) {
  const auto outcome = run(sleep_by_timer(4'000'000).load(kCounter).finish());  // 512 ms
  EXPECT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  EXPECT_THAT(reported(outcome), ElementsAre(1u));
}

TEST_F(KvmHang, ASleeperBeyondTheDeadlineIsNamed) {
  const auto outcome = run(sleep_by_timer(0xffff'ffff), {}, within(400ms));
  EXPECT_EQ(outcome.stop, Stop::kDeadline) << outcome.detail;
  EXPECT_THAT(outcome.detail, HasSubstr("waits for its APIC timer"));
}

TEST_F(KvmHang, CodeOutsideRamIsAnInternalError) {
  // jmp to an address where nothing can be fetched: KVM cannot emulate what it cannot read.
  const auto outcome = run(Steps().code({0xb8, 0, 0, 0, 0xd0, 0xff, 0xe0}), {}, within(3s));
  EXPECT_EQ(outcome.stop, Stop::kInternalError) << outcome.detail;
  EXPECT_THAT(outcome.detail, HasSubstr("KVM_EXIT_INTERNAL_ERROR"));
}

TEST_F(KvmHang, AStuckApplicationCpuIsNamed) {
  const auto outcome =
      run(Steps().start_cpus(1, hypercalls().park()).await(kRoom, 1), with_cpus(2), within(30s));
  if (outcome.stop == Stop::kDeadline || outcome.stop == Stop::kFinished) {
    GTEST_SKIP() << "hypercalls return here, as they should";
  }
  EXPECT_EQ(outcome.stop, Stop::kStuck) << outcome.detail;
  EXPECT_THAT(outcome.detail, HasSubstr("CPU 1"));
}

TEST_F(KvmHang, LeavesNoThreadAndNoDescriptorBehind) {
  run(Steps().finish());
  const std::size_t threads = entries("/proc/self/task");
  const std::size_t descriptors = entries("/proc/self/fd");
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(run(i % 2 == 0 ? Steps().finish() : Steps().code({0x0f, 0x0b})).cpus.size(), 1u);
  }
  run(Steps().park());
  EXPECT_EQ(entries("/proc/self/task"), threads);
  EXPECT_EQ(entries("/proc/self/fd"), descriptors);
}

// HYPERVET_KVM_HANGS=200 for the long form. The limit is short here: what counts is what is left
// behind.
TEST_F(KvmHang, SurvivesOneHangAfterTheOther) {
  const char* asked = std::getenv("HYPERVET_KVM_HANGS");
  const int hangs = asked != nullptr ? std::atoi(asked) : 20;
  backends::Limits limits;
  limits.no_progress = 60ms;
  limits.deadline = 60s;
  run(Steps().finish());
  const std::size_t threads = entries("/proc/self/task");
  const std::size_t descriptors = entries("/proc/self/fd");
  for (int i = 0; i < hangs; ++i) {
    const auto outcome = run(hypercalls(), {}, limits);
    if (outcome.stop == Stop::kFinished) GTEST_SKIP() << "hypercalls return here, as they should";
    ASSERT_EQ(outcome.stop, Stop::kStuck) << outcome.detail;
  }
  EXPECT_EQ(entries("/proc/self/task"), threads);
  EXPECT_EQ(entries("/proc/self/fd"), descriptors);
}

}  // namespace
}  // namespace hypervet::kvm::test
