// SPDX-License-Identifier: Apache-2.0
// Memory slots that change under a running guest, and their dirty log.
#include "backends/kvm/memory_slot.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "tests/backends/kvm/bare_machine.h"

namespace hypervet::kvm::test {
namespace {

using testing::ElementsAre;

constexpr std::uint32_t kAt = 0xc000'0000, kElsewhere = 0xc100'0000;
constexpr std::size_t kPages = 200;  // no multiple of 64
constexpr std::uint32_t kQuit = kRoom;

struct KvmMemorySlot : KvmTest {
  void SetUp() override {
    KvmTest::SetUp();
    if (IsSkipped()) return;
    machine.emplace();
    host.emplace(kPages * machine::kPageSize);
  }
  MemoryArea area() { return {.guest = kAt, .size = host->size(), .host = host->raw()}; }
  MemorySlot slot() { return must(MemorySlot::create(machine->vm, 1, area())); }
  std::uint32_t word(std::uint64_t offset = 0) {
    return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(host->raw() + offset)).load();
  }
  void set_word(std::uint32_t value) {
    std::atomic_ref(*reinterpret_cast<std::uint32_t*>(host->raw())).store(value);
  }
  // Runs the steps; reads outside memory give all ones, writes are kept.
  std::vector<Written> run(Steps steps) {
    std::vector<Written> exits;
    machine->run(steps.finish(), [&](kvm_run& exit) {
      ASSERT_EQ(exit.exit_reason, static_cast<unsigned>(KVM_EXIT_MMIO));
      if (const auto written = write_of(exit)) return exits.push_back(*written);
      std::memset(exit.mmio.data, 0xff, sizeof(exit.mmio.data));
    });
    return exits;
  }
  static std::vector<std::size_t> pages_of(const PageSet& set) {
    std::vector<std::size_t> pages;
    for (std::size_t i = 0; i < set.pages(); ++i) {
      if (set.contains(i)) pages.push_back(i);
    }
    return pages;
  }

