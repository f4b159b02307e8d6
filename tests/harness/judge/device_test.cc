// SPDX-License-Identifier: Apache-2.0
// What the judge holds against a device beside what the steps expect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "guest-payloads/protocol/virtio.h"
#include "harness/program/fields.h"
#include "tests/harness/judge/judging.h"

namespace hypervet::judge {
namespace {

using protocol::OpCode;
using test::compiled;
using test::Compiled;
using testing::HasSubstr;

// Answers as a sound device gives them; a test spoils what it is about.
class Answers {
 public:
  explicit Answers(const Compiled& made) : made_(made) {
    for (std::uint32_t i = 0; i < made->ops.size(); ++i) {
      const auto& op = made->ops[i];
      const StepPlan& plan = made->plans[made->plan_of_op[i]];
      if (program::is_instruction(op.code)) {
        executed_[i] = test::quiet();
      } else if (op.code == OpCode::kRead) {
        bytes_[i].assign(op.operands[1].value, 0);
        if (plan.implied)
          for (const program::Canary& each : plan.implied->canaries)
            for (std::size_t at = 0; at < each.size; ++at)
              bytes_[i][each.offset + at] = program::canary_byte(each.address + at);
      } else if (op.code == OpCode::kAwaitMemory || op.code == OpCode::kVirtioAwait) {
        values_[i] = {1, 10, op.operands[2].value};
      } else if (op.code == OpCode::kVirtioFind) {
        values_[i] = {1, 2, 0x1af4, 2, 0, 16, 0, 0};
      } else if (op.code == OpCode::kVirtioRead) {
        values_[i] = {op.operands[0].value == 2 ? 15U : 256U, 1};
      } else if (op.code == OpCode::kVirtioInterrupts) {
        values_[i] = {1, 1};
      } else if (op.code == OpCode::kVirtioWrite || op.code == OpCode::kVirtioNotify) {
        values_[i] = {0, 1};
      }
    }
  }
  using StepPlan = program::StepPlan;

  std::uint32_t last(OpCode code) const {
    for (auto i = static_cast<std::uint32_t>(made_->ops.size()); i-- > 0;)
      if (made_->ops[i].code == code) return i;
    throw std::runtime_error("no such op");
  }
  // The read of used elements, that of the canaries.
  std::uint32_t used_read() const {
    return read([](const auto& each) { return each.used; });
  }
  std::uint32_t canary_read() const {
    return read([](const auto& each) { return !each.canaries.empty(); });
  }
  std::vector<std::uint64_t>& values(std::uint32_t op) { return values_.at(op); }
  std::vector<std::uint8_t>& bytes(std::uint32_t op) { return bytes_.at(op); }

  Judgement judged() const {
    return test::judged(made_, [&](test::Frames& frames) {
      for (std::uint32_t i = 0; i < made_->ops.size(); ++i) {
        if (const auto found = executed_.find(i); found != executed_.end())
          frames.executed(i, found->second);
        else if (const auto values = values_.find(i); values != values_.end())
          frames.values(i, values->second);
        else if (const auto bytes = bytes_.find(i); bytes != bytes_.end())
          frames.bytes(i, bytes->second);
        else
          frames.done(i);
      }
    });
  }

 private:
  template <typename Wanted>
  std::uint32_t read(const Wanted& wanted) const {
    for (const StepPlan& each : made_->plans)
      if (each.op && each.implied && wanted(*each.implied)) return *each.op;
    throw std::runtime_error("no such read");
  }
  const Compiled& made_;
  std::map<std::uint32_t, protocol::ExecutedPayload> executed_;
  std::map<std::uint32_t, std::vector<std::uint64_t>> values_;
  std::map<std::uint32_t, std::vector<std::uint8_t>> bytes_;
};

class DeviceTest : public testing::Test {
 protected:
  Compiled made_ = compiled(R"(- bring-up: {}
- chain: {as: a, writable: [{data: 8, as: out}]}
- submit: {chain: a}
- notify: {queue: 0}
- await: {used: a, as: done, within: 1ms}
  expect: {length: {at-most: 8}})",
                            {.on = "{devices: [blk], transports: [mmio], rings: [split]}"});
  Answers answers_{made_};
};

TEST_F(DeviceTest, ASoundDevicePasses) {
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kPass) << judgement.reason;
}

TEST_F(DeviceTest, NoDeviceIsAFailure) {
  answers_.values(answers_.last(OpCode::kVirtioFind))[0] = 0;
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.reason, HasSubstr("a virtio device of type 2 (blk) on MMIO"));
}

TEST_F(DeviceTest, AnAbsentRegisterIsAFailure) {
  answers_.values(answers_.last(OpCode::kVirtioWrite))[1] = 0;
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.reason, HasSubstr("the device has device_status, observed there is none"));
}

