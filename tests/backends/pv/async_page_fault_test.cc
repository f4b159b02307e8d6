// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/pv/fake_machine.h"

namespace hypervet::pv {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using violations::DeliveryMode;
using violations::Seam;
using violations::Source;
using enum protocol::HostVerb;
using namespace std::string_literals;
using Action = AbsentAnswer::Action;

class AsyncPageFaultTest : public KvmModelTest {
 protected:
  static constexpr std::uint32_t kEnable = 0x4b564d02, kVector = 0x4b564d06, kAck = 0x4b564d07;
  static constexpr std::uint64_t kPage = 0x9000, kOther = 0xa000;
  static constexpr std::uint64_t kOn = 1 | 2 | 8;  // enabled, in the kernel too, by interrupt

  std::uint32_t flags() const { return machine->get<std::uint32_t>(kArea); }
  std::uint32_t token() const { return machine->get<std::uint32_t>(kArea + 4); }
  void take_token(unsigned cpu = 0) {
    machine->put<std::uint32_t>(kArea + 4, 0);
    ASSERT_TRUE(model->wrmsr(cpu, kAck, 1));
  }
  // Enables on a CPU and takes the token for all pages that this brings.
  void enable(std::uint64_t bits = kOn, unsigned cpu = 0) {
    ASSERT_TRUE(model->wrmsr(cpu, kVector, 0x61));
    ASSERT_TRUE(model->wrmsr(cpu, kEnable, kArea + bits));
    take_token(cpu);
    machine->delivered.clear();
  }
  AbsentAnswer touch(std::uint64_t address, unsigned cpu = 0) {
    return model->touched_absent(cpu, address, false);
  }
  Delivered ready(unsigned cpu = 0, unsigned vector = 0x61) const {
    return {cpu, vector, DeliveryMode::kFixed, Source::kAsyncPfReady};
  }
};

TEST_F(AsyncPageFaultTest, MsrFaults) {
  for (const std::uint64_t bad : {0x10ull, 0x20ull, 0x11ull, 0x30ull})
    EXPECT_FALSE(model->wrmsr(0, kEnable, kArea + bad));
  EXPECT_EQ(model->rdmsr(0, kEnable), 0u);
  EXPECT_TRUE(model->wrmsr(0, kEnable, kArea + 0xf));
  EXPECT_EQ(model->rdmsr(0, kEnable), kArea + 0xf);
  // A bad address faults although the MSR takes the value; without bit 3 nobody looks.
  EXPECT_FALSE(model->wrmsr(0, kEnable, FakeMachine::kMemory + 9));
  EXPECT_EQ(model->rdmsr(0, kEnable), FakeMachine::kMemory + 9);
  EXPECT_TRUE(model->wrmsr(0, kEnable, FakeMachine::kMemory + 1));
  for (unsigned bit = 8; bit < 64; ++bit)
    EXPECT_FALSE(model->wrmsr(0, kVector, 0x61 | (1ull << bit)));
  EXPECT_EQ(model->rdmsr(0, kVector), 0u);
  EXPECT_TRUE(model->wrmsr(0, kVector, 0x61));
  EXPECT_EQ(model->rdmsr(0, kVector), 0x61u);
  EXPECT_TRUE(model->wrmsr(0, kAck, ~0ull));
  EXPECT_EQ(model->rdmsr(0, kAck), 0u);
}

TEST_F(AsyncPageFaultTest, BitsAreGatedByTheirFeaturesUnderEnforcement) {
  build({}, 1, {feature(10), feature(14)});
  EXPECT_TRUE(model->wrmsr(0, kEnable, kArea + 0xf));
  build({{"enforce-features", "on"}}, 1, {feature(10)});
  EXPECT_FALSE(model->wrmsr(0, kEnable, kArea + 4));
  EXPECT_TRUE(model->wrmsr(0, kEnable, kArea + 9));
  build({{"enforce-features", "on"}}, 1, {feature(14)});
  EXPECT_FALSE(model->wrmsr(0, kEnable, kArea + 8));
  EXPECT_TRUE(model->wrmsr(0, kEnable, kArea + 5));
}

TEST_F(AsyncPageFaultTest, EnablingBringsTheTokenForAllPages) {
  model->wrmsr(2, kVector, 0x61);
  model->wrmsr(2, kEnable, kArea + kOn);
  EXPECT_EQ(token(), 0xffffffffu);
  EXPECT_THAT(machine->delivered, ElementsAre(ready(2)));
}

TEST_F(AsyncPageFaultTest, NotPresentThenReady) {
  enable();
  EXPECT_EQ(verb(kPageOut, kPage + 0x123).status, protocol::HostStatus::kDone);
  EXPECT_EQ(machine->absent, (std::set<std::uint64_t>{kPage}));
  const AbsentAnswer answer = touch(kPage + 0x456);
  ASSERT_EQ(answer.action, Action::kInject);
  EXPECT_EQ(answer.fault, (violations::Fault{14, 0, 0x1000}));  // first token of CPU 0
  EXPECT_EQ(flags(), 1u);
  EXPECT_EQ(token(), 0u);
  EXPECT_THAT(machine->delivered, IsEmpty());
  EXPECT_EQ(model->next_event_ns(), std::nullopt);  // it comes back when the test says so

  EXPECT_EQ(verb(kPageIn, kPage).status, protocol::HostStatus::kDone);
  EXPECT_THAT(machine->absent, IsEmpty());
  EXPECT_EQ(token(), 0x1000u);
  EXPECT_THAT(machine->delivered, ElementsAre(ready()));
  EXPECT_EQ(touch(kPage).action, Action::kPresent);
  EXPECT_TRUE(machine->all(kArea + 8, 56, 0));  // only eight bytes are used
}

TEST_F(AsyncPageFaultTest, TokensCountAboveTheCpuNumber) {
  machine->cpu[3].cpl = 3;
  enable(kOn, 3);
  verb(kPageOut, kPage);
  verb(kPageOut, kOther);
  EXPECT_EQ(touch(kPage, 3).fault.cr2, 0x1003u);
  EXPECT_EQ(touch(kOther, 3).fault.cr2, 0x2003u);
}

TEST_F(AsyncPageFaultTest, OneTokenAtATimeAndAckBringsTheNext) {
  enable();
  verb(kPageOut, kPage);
  verb(kPageOut, kOther);
  touch(kPage);
  touch(kOther);
  verb(kPageIn, kPage);
  verb(kPageIn, kOther);
  EXPECT_EQ(token(), 0x1000u);
  EXPECT_EQ(machine->delivered.size(), 1u);
  model->wrmsr(0, kAck, 1);  // token not taken
  EXPECT_EQ(token(), 0x1000u);
  machine->put<std::uint32_t>(kArea + 4, 0);
  model->wrmsr(0, kAck, 2);  // bit 0 alone counts
  model->before_entry(0);    // nor does an entry look
  EXPECT_EQ(token(), 0u);
  take_token();
  EXPECT_EQ(token(), 0x2000u);
  EXPECT_EQ(machine->delivered.size(), 2u);
}

TEST_F(AsyncPageFaultTest, ReadyWaitsForAnEnabledApic) {
  enable();
  verb(kPageOut, kPage);
  touch(kPage);
  machine->cpu[0].apic_enabled = false;
  verb(kPageIn, kPage);
  EXPECT_EQ(token(), 0u);
  machine->cpu[0].apic_enabled = true;
  model->wrmsr(0, kAck, 1);
  EXPECT_EQ(token(), 0x1000u);
}

// The CPU waits, and the host brings the page after a while.
TEST_F(AsyncPageFaultTest, WhereTheGuestCannotBeToldTheCpuWaits) {
  struct Case {
    const char* what;
    std::uint64_t bits;
    unsigned cpl;
    bool interrupts;
  };
  for (const Case& c : {Case{"disabled", 0, 0, true},
                        {"no interrupt bit", 3, 0, true},
                        {"user only", 9, 0, true},
                        {"interrupts off", kOn, 0, false}}) {
    build();
    if (c.bits & 8)
      enable(c.bits);
    else
      model->wrmsr(0, kEnable, kArea + c.bits);
    machine->cpu[0].cpl = c.cpl;
    machine->cpu[0].interrupts_open = c.interrupts;
    verb(kPageOut, kPage);
    EXPECT_EQ(touch(kPage).action, Action::kWait) << c.what;
    EXPECT_EQ(touch(kPage).action, Action::kWait) << c.what;
    EXPECT_EQ(flags(), 0u) << c.what;
    verb(kPageIn, kPage);
    EXPECT_EQ(touch(kPage).action, Action::kPresent) << c.what;
    EXPECT_EQ(token(), 0u) << c.what;
    EXPECT_THAT(machine->delivered, IsEmpty()) << c.what;
  }
}

TEST_F(AsyncPageFaultTest, UserModeAloneIsToldWithoutBit1) {
  enable(9);
  machine->cpu[0].cpl = 3;
  verb(kPageOut, kPage);
  EXPECT_EQ(touch(kPage).action, Action::kInject);
}

TEST_F(AsyncPageFaultTest, TouchingAgainBeforeItIsBackWaits) {
  enable();
  verb(kPageOut, kPage);
  EXPECT_EQ(touch(kPage).action, Action::kInject);
  EXPECT_EQ(touch(kPage).action, Action::kWait);
  verb(kPageIn, kPage);
  EXPECT_EQ(touch(kPage).action, Action::kPresent);
  EXPECT_EQ(token(), 0x1000u);
}

TEST_F(AsyncPageFaultTest, NoMoreThan64AreOutstanding) {
  enable();
  for (std::uint64_t i = 0; i < 65; ++i) {
    verb(kPageOut, 0x10000 + 0x1000 * i);
    EXPECT_EQ(touch(0x10000 + 0x1000 * i).action, i < 64 ? Action::kInject : Action::kWait) << i;
  }
}

TEST_F(AsyncPageFaultTest, DisablingDropsWhatIsOutstanding) {
  enable();
  verb(kPageOut, kPage);
  verb(kPageOut, kOther);
  touch(kPage);
  touch(kOther);
  verb(kPageIn, kOther);
  ASSERT_EQ(token(), 0x2000u);
  model->wrmsr(0, kEnable, 0);
  machine->put<std::uint32_t>(kArea + 4, 0);
  machine->delivered.clear();
  verb(kPageIn, kPage);
  EXPECT_EQ(token(), 0u);
  EXPECT_THAT(machine->delivered, IsEmpty());
  model->wrmsr(0, kEnable, kArea + kOn);
  EXPECT_EQ(token(), 0xffffffffu);
  take_token();
  EXPECT_EQ(token(), 0u);
}

TEST_F(AsyncPageFaultTest, InitDropsItToo) {
  enable();
  verb(kPageOut, kPage);
  touch(kPage);
  model->init_cpu(0);
  verb(kPageIn, kPage);
  EXPECT_EQ(token(), 0u);
  EXPECT_EQ(model->rdmsr(0, kEnable), 0u);
  EXPECT_EQ(model->rdmsr(0, kVector), 0u);
}

TEST_F(AsyncPageFaultTest, PageReadyWakesAHaltedCpu) {
  enable();
  verb(kPageOut, kPage);
  touch(kPage);
  machine->cpu[0].halted = true;
  verb(kPageIn, kPage, 1);
  EXPECT_THAT(machine->woken, ElementsAre(0));
}

TEST_F(AsyncPageFaultTest, VerbsRefuseWhatIsNotRam) {
  EXPECT_EQ(verb(kPageOut, FakeMachine::kMemory).status, protocol::HostStatus::kBadArgument);
  EXPECT_EQ(verb(kPageOut, ~0ull).status, protocol::HostStatus::kBadArgument);
  EXPECT_EQ(verb(kPageIn, ~0ull).status, protocol::HostStatus::kBadArgument);
  EXPECT_EQ(verb(kPageIn, kPage).status, protocol::HostStatus::kDone);  // it was there all the time
}

TEST_F(AsyncPageFaultTest, NaturalViolations) {
  const auto page_out_and_touch = [&] {
    build();
    enable();
    verb(kPageOut, kPage);
    return touch(kPage);
  };
  violate(Seam::kInterrupt, {{"token", 0x7777ul}}, {{"from", "async-pf-not-present"s}});
  EXPECT_EQ(page_out_and_touch().fault.cr2, 0x7777u);
  violate(Seam::kMemory, {{"value", 0ul}}, {{"area", "async-pf"s}, {"field", "flags"s}});
  page_out_and_touch();
  EXPECT_EQ(flags(), 0u);
  violate(Seam::kInterrupt, {{"drop", "yes"s}}, {{"from", "async-pf-not-present"s}});
  EXPECT_EQ(page_out_and_touch().action, Action::kWait);
  interposer.disarm();
  page_out_and_touch();
  violate(Seam::kInterrupt, {{"token", 0x7777ul}}, {{"from", "async-pf-ready"s}});
  verb(kPageIn, kPage);
  EXPECT_EQ(token(), 0x7777u);
  interposer.disarm();
  page_out_and_touch();
  violate(Seam::kInterrupt, {{"as-vector", 0x62ul}}, {{"from", "async-pf-ready"s}});
  verb(kPageIn, kPage);
  EXPECT_THAT(machine->delivered, ElementsAre(ready(0, 0x62)));
  // Events although the guest did not ask for interrupts; in the kernel although it did not want
  // them there.
  build();
  violate(Seam::kWrmsr, {{"set", 8ul}}, {{"msr", 0x4b564d02ul}, {"bit", 0ul}});
  model->wrmsr(0, kEnable, kArea + 3);
  verb(kPageOut, kPage);
  EXPECT_EQ(touch(kPage).action, Action::kInject);
  build();
  violate(Seam::kWrmsr, {{"set", 2ul}}, {{"msr", 0x4b564d02ul}, {"bit", 0ul}});
  model->wrmsr(0, kEnable, kArea + 9);
  verb(kPageOut, kPage);
  EXPECT_EQ(touch(kPage).action, Action::kInject);
  // ACK does nothing.
  violate(Seam::kWrmsr, {{"ignore", "yes"s}}, {{"msr", 0x4b564d07ul}});
  EXPECT_TRUE(model->wrmsr(0, kAck, 1));
}

}  // namespace
}  // namespace hypervet::pv
