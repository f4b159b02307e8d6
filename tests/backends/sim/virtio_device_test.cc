// SPDX-License-Identifier: Apache-2.0
// The real agent drives a reference device in the simulated machine.
#include "tests/backends/devices/entropy_program.h"
#include "tests/backends/sim/sim_fixture.h"

namespace hypervet::sim {
namespace {

using namespace test;
using devices::test::EntropyProgram;
using devices::test::machine_with;
using protocol::VirtioTransport;

class VirtioDevice : public testing::TestWithParam<VirtioTransport> {};
INSTANTIATE_TEST_SUITE_P(Transports, VirtioDevice,
                         testing::Values(VirtioTransport::kMmio, VirtioTransport::kPci));

TEST_P(VirtioDevice, IsFoundAndServesARequestWithItsInterrupt) {
  const EntropyProgram program(GetParam());
  const RunOptions options{.configuration = machine_with("entropy", GetParam())};
  const Outcome first = run_on(simulator(), program.build(), options);
  program.expect_done(first);
  // Power-on between runs: the same bytes again.
  EXPECT_EQ(run_on(simulator(), program.build(), options).observations, first.observations);
}

TEST_P(VirtioDevice, AViolationIsCommittedAndSeen) {
  const EntropyProgram program(GetParam());
  RunOptions options{.configuration = machine_with("entropy", GetParam())};
  options.rules = {
      {.at = violations::Seam::kNotify, .effects = {{"never-returns", std::string("yes")}}}};
  const Outcome hung = run_on(simulator(), program.build(), options);
  EXPECT_EQ(hung.stop, Stop::kStuck);
  EXPECT_EQ(hung.committed, 1u);
  options.rules.clear();
  program.expect_done(run_on(simulator(), program.build(), options));
}

TEST(VirtioDevices, EveryModelIsFoundBehindEitherTransport) {
  const std::pair<std::string, std::uint64_t> models[] = {
      {"entropy", 4}, {"blk", 2}, {"net", 1}, {"console", 3}, {"balloon", 5}, {"vsock", 19}};
  for (const auto& [name, id] : models) {
    for (const auto transport : {VirtioTransport::kMmio, VirtioTransport::kPci}) {
      ProgramBuilder program;
      program.op(OpCode::kVirtioFind, {id, static_cast<std::uint64_t>(transport)});
      const Outcome outcome = run(program, {.configuration = machine_with(name, transport)});
      EXPECT_EQ(outcome.stop, Stop::kFinished) << name << ": " << outcome.detail;
      const auto found = values(outcome, 0);
      EXPECT_EQ(found[0], 1u) << name;
      EXPECT_EQ(found[1], id);
    }
  }
}

TEST(VirtioDevices, WhatThereIsNoModelOfIsRefusedWithTheReason) {
  const auto why = simulator().refuses(machine_with("scsi", VirtioTransport::kMmio));
  ASSERT_TRUE(why);
  EXPECT_NE(why->find("'scsi'"), std::string::npos);
  auto configuration = machine_with("entropy", VirtioTransport::kMmio);
  configuration.settings["variant"] = "no-msix";
  EXPECT_TRUE(simulator().refuses(configuration));
}

}  // namespace
}  // namespace hypervet::sim
