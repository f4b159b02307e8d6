// SPDX-License-Identifier: Apache-2.0
// What the virtio verbs compile to, and what the compiler says against them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "guest-payloads/protocol/virtio.h"
#include "harness/program/compile.h"
#include "harness/program/disassemble.h"
#include "harness/program/virtio/good_request.h"
#include "harness/spec/lint.h"
#include "tests/harness/program/spec_text.h"

namespace hypervet::program {
namespace {

using protocol::OpCode;
using test::Compiled;
using test::compiled;
using test::complaint;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

test::SpecOptions on(const std::string& ring = "split", const std::string& transport = "mmio",
                     const std::string& device = "blk") {
  return {.on = fmt::format("{{devices: [{}], transports: [{}], rings: [{}]}}", device, transport,
                            ring)};
}

std::vector<std::string> ops_of(const std::string& steps, const test::SpecOptions& options) {
  std::vector<std::string> result;
  const Compiled made = compiled(steps, options);
  for (const protocol::Op& op : made->ops) result.push_back(disassemble(op));
  return result;
}

std::size_t count(const Compiled& made, OpCode code) {
  return static_cast<std::size_t>(std::ranges::count(made->ops, code, &protocol::Op::code));
}

TEST(VirtioSteps, TheMatrixIsTheMachine) {
  const Compiled made = compiled("- find: {}", on("packed", "pci", "net"));
  EXPECT_EQ(made->id, "kvm.test.clause[device=net,transport=pci,ring=packed]");
  EXPECT_EQ(made->configuration.settings.at("device"), "net");
  EXPECT_EQ(made->configuration.settings.at("transport"), "pci");
  EXPECT_EQ(made->configuration.settings.count("ring"), 0U);
  ASSERT_EQ(made->ops.size(), 1U);
  EXPECT_EQ(made->ops[0].code, OpCode::kVirtioFind);
  EXPECT_EQ(made->ops[0].operands[0].value, 1U);
  EXPECT_EQ(made->ops[0].operands[1].value, 1U);
}

TEST(VirtioSteps, BringUpUntil) {
  const auto written = [](const std::string& until) {
    const Compiled made = compiled("- bring-up: {until: " + until + "}", on());
    std::vector<std::uint64_t> statuses;
    for (const protocol::Op& op : made->ops)
      if (op.code == OpCode::kVirtioWrite &&
          op.operands[0].value == static_cast<std::uint64_t>(protocol::VirtioRegister::kStatus))
        statuses.push_back(op.operands[2].value);
    return statuses;
  };
  EXPECT_THAT(written("acknowledge"), ElementsAre(0, 1));
  EXPECT_THAT(written("driver"), ElementsAre(0, 1, 3));
  EXPECT_THAT(written("features-ok"), ElementsAre(0, 1, 3, 11));
  EXPECT_THAT(written("queues"), ElementsAre(0, 1, 3, 11));
  EXPECT_THAT(written("driver-ok"), ElementsAre(0, 1, 3, 11, 15));
}

TEST(VirtioSteps, BringUpNegotiatesTheRing) {
  const auto features = [](const std::string& ring) {
    const Compiled made = compiled("- bring-up: {features: [29]}", on(ring));
    for (const protocol::Op& op : made->ops)
      if (op.code == OpCode::kVirtioWrite &&
          op.operands[0].value ==
              static_cast<std::uint64_t>(protocol::VirtioRegister::kDriverFeatures))
        return op.operands[2].value;
    return std::uint64_t{0};
  };
  EXPECT_EQ(features("split"), 1ULL << 32 | 1ULL << 29);
  EXPECT_EQ(features("packed"), 1ULL << 34 | 1ULL << 32 | 1ULL << 29);
}

TEST(VirtioSteps, ARequestOnASplitRing) {
  const auto ops = ops_of(R"(- bring-up: {until: queues}
- chain: {as: a, readable: [{data: 16}], writable: [{data: 4, as: out}]}
- submit: {chain: a}
- notify: {queue: 0}
- await: {used: a, within: 1ms}
  expect: {length: 4})",
                          on());
  const auto puts =
      std::ranges::count_if(ops, [](const std::string& each) { return each.starts_with("put"); });
  EXPECT_EQ(puts, 3);  // the chain's area, its descriptors, the ring's entry
  EXPECT_THAT(ops, Contains(HasSubstr("store16")));
  EXPECT_THAT(ops, Contains(HasSubstr(">= 0x1 within 1000000 ns")));
}

TEST(VirtioSteps, AStepObservesWhatItsOpsDo) {
  const Compiled made = compiled(R"(- bring-up: {}
- chain: {as: a, writable: [{data: 4}]}
- submit: {chain: a}
- await: {used: a, as: done}
  expect: {reached: yes, length: 4}
- check: done.id == a.id && done.waited < 1s)",
                                 on());
  std::size_t with = 0;
  for (const StepPlan& each : made->plans) with += each.expectations.empty() ? 0 : 1;
  EXPECT_EQ(with, 2U);  // of the wait, and of the read behind it
}

