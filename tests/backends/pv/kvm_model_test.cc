// SPDX-License-Identifier: Apache-2.0
// The model as a whole: snapshots, verbs, and guests that are not kind.
#include "tests/backends/pv/fake_machine.h"

namespace hypervet::pv {
namespace {

using enum protocol::HostVerb;

using KvmWholeTest = KvmModelTest;

TEST_F(KvmWholeTest, RestoringGoesBackToTheSavedState) {
  build({{"hypercall-exits", "on"}, {"migration-control", "on"}});
  model->wrmsr(0, 0x4b564d00, 0x100);
  model->wrmsr(1, 0x4b564d01, kArea + 1);
  model->wrmsr(1, 0x4b564d03, kArea + 0x40 + 1);
  model->wrmsr(1, 0x4b564d04, kArea + 0x80 + 1);
  model->wrmsr(1, 0x4b564d06, 0x61);
  model->wrmsr(1, 0x4b564d02, kArea + 0xc0 + 11);
  machine->put<std::uint32_t>(kArea + 0xc4, 0);
  model->wrmsr(1, 0x4b564d07, 1);
  model->wrmsr(1, 0x4b564d05, 0);
  model->wrmsr(1, 0x4b564d08, 0);
  verb(kPageOut, 0x9000);
  ASSERT_EQ(model->touched_absent(1, 0x9000, true).action, AbsentAnswer::Action::kInject);
  verb(kAnswerHypercall, 77);
  rax(12, {0x5000, 1, 2});
  const KvmState saved = model->state();
  const std::vector<std::uint8_t> memory = machine->memory;
  const std::uint64_t now = machine->now;

  const auto observe = [&] {
    std::vector<std::uint64_t> seen;
    for (const std::uint32_t index : {0x4b564d00u, 0x4b564d01u, 0x4b564d02u, 0x4b564d03u,
                                      0x4b564d04u, 0x4b564d05u, 0x4b564d06u, 0x4b564d08u})
      seen.push_back(model->rdmsr(1, index).value_or(~0ull));
    for (unsigned field = 0; field < 6; ++field) seen.push_back(verb(kHypercallExit, field).result);
    seen.push_back(rax(12, {0x6000, 1, 2}));
    machine->now += 1'000'000;
    model->before_entry(1);
    verb(kPageIn, 0x9000);
    for (std::uint64_t offset = 0; offset < 0x100; offset += 8)
      seen.push_back(machine->get<std::uint64_t>(kArea + offset));
    return seen;
  };
  const std::vector<std::uint64_t> first = observe();
  for (unsigned cpu = 0; cpu < 4; ++cpu) model->init_cpu(cpu);
  verb(kAnswerHypercall, 0);

  machine->memory = memory;
  machine->now = now;
  model->restore(saved);
  EXPECT_THAT(machine->absent, testing::ElementsAre(0x9000));
  EXPECT_EQ(observe(), first);

  // And into another model of the same configuration.
  build({{"hypercall-exits", "on"}, {"migration-control", "on"}});
  machine->memory = memory;
  machine->now = now;
  model->restore(saved);
  EXPECT_EQ(observe(), first);
}

TEST_F(KvmWholeTest, HasTheVerbsThatAreAboutTheInterface) {
  for (const protocol::HostVerbEntry& entry : protocol::kHostVerbs) {
    const bool mine = entry.verb < kRaiseMsi;  // later ones are the machine's
    EXPECT_EQ(KvmModel::has(entry.verb), mine) << entry.name;
    if (!mine) {
      EXPECT_EQ(verb(entry.verb).status, protocol::HostStatus::kUnknownVerb);
    }
  }
  EXPECT_EQ(verb(static_cast<protocol::HostVerb>(999)).status, protocol::HostStatus::kUnknownVerb);
  EXPECT_EQ(verb(kReadClock).result, machine->wall_clock_ns());
}

TEST_F(KvmWholeTest, MoreCpusThanThereIsRoomForAreRefused) {
  FakeMachine large(9);
  EXPECT_THROW(KvmModel(configuration, large, interposer), std::invalid_argument);
}

// Any value in any MSR and any arguments to any call: no exception, nothing outside memory (the
// fake would crash).
TEST_F(KvmWholeTest, HostileGuestsAreContained) {
  build({{"hypercall-exits", "on"}, {"migration-control", "on"}});
  std::uint64_t random = 88172645463325252;
  const auto next = [&] {  // xorshift
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    // Often near something that matters.
    switch (random % 5) {
      case 0:
        return random % FakeMachine::kMemory;
      case 1:
        return FakeMachine::kMemory - random % 80;
      case 2:
        return ~std::uint64_t{0} - random % 80;
      case 3:
        return random % 64;
      default:
        return random;
    }
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto cpu = static_cast<unsigned>(next() % 4);
    machine->cpu[cpu].halted = (next() & 7) == 0;
    machine->cpu[cpu].interrupts_open = (next() & 3) != 0;
    const auto index = static_cast<std::uint32_t>(0x4b564d00 + next() % 10);
    switch (next() % 7) {
      case 0:
        model->rdmsr(cpu, index);
        break;
      case 1:
        model->wrmsr(cpu, (next() & 1) != 0 ? index : 0x11 + index % 2, next());
        break;
      case 2:
        call(next() % 14, {next(), next(), next(), next()},
             {.cpu = cpu, .cpl = (next() & 7) == 0 ? 3u : 0u, .long_mode = (next() & 1) != 0});
        break;
      case 3:
        model->touched_absent(cpu, next() % FakeMachine::kMemory, false);
        break;
      case 4:
        verb(static_cast<protocol::HostVerb>(next() % 10), next(), cpu);
        break;
      case 5:
        machine->now += next() % 1'000'000;
        model->after_exit(cpu);
        model->before_entry(cpu);
        break;
      default:
        model->descheduled(cpu, (next() & 1) != 0 ? OffCpu::kHalted : OffCpu::kPreempted);
        break;
    }
    machine->delivered.clear();
    machine->woken.clear();
    machine->yielded.clear();
    machine->flushed.clear();
  }
  EXPECT_LE(model->state().absent.size(), FakeMachine::kMemory / 4096);
  for (const CpuPart& part : model->state().cpu)
    EXPECT_LE(part.async_pf.waiting.size() + part.async_pf.done.size(), 65u);
}

}  // namespace
}  // namespace hypervet::pv