TEST_F(DeviceTest, TheStatusMustHold) {
  answers_.values(answers_.last(OpCode::kVirtioRead))[0] = 0x4f;
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.reason, HasSubstr("DEVICE_NEEDS_RESET clear"));
}

TEST_F(DeviceTest, AQueueThatIsTooSmallIsASkip) {
  for (const auto& plan : made_->plans)
    if (plan.op && plan.implied)
      for (const auto& demand : plan.implied->demands)
        if (demand.or_skip) answers_.values(*plan.op)[0] = 8;
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kSkip);
  EXPECT_THAT(judgement.reason, HasSubstr("queue 0 of the device holds fewer than 16 entries"));
}

TEST(DeviceInterrupts, AVectorMustReadBackUnlessTheLineServes) {
  const Compiled made = compiled("- bring-up: {interrupts: native}",
                                 {.on = "{devices: [blk], transports: [pci], rings: [split]}"});
  const auto verdict = [&](std::uint64_t by_msix, std::uint64_t vector) {
    Answers answers(made);
    answers.values(answers.last(OpCode::kVirtioInterrupts)) = {1, by_msix};
    for (std::uint32_t i = 0; i < made->ops.size(); ++i) {
      const auto reg = static_cast<protocol::VirtioRegister>(made->ops[i].operands[0].value);
      if (made->ops[i].code != OpCode::kVirtioRead) continue;
      if (reg == protocol::VirtioRegister::kConfigVector) answers.values(i) = {0, 1};
      if (reg == protocol::VirtioRegister::kQueueVector) answers.values(i) = {vector, 1};
    }
    return answers.judged().verdict;
  };
  EXPECT_EQ(verdict(1, 1), Verdict::kPass);
  EXPECT_EQ(verdict(1, protocol::kVirtioNoVector), Verdict::kFail);
  EXPECT_EQ(verdict(0, protocol::kVirtioNoVector), Verdict::kPass);
}

TEST_F(DeviceTest, AnAwaitedChainIsUsed) {
  answers_.values(answers_.last(OpCode::kAwaitMemory)) = {0, 1'000'000, 0};
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.reason, HasSubstr("the device to use `a` within 1 ms"));
  // The ring says nothing then.
  EXPECT_EQ(judgement.reason.find("length"), std::string::npos);
}

TEST_F(DeviceTest, TheUsedIndexDoesNotRunAhead) {
  answers_.values(answers_.last(OpCode::kAwaitMemory))[2] = 3;
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.reason, HasSubstr("used.idx at most 1"));
}

TEST_F(DeviceTest, AnIdThatWasNotMadeAvailable) {
  answers_.bytes(answers_.used_read())[0] = 5;
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.reason, HasSubstr("the id of a buffer that was made available"));
}

TEST_F(DeviceTest, ALengthThatIsExpected) {
  answers_.bytes(answers_.used_read())[4] = 9;
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.reason, HasSubstr("length = 9"));
}

TEST_F(DeviceTest, AWriteOutsideIsSeen) {
  auto& bytes = answers_.bytes(answers_.canary_read());
  bytes[64 + 8] ^= 1;  // behind the part of eight bytes
  const auto judgement = answers_.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.reason, HasSubstr("no write outside the buffers"));
  EXPECT_THAT(judgement.reason, HasSubstr("behind a.out"));
}

TEST(DeviceFields, AValueOfARegisterThatIsNotThere) {
  const Compiled made = compiled("- register: {read: queue_reset}\n  expect: {value: 0}",
                                 {.on = "{devices: [blk], transports: [mmio], rings: any}"});
  Answers answers(made);
  answers.values(answers.last(OpCode::kVirtioRead)) = {0, 0};
  const auto judgement = answers.judged();
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.reason, HasSubstr("the device has no such register"));
}

TEST(DeviceOrder, SeveralAreToldApartByTheirIds) {
  const Compiled made = compiled(R"(- bring-up: {}
- chain: {as: a, writable: [{data: 8}]}
- chain: {as: b, writable: [{data: 8}]}
- submit: {chain: a}
- submit: {chain: b}
- await: {used: b, as: done}
  expect: {length: 7})",
                                 {.on = "{devices: [blk], transports: [mmio], rings: [split]}"});
  const auto judged = [&](std::uint8_t first, std::uint8_t second) {
    Answers answers(made);
    auto& bytes = answers.bytes(answers.used_read());
    bytes[0] = first;
    bytes[8] = second;
    bytes[second == 1 ? 12 : 4] = 7;
    return answers.judged();
  };
  EXPECT_EQ(judged(0, 1).verdict, Verdict::kPass);
  EXPECT_EQ(judged(1, 0).verdict, Verdict::kPass) << judged(1, 0).reason;
  EXPECT_THAT(judged(0, 0).reason, HasSubstr("each buffer used once, observed id 0 used twice"));
}

}  // namespace
}  // namespace hypervet::judge
