// SPDX-License-Identifier: Apache-2.0
// Every switch in the table is asked for by the model and changes what its line says.
#include "backends/pv/switches.h"

#include <functional>

#include "backends/pv/dirty_log.h"
#include "tests/backends/pv/fake_machine.h"

namespace hypervet::pv {
namespace {

using enum protocol::HostVerb;

class SwitchesTest : public KvmModelTest {
 protected:
  static constexpr std::uint32_t kApf = 0x4b564d02, kAck = 0x4b564d07, kSteal = 0x4b564d03,
                                 kEoi = 0x4b564d04;
  static constexpr std::uint64_t kPage = 0x9000, kOther = 0xa000, kOn = 11;

  void touch_two_pages() {
    model->wrmsr(0, kApf, kArea + kOn);
    machine->put<std::uint32_t>(kArea + 4, 0);
    model->wrmsr(0, kAck, 1);
    for (const std::uint64_t page : {kPage, kOther}) {
      verb(kPageOut, page);
      model->touched_absent(0, page, false);
    }
  }
  std::uint32_t token() const { return machine->get<std::uint32_t>(kArea + 4); }

  // For each switch a number that it changes.
  std::map<std::string_view, std::function<std::uint64_t()>> scenarios() {
    return {
        {"steal-counts-idle",
         [&] {
           model->wrmsr(0, kSteal, kArea + 1);
           model->descheduled(0, OffCpu::kHalted);
           machine->now += 5000;
           model->before_entry(0);
           return machine->get<std::uint64_t>(kArea);
         }},
        {"steal-flags-set",
         [&] {
           model->wrmsr(0, kSteal, kArea + 1);
           return std::uint64_t{machine->get<std::uint32_t>(kArea + 12)};
         }},
        {"pv-tlb-flush-ignored",
         [&] {
           model->wrmsr(0, kSteal, kArea + 1);
           machine->put<std::uint8_t>(kArea + 16, 2);
           model->descheduled(0);
           model->before_entry(0);
           return machine->flushed.size();
         }},
        {"pv-eoi-implied",
         [&] {
           model->wrmsr(0, kEoi, kArea + 1);
           machine->cpu[0].requested = {0x31};
           machine->cpu[0].in_service = {0x41};
           model->at_injection(0, 0x41);
           model->after_exit(0);
           return std::uint64_t{machine->eois};
         }},
        {"apf-survives-disable",
         [&] {
           touch_two_pages();
           model->wrmsr(0, kApf, 0);
           verb(kPageIn, kPage);
           return std::uint64_t{token()};
         }},
        {"apf-ready-overwrites",
         [&] {
           touch_two_pages();
           verb(kPageIn, kPage);
           verb(kPageIn, kOther);
           return std::uint64_t{token()};
         }},
        {"apf-ready-before-page",
         [&] {
           touch_two_pages();
           verb(kPageIn, kPage);
           EXPECT_EQ(token(), 0x1000u);
           return machine->absent.size();
         }},
        {"apf-flags-on-regular-fault",
         [&] {
           model->wrmsr(0, kApf, kArea + kOn);
           return std::uint64_t{machine->get<std::uint32_t>(kArea)};
         }},
        {"kick-forgotten",
         [&] {
           rax(5, {0, 1});
           machine->cpu[2].halted = true;
           rax(5, {0, 2});
           return machine->woken.size();
         }},
        {"send-ipi-high-half-at",
         [&] {
           machine->cpu[3].apic_id = 33;
           return rax(10, {0, 0b10, 0, 0x51});
         }},
        {"foreign-opcode-hangs",
         [&] {
           const auto result = call_as(HypercallOpcode::kVmmcall, 1);
           EXPECT_EQ(result.advance, 0);
           return std::uint64_t{machine->get<std::uint8_t>(0x7002)};
         }},
        {"foreign-opcode-unpatched",
         [&] {
           call_as(HypercallOpcode::kVmmcall, 1);
           return std::uint64_t{machine->get<std::uint8_t>(0x7002)};
         }},
        {"patches-despite-quirk-off",
         [&] {
           build({{"hypercall-patching", "off"}});
           return std::uint64_t{call_as(HypercallOpcode::kVmmcall, 1).fault.has_value()};
         }},
        {"dirty-log-empty", [&] { return read_dirty_log(interposer, {1}, {2}, 4).size(); }},
        {"dirty-log-keeps", [&] { return read_dirty_log(interposer, {1}, {2}, 4).size(); }},
        {"dirty-log-all", [&] { return read_dirty_log(interposer, {1}, {2}, 4).size(); }},
        {"init-keeps-msrs",
         [&] {
           model->wrmsr(0, kSteal, kArea + 1);
           model->init_cpu(0);
           return *model->rdmsr(0, kSteal);
         }},
    };
  }
};

TEST_F(SwitchesTest, EachChangesWhatTheModelDoes) {
  const auto all = scenarios();
  EXPECT_EQ(all.size(), std::size(kSwitches));
  for (const Switch& one : kSwitches) {
    const auto scenario = all.find(one.name);
    ASSERT_NE(scenario, all.end()) << one.name;
    interposer.disarm();
    build();
    const std::uint64_t clean = scenario->second();
    build();
    switch_on(std::string(one.name));
    EXPECT_NE(scenario->second(), clean) << one.name;
    EXPECT_GE(interposer.total_committed(), 1u) << one.name;
  }
}

TEST_F(SwitchesTest, AnAmountReplacesTheDefault) {
  machine->cpu[3].apic_id = 17;
  violate(violations::Seam::kSwitch,
          {{"name", std::string("send-ipi-high-half-at")}, {"amount", 16ul}});
  EXPECT_EQ(rax(10, {0, 0b10, 0, 0x51}), 1u);
}

TEST(SwitchTable, NamesAreUniqueAndComplete) {
  for (const Switch& one : kSwitches) {
    EXPECT_EQ(find_switch(one.name), &one);
    EXPECT_TRUE(one.clause.starts_with("kvm.")) << one.name;
    EXPECT_FALSE(one.what.empty() || one.why.empty()) << one.name;
  }
  EXPECT_EQ(find_switch("no-such-switch"), nullptr);
}

}  // namespace
}  // namespace hypervet::pv