  std::optional<BareMachine> machine;
  std::optional<machine::GuestMemory> host;
};

TEST_F(KvmMemorySlot, IsMemoryAsLongAsItLives) {
  {
    const auto made = slot();
    set_word(5);
    EXPECT_THAT(run(Steps().load(kAt).store(kAt, 6)), ElementsAre());
    EXPECT_THAT(machine->reported(), ElementsAre(5u));
    EXPECT_EQ(word(), 6u);
  }
  EXPECT_THAT(run(Steps().load(kAt).store(kAt, 7)), ElementsAre(Written{kAt, 7}));
  EXPECT_THAT(machine->reported(), ElementsAre(~0u));
  EXPECT_EQ(word(), 6u);
}

TEST_F(KvmMemorySlot, Moves) {
  auto made = slot();
  EXPECT_THAT(run(Steps().store(kAt, 1)), ElementsAre());
  must(made.move_to(kElsewhere));
  EXPECT_EQ(made.area().guest, kElsewhere);
  EXPECT_THAT(run(Steps().store(kAt, 2).store(kElsewhere + 4, 3)), ElementsAre(Written{kAt, 2}));
  EXPECT_EQ(word(0), 1u);
  EXPECT_EQ(word(4), 3u);
}

TEST_F(KvmMemorySlot, ReadOnlyWritesExitAndChangeNothing) {
  if (!machine->system.has(KVM_CAP_READONLY_MEM)) GTEST_SKIP() << "no KVM_CAP_READONLY_MEM";
  auto made = slot();
  set_word(9);
  auto read_only = area();
  read_only.read_only = true;
  must(made.replace(read_only));
  EXPECT_THAT(run(Steps().load(kAt).store(kAt, 1)), ElementsAre(Written{kAt, 1}));
  EXPECT_EQ(word(), 9u);
  EXPECT_THAT(machine->reported(), ElementsAre(9u));
  must(made.replace(area()));
  EXPECT_THAT(run(Steps().store(kAt, 2)), ElementsAre());
  EXPECT_EQ(word(), 2u);
}

TEST_F(KvmMemorySlot, OverlapIsRefusedAndTheSlotStays) {
  auto made = slot();
  EXPECT_FALSE(MemorySlot::create(machine->vm, 2, area()));
  EXPECT_FALSE(made.move_to(0)) << "RAM is there";
  EXPECT_EQ(made.area().guest, kAt);
  EXPECT_THAT(run(Steps().store(kAt, 1)), ElementsAre());
}

// mov $1, (kAt); cmp $0, (kQuit); je back; ret
const std::vector<std::uint8_t> kWriteUntilQuit = {0xc7, 5,    0, 0, 0, 0xc0, 1, 0,    0,    0,
                                                   0x83, 0x3d, 0, 0, 1, 1,    0, 0x74, 0xed, 0xc3};

// Each round waits for the guest, so no write may be lost and none may go to memory that is no
// longer the guest's.
TEST_F(KvmMemorySlot, ChangesWhileTheGuestWrites) {
  static_assert(kQuit == 0x0101'0000);
  auto made = slot();
  std::atomic<std::uint64_t> exits = 0;
  const auto await = [](const auto& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(50);
    while (!condition() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return condition();
  };
  std::jthread changer([&] {
    for (int round = 0; round < 20; ++round) {
      EXPECT_TRUE(await([&] { return word() == 1; }));
      must(made.move_to(round % 2 == 0 ? kElsewhere : kElsewhere + 0x10'0000));
      set_word(0);
      const auto before = exits.load();
      EXPECT_TRUE(await([&] { return exits.load() > before + 2; }));
      EXPECT_EQ(word(), 0u) << "a write reached memory that had moved away";
      must(made.replace(area()));
    }
    std::atomic_ref(*reinterpret_cast<std::uint32_t*>(machine->memory.raw() + kQuit)).store(1);
  });
  machine->run(Steps().code(kWriteUntilQuit).finish(), [&](const kvm_run& exit) {
    const auto written = write_of(exit);
    ASSERT_TRUE(written);
    EXPECT_EQ(*written, (Written{kAt, 1}));
    ++exits;
  });
}

TEST_F(KvmMemorySlot, TheDirtyLogHasTheWrittenPagesAndNoOther) {
  auto made = slot();
  Steps steps;
  for (const std::uint32_t page : {0u, 3u, 63u, 64u, 127u, 199u}) {
    steps.store(kAt + page * 4096 + 8, page);
  }
  EXPECT_FALSE(made.written()) << "no log without log_writes()";
  EXPECT_THAT(run(steps), ElementsAre());  // before the log begins
  must(made.log_writes(true));
  EXPECT_EQ(must(made.written()).count(), 0u);
  EXPECT_THAT(run(Steps().load(kAt + 4096)), ElementsAre());
  EXPECT_EQ(must(made.written()).count(), 0u) << "reading is no writing";
  Steps again;
  for (const std::uint32_t page : {0u, 3u, 63u, 64u, 127u, 199u}) {
    again.store(kAt + page * 4096 + 8, page);
  }
  EXPECT_THAT(run(again), ElementsAre());
  EXPECT_THAT(pages_of(must(made.written())), ElementsAre(0, 3, 63, 64, 127, 199));
  EXPECT_EQ(must(made.written()).count(), 0u) << "the reading did not clear the log";
  EXPECT_THAT(run(Steps().store(kAt + 3 * 4096, 1)), ElementsAre());
  EXPECT_THAT(pages_of(must(made.written())), ElementsAre(3));
  must(made.log_writes(false));
  EXPECT_FALSE(made.written());
}

TEST_F(KvmMemorySlot, WrittenPagesAreForgottenOneByOne) {
  if (!machine->system.has(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2)) {
    GTEST_SKIP() << "no KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2";
  }
  must(machine->vm.enable(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 1));
  auto made = slot();
  must(made.log_writes(true));
  Steps steps;
  for (const std::uint32_t page : {1u, 70u, 150u}) steps.store(kAt + page * 4096, 1);
  EXPECT_THAT(run(steps), ElementsAre());
  auto written = must(made.written());
  EXPECT_THAT(pages_of(written), ElementsAre(1, 70, 150));
  EXPECT_THAT(pages_of(must(made.written())), ElementsAre(1, 70, 150)) << "reading clears nothing";
  must(made.forget_written(written, 64, 64));
  EXPECT_THAT(pages_of(must(made.written())), ElementsAre(1, 150));
  must(made.forget_written(written, 128, kPages - 128));
  EXPECT_THAT(pages_of(must(made.written())), ElementsAre(1));
  EXPECT_THAT(run(Steps().store(kAt + 70 * 4096, 2)), ElementsAre());
  EXPECT_THAT(pages_of(must(made.written())), ElementsAre(1, 70));
  EXPECT_FALSE(made.forget_written(written, 1, 64));
  EXPECT_FALSE(made.forget_written(written, 128, 128));
}

// mov $kAt, %eax; 1: movl $1, (%eax); add $4096, %eax; cmp $kAt + 200 pages, %eax; jb 1b
// cmp $0, (kQuit); je 0b; ret
const std::vector<std::uint8_t> kWriteAllUntilQuit = {
    0xb8, 0,    0,    0,    0xc0, 0xc7, 0,    1,    0, 0, 0, 0x05, 0, 0x10, 0,    0,   0x3d,
    0,    0x80, 0x0c, 0xc0, 0x72, 0xee, 0x83, 0x3d, 0, 0, 1, 1,    0, 0x74, 0xe0, 0xc3};

// However often the log is read and the slot's flags change, no write goes unnoticed.
TEST_F(KvmMemorySlot, TheLogMissesNoWriteOfARunningGuest) {
  auto made = slot();
  must(made.log_writes(true));
  std::jthread reader([&] {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(50);
    for (int round = 0; round < 10; ++round) {
      PageSet seen(kPages);
      while (seen.count() < kPages && std::chrono::steady_clock::now() < until) {
        for (const std::size_t page : pages_of(must(made.written()))) seen.add(page);
      }
      EXPECT_EQ(seen.count(), kPages);
    }
    std::atomic_ref(*reinterpret_cast<std::uint32_t*>(machine->memory.raw() + kQuit)).store(1);
  });
  machine->run(Steps().code(kWriteAllUntilQuit).finish());
}

}  // namespace
}  // namespace hypervet::kvm::test