TEST(VirtioSteps, NamesOfPlaces) {
  const Compiled made = compiled(R"(- bring-up: {queues: {1: {size: 8}}}
- chain: {as: a, queue: 1, indirect: yes, readable: [{bytes: [1, 2]}], writable: [{data: 4, as: out}]}
- submit: {chain: a})",
                                 on());
  EXPECT_EQ(made->symbols.at("queue.1.size").value, 8U);
  EXPECT_EQ(made->symbols.at("queue.1.desc").value % 16, 0U);
  EXPECT_EQ(made->symbols.at("queue.1.driver").value % 2, 0U);
  EXPECT_EQ(made->symbols.at("queue.1.device").value % 4, 0U);
  EXPECT_EQ(made->symbols.at("a.table").value % 16, 0U);
  EXPECT_EQ(made->symbols.at("a.head").value, 0U);
  EXPECT_TRUE(made->symbols.contains("a.out"));
  EXPECT_EQ(made->symbols.at("request-queue").value, 0U);
}

TEST(VirtioSteps, ASecondBringUpKeepsThePlacesAndZeroesThem) {
  const Compiled once = compiled("- bring-up: {}", on());
  const Compiled twice = compiled("- bring-up: {}\n- bring-up: {}", on());
  EXPECT_EQ(once->symbols.at("queue.0.desc").value, twice->symbols.at("queue.0.desc").value);
  EXPECT_EQ(count(once, OpCode::kFill), 0U);
  EXPECT_EQ(count(twice, OpCode::kFill), 3U);
  EXPECT_EQ(count(twice, OpCode::kVirtioFind), 1U);
}

TEST(VirtioSteps, CanariesOfEachWritablePart) {
  const Compiled made = compiled(
      R"(- chain: {as: a, readable: [{data: 8}], writable: [{data: 8, as: x}, {data: 8, canary: 16}]}
- no-outside-write: {})",
      on());
  const StepPlan& read = made->plans.back();
  ASSERT_TRUE(read.implied);
  ASSERT_EQ(read.implied->canaries.size(), 4U);
  EXPECT_EQ(read.implied->canaries[0].size, 64U);
  EXPECT_EQ(read.implied->canaries[0].where, "before a.x");
  EXPECT_EQ(read.implied->canaries[0].address + 64, made->symbols.at("a.x").value);
  EXPECT_EQ(read.implied->canaries[1].address, made->symbols.at("a.x").value + 8);
  EXPECT_EQ(read.implied->canaries[2].size, 16U);
  EXPECT_EQ(read.implied->canaries[3].where, "behind part 2 of a");
  EXPECT_EQ(read.implied->canaries[0].offset, 0U);
}

