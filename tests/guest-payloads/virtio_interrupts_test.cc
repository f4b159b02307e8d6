// SPDX-License-Identifier: Apache-2.0
// Interrupts of QEMU's devices, by line and by MSI-X.
#include "tests/guest-payloads/virtio_fixture.h"

namespace hypervet::tests {
namespace {

using namespace protocol;

class VirtioInterruptOps : public VirtioOps {};

// qboot gives no device a GSI of the I/O APIC: the Interrupt Line it writes is that of the PIC. q35
// leads INTA# of slot s to PIRQ[E + s mod 4] and that to GSI 20 + s mod 4 (ICH9, D30IP and the
// fixed routing of PIRQs in APIC mode).
constexpr const char* kLineOfSlot1 = "pci-line=21";

TEST_P(VirtioInterruptOps, ByItsLine) {
  driver.find(kEntropy);
  const auto done = interrupts(VirtioInterrupts::kLine);
  driver.bring_up(false);
  driver.submit({{kBuffers, 64, true}}, true);
  const auto wait = await_interrupts(kVirtioQueueVector);
  const auto line = counts(kVirtioLineVector);
  const auto configuration = counts(kVirtioConfigVector);
  program.op(OpCode::kSettle, {1'000'000});
  const auto later = counts(kVirtioLineVector);
  const auto status = driver.read(VirtioRegister::kInterruptStatus);
  QemuOptions options = machine_of(GetParam(), "rng");
  options.words = kLineOfSlot1;
  run(options);
  EXPECT_EQ(frames.values(done)[0], 1u);
  EXPECT_EQ(frames.values(wait)[0], 1u);
  EXPECT_EQ(frames.values(line)[0], 1u);
  EXPECT_EQ(frames.values(configuration)[0], 0u);
  EXPECT_EQ(frames.values(later)[0], 1u) << "acknowledged: it does not come again";
  expect_value(status, 0);
}

TEST_P(VirtioInterruptOps, ByMsix) {
  const bool pci = GetParam().pci();
  driver.find(kEntropy);
  const auto done = interrupts(VirtioInterrupts::kMsix);
  driver.bring_up(pci);
  const auto vector = driver.read(VirtioRegister::kQueueVector);
  driver.submit({{kBuffers, 64, true}}, true);
  const auto wait = pci ? await_interrupts(kVirtioQueueVector) : 0;
  const auto line = counts(kVirtioLineVector);
  const auto configuration = counts(kVirtioConfigVector);
  const auto data = region(VirtioRegion::kMsixTable, 16 + 8, 4);
  const auto too_many = interrupts(VirtioInterrupts::kMsix, 16);
  run(machine_of(GetParam(), "rng"));
  EXPECT_EQ(frames.values(done)[0], pci);
  EXPECT_EQ(frames.values(too_many)[0], 0u);
  if (!pci) {
    expect_not_there(vector);
    expect_not_there(data);
    return;
  }
  expect_value(vector, 1);
  expect_value(data, kVirtioQueueVector);
  EXPECT_EQ(frames.values(wait)[0], 1u);
  EXPECT_EQ(frames.values(line)[0], 0u);
  EXPECT_EQ(frames.values(configuration)[0], 0u);
}

TEST_P(VirtioInterruptOps, NativeIsMsixWhereTheTableIsLargeEnoughElseTheLine) {
  driver.find(kEntropy);
  const auto native = interrupts(VirtioInterrupts::kNative);
  const auto by_line = interrupts(VirtioInterrupts::kNative, 16);
  driver.bring_up(false);
  driver.submit({{kBuffers, 64, true}}, true);
  const auto wait = await_interrupts(kVirtioQueueVector);
  const auto line = counts(kVirtioLineVector), another = counts(kVirtioQueueVector + 1);
  QemuOptions options = machine_of(GetParam(), "rng");
  options.words = kLineOfSlot1;
  run(options);
  EXPECT_EQ(frames.values(native)[0], 1u);
  EXPECT_EQ(frames.values(native)[1], GetParam().pci());
  EXPECT_EQ(frames.values(by_line)[0], 1u);
  EXPECT_EQ(frames.values(by_line)[1], 0u);
  EXPECT_EQ(frames.values(wait)[0], 1u);
  EXPECT_EQ(frames.values(line)[0], 1u);
  EXPECT_EQ(frames.values(another)[0], 1u) << "which queue it was the line does not tell";
}

TEST_P(VirtioInterruptOps, NoneMeansPolled) {
  driver.find(kEntropy);
  interrupts(VirtioInterrupts::kLine);
  const auto none = interrupts(VirtioInterrupts::kNone);
  driver.bring_up();
  driver.submit({{kBuffers, 64, true}}, true);
  driver.await_used();
  program.op(OpCode::kSettle, {1'000'000});
  const auto line = counts(kVirtioLineVector);
  const auto status = driver.read(VirtioRegister::kInterruptStatus);
  QemuOptions options = machine_of(GetParam(), "rng");
  options.words = kLineOfSlot1;
  run(options);
  EXPECT_EQ(frames.values(none)[0], 1u);
  EXPECT_EQ(frames.values(line)[0], 0u);
  expect_value(status, 1);
}

// A GSI beyond the I/O APIC's 24 pins is not reached.
TEST_P(VirtioInterruptOps, ALineThatIsNot) {
  driver.find(kEntropy);
  const auto done = interrupts(VirtioInterrupts::kLine);
  QemuOptions options = machine_of(GetParam(), "rng");
  options.words = "pci-line=24";
  run(options);
  EXPECT_EQ(frames.values(done)[0], !GetParam().pci());
}

// A line that nobody acknowledges (here: since the device is forgotten) does not stop the program.
TEST_P(VirtioInterruptOps, AStormIsMasked) {
  driver.find(kEntropy);
  interrupts(VirtioInterrupts::kLine);
  driver.bring_up();
  driver.submit({{kBuffers, 64, true}}, true);
  driver.find(kBlock);
  driver.await_used();
  const auto storm = program.op(OpCode::kAwaitInterrupts, {kVirtioLineVector, 64, 0, 10 * kSecond});
  program.op(OpCode::kSettle, {10'000'000});
  const auto line = counts(kVirtioLineVector), queue = counts(kVirtioQueueVector);
  QemuOptions options = machine_of(GetParam(), "rng");
  options.words = kLineOfSlot1;
  run(options);
  EXPECT_EQ(frames.values(storm)[0], 1u);
  EXPECT_LE(frames.values(line)[0], 100u);
  EXPECT_EQ(frames.values(queue)[0], 0u);
}

INSTANTIATE_TEST_SUITE_P(All, VirtioInterruptOps, ::testing::ValuesIn(kVirtioSetups),
                         [](const auto& setup) { return name_of(setup.param); });

}  // namespace
}  // namespace hypervet::tests
