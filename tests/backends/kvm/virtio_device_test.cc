// SPDX-License-Identifier: Apache-2.0
// The real agent drives a reference device on this engine: exits, the device's thread, interrupts
// through the kernel's chips and through those in user space.
#include "tests/backends/devices/entropy_program.h"
#include "tests/backends/kvm/steps.h"

namespace hypervet::kvm::test {
namespace {

using devices::test::EntropyProgram;
using devices::test::machine_with;
using protocol::VirtioTransport;

class KvmVirtioDevice
    : public KvmTest,
      public testing::WithParamInterface<std::pair<VirtioTransport, std::string>> {};
INSTANTIATE_TEST_SUITE_P(Transports, KvmVirtioDevice,
                         testing::Values(std::pair(VirtioTransport::kMmio, "kernel"),
                                         std::pair(VirtioTransport::kPci, "kernel"),
                                         std::pair(VirtioTransport::kMmio, "split"),
                                         std::pair(VirtioTransport::kPci, "split")));

TEST_P(KvmVirtioDevice, IsFoundAndServesARequestWithItsInterrupt) {
  static const KvmBackend agent{HYPERVET_AGENT};
  const auto& [transport, irqchip] = GetParam();
  const EntropyProgram program(transport);
  auto configuration = machine_with("entropy", transport);
  configuration.settings["irqchip"] = irqchip;
  if (const auto why = agent.refuses(configuration)) GTEST_SKIP() << *why;
  const auto built = program.build();
  for (unsigned i = 0; i < 5; ++i) {
    backends::Job job;
    job.configuration = &configuration;
    job.program = built;
    program.expect_done(agent.run(job));
  }
}

}  // namespace
}  // namespace hypervet::kvm::test