TEST(VirtioSteps, NotificationsAsTheFeaturesCallForThem) {
  const auto notify = [](const std::string& steps, const test::SpecOptions& options) {
    const Compiled made = compiled(steps + "\n- notify: {queue: 1}", options);
    return std::pair(made->ops.back().operands[1], made->ops.back().width);
  };
  EXPECT_EQ(notify("- bring-up: {}", on("split", "pci", "net")).first.value, 1U);
  EXPECT_EQ(notify("- bring-up: {}", on("split", "pci", "net")).second, 2);
  EXPECT_EQ(notify("- bring-up: {}", on("split", "mmio", "net")).second, 4);
  const std::string sent = R"(- bring-up: {features: [38]}
- chain: {as: a, queue: 1, readable: [{data: 60}]}
- submit: {chain: a})";
  EXPECT_EQ(notify(sent, on("split", "pci", "net")).first.value, 0x10001U);
  EXPECT_EQ(notify(sent, on("split", "pci", "net")).second, 4);
  EXPECT_EQ(notify(sent, on("packed", "pci", "net")).first.value, 0x80010001U);
  const auto given = notify("- bring-up: {features: [39]}", on("split", "pci", "net"));
  EXPECT_NE(given.first.slot, protocol::kNoSlot);  // what queue_notif_config_data holds
}

TEST(VirtioSteps, InterruptsCountByTheirSource) {
  const auto vector = [](const std::string& how, const std::string& of) {
    const Compiled made = compiled("- bring-up: {interrupts: " + how + "}\n- interrupts: " + of,
                                   on("split", "pci", "net"));
    return made->ops.back().operands[0].value;
  };
  EXPECT_EQ(vector("msix", "config"), protocol::kVirtioConfigVector);
  EXPECT_EQ(vector("msix", "queue.1"), protocol::kVirtioQueueVector + 1);
  EXPECT_EQ(vector("msix", "queue.request-queue"), protocol::kVirtioQueueVector + 1);
  EXPECT_EQ(vector("line", "queue.1"), protocol::kVirtioQueueVector + 1);
  EXPECT_EQ(vector("native", "queue.1"), protocol::kVirtioQueueVector + 1);
}

TEST(VirtioSteps, ConfigurationFieldsHaveTheirWidth) {
  const Compiled made =
      compiled("- config: {read: high, struct: pair}\n- config: {read: 4, width: 2}", on());
  EXPECT_EQ(made->ops[1].operands[1].value, 8U);
  EXPECT_EQ(made->ops[1].width, 8);
  EXPECT_EQ(made->ops[2].operands[1].value, 4U);
  EXPECT_EQ(made->ops[2].width, 2);
}

TEST(VirtioErrors, WhatCannotBe) {
  EXPECT_THAT(complaint("- bring-up: {}"), HasSubstr("the case has no `on:`"));
  EXPECT_THAT(complaint("- submit: {chain: a}", on()), HasSubstr("no chain is called `a`"));
  EXPECT_THAT(complaint("- chain: {as: a, writable: [{data: 4}]}\n- submit: {chain: a}", on()),
              HasSubstr("queue 0 is not set up"));
  EXPECT_THAT(complaint("- chain: {as: a}", on()), HasSubstr("at least one part"));
  EXPECT_THAT(complaint("- chain: {as: a, readable: [{data: 4, bytes: [1]}]}", on()),
              HasSubstr("one of data, bytes, struct, at"));
  EXPECT_THAT(complaint("- chain: {as: a, readable: [{data: 4, canary: 8}]}", on()),
              HasSubstr("canaries are around writable parts"));
  EXPECT_THAT(complaint("- chain: {as: a, readable: [{struct: pair, low: 0x100000000}]}", on()),
              HasSubstr("cannot hold"));
  EXPECT_THAT(complaint("- register: {read: num_queues}", on()),
              HasSubstr("say `transports: [pci]`"));
  EXPECT_THAT(complaint("- register: {read: magic, queue: 1}", on()),
              HasSubstr("not one of each queue"));
  EXPECT_THAT(complaint("- region: {read: isr, offset: 0}", on()), HasSubstr("MMIO has no region"));
  EXPECT_THAT(complaint("- bring-up: {interrupts: msix}", on()), HasSubstr("MMIO has no MSI-X"));
  EXPECT_THAT(complaint("- bring-up: {}\n- avail: {index: 9}", on("packed")),
              HasSubstr("say `rings: [split]`"));
  EXPECT_THAT(complaint("- bring-up: {}\n- await: {used: 0, queue: 0}", on()),
              HasSubstr("0 are used from the start"));
  EXPECT_THAT(complaint("- repeat: {times: 2, do: [{submit: {head: 0}}]}", on()),
              HasSubstr("cannot be repeated"));
  EXPECT_THAT(complaint("- good-request: {until: notified}", on()), HasSubstr("needs a name"));
  EXPECT_THAT(
      complaint("- bring-up: {queues: {0: {size: 16}}}\n- descriptors: {table: {16: {len: 1}}}",
                on()),
      HasSubstr("a descriptor is 0 to 15"));
  EXPECT_THAT(complaint("- bring-up: {}\n- interrupts: {of: disk}", on()),
              HasSubstr("of config or of queue.N"));
  EXPECT_THAT(complaint("- bring-up: {}\n- submit: {head: 0}\n  expect: {id: 1}", on()),
              HasSubstr("`submit` observes nothing"));
}

TEST(VirtioErrors, StandAtTheirPlace) {
  const std::string text =
      test::spec_text("- bring-up: {}\n- chain: {as: a, readable: [{data: none-such}]}", on());
  const auto specs = test::load(text);
  const auto result = test::try_compile(*specs);
  ASSERT_FALSE(result);
  const std::size_t place = text.find("none-such");
  const auto begin = text.begin();
  const auto at = begin + static_cast<std::ptrdiff_t>(place);
  EXPECT_EQ(result.error().mark.line, 1U + static_cast<unsigned>(std::count(begin, at, '\n')));
  EXPECT_EQ(result.error().mark.column, place - text.rfind('\n', place));
}

TEST(VirtioErrors, ANameThatAStepUsesKeepsItsValue) {
  EXPECT_THAT(complaint(R"(- bring-up: {}
- chain: {as: a, writable: [{data: 4}]}
- submit: {chain: a}
- check: a.head == 0
- submit: {chain: a})",
                        on()),
              HasSubstr("`a.head` is 0 where a step above uses it, and would be 1 from here on"));
}

TEST(GoodRequest, EachDeviceHasOne) {
  for (const spec::OnWord& device : spec::device_words()) {
    SCOPED_TRACE(std::string(device.text));
    const auto request = virtio::good_request(device.text);
    ASSERT_NE(request.queues, nullptr);
    EXPECT_FALSE(request.steps.empty());
    for (const std::string ring : {"split", "packed"}) {
      const Compiled made =
          compiled("- bring-up: {}\n- good-request: {within: 5ms}\n- good-request: {}",
                   on(ring, "pci", std::string(device.text)));
      EXPECT_FALSE(made->ops.empty());
    }
  }
}

TEST(GoodRequest, ItsTextIsSoundButForViolations) {
  const auto specs = spec::load_text(virtio::good_requests_text(), "good.yaml");
  ASSERT_TRUE(specs) << to_string(specs.error().front());
  for (const auto& each : spec::lint(*specs))
    EXPECT_THAT(each.message,
                testing::AnyOf(HasSubstr("has no violations"), HasSubstr("unknown name 'within'")));
}

TEST(GoodRequest, ItsChainCanBeHandedOut) {
  const Compiled made = compiled(R"(- bring-up: {}
- good-request: {until: notified, as: late}
- await: {used: late, within: 20ms}
  expect: {reached: no}
- good-request: {}
- load: {from: late.status, width: 1})",
                                 on());
  EXPECT_TRUE(made->symbols.contains("late.status"));
  EXPECT_FALSE(made->symbols.contains("good-request.status"));
}

}  // namespace
}  // namespace hypervet::program
