// SPDX-License-Identifier: Apache-2.0
// The agent on the real kernel, over both channels: what run() is for.
#include <gmock/gmock.h>

#include "guest-payloads/protocol/observation.h"
#include "guest-payloads/protocol/program.h"
#include "tests/backends/kvm/steps.h"

namespace hypervet::kvm::test {
namespace {

using namespace std::chrono_literals;
using protocol::FrameKind;
using protocol::HostVerb;
using protocol::Op;
using protocol::OpCode;
using testing::Contains;
using testing::HasSubstr;

const KvmBackend& agent() {
  static const KvmBackend made{HYPERVET_AGENT};
  return made;
}

Op op(OpCode code, std::initializer_list<std::uint64_t> operands) {
  Op made{};
  made.code = code;
  made.result_slot = protocol::kNoSlot;
  std::size_t i = 0;
  for (const std::uint64_t value : operands) made.operands[i++].value = value;
  while (i < 6) made.operands[i++] = {};
  return made;
}

std::vector<std::byte> program_of(const std::vector<Op>& ops, unsigned cpus) {
  protocol::ProgramHeader header{};
  header.magic = protocol::kProgramMagic;
  header.version = protocol::kProgramVersion;
  header.size = static_cast<std::uint32_t>(sizeof(header) + ops.size() * sizeof(Op));
  header.checksum = protocol::checksum(ops.data(), ops.size() * sizeof(Op));
  header.op_count = static_cast<std::uint32_t>(ops.size());
  header.cpus = cpus;
  std::vector<std::byte> bytes(header.size);
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), ops.data(), ops.size() * sizeof(Op));
  return bytes;
}

struct Frame {
  protocol::FrameHeader header;
  std::vector<std::byte> payload;
  template <typename T>
  T as() const {
    T value{};
    std::memcpy(&value, payload.data(), std::min(sizeof(T), payload.size()));
    return value;
  }
};

std::vector<Frame> frames_of(const Outcome& outcome) {
  std::vector<Frame> frames;
  std::size_t at = 0;
  while (at + sizeof(protocol::FrameHeader) <= outcome.observations.size()) {
    Frame frame{};
    std::memcpy(&frame.header, outcome.observations.data() + at, sizeof(frame.header));
    if (frame.header.magic != protocol::kFrameMagic) break;
    at += sizeof(frame.header);
    const auto* begin = outcome.observations.data() + at;
    frame.payload.assign(begin, begin + frame.header.length);
    at += (frame.header.length + 7) & ~7u;
    frames.push_back(std::move(frame));
  }
  EXPECT_EQ(at, outcome.observations.size());
  return frames;
}

const Frame* find(const std::vector<Frame>& frames, FrameKind kind) {
  for (const Frame& frame : frames) {
    if (frame.header.kind == kind) return &frame;
  }
  return nullptr;
}

Outcome run_ops(const std::vector<Op>& ops, const backends::Configuration& configuration = {}) {
  const auto program = program_of(ops, configuration.cpus);
  backends::Job job;
  job.configuration = &configuration;
  job.program = program;
  job.limits.deadline = 60s;  // a loaded host is slow to grant the processor time of a hang
  return agent().run(job);
}

class KvmAgent : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = agent().availability(); !why.available) GTEST_SKIP() << why.reason;
  }
};

void expect_vendor(const Outcome& outcome) {
  ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
  const auto frames = frames_of(outcome);
  ASSERT_NE(find(frames, FrameKind::kHello), nullptr);
  const auto* executed = find(frames, FrameKind::kExecuted);
  ASSERT_NE(executed, nullptr);
  const auto told = executed->as<protocol::ExecutedPayload>();
  EXPECT_EQ(told.vector, protocol::kNoFault);
  EXPECT_EQ(told.after.rbx, 0x4b4d'564bu) << "KVMK";
  EXPECT_NE(find(frames, FrameKind::kFinished), nullptr);
}

TEST_F(KvmAgent, ExecutesAProgramOverMemory) {
  expect_vendor(run_ops({op(OpCode::kCpuid, {0x4000'0000, 0})}));
}

TEST_F(KvmAgent, ExecutesAProgramOverTheSerialLine) {
  expect_vendor(run_ops({op(OpCode::kCpuid, {0x4000'0000, 0})}, with_setting("channel", "serial")));
}

TEST_F(KvmAgent, ExecutesAProgramInX2ApicMode) {
  expect_vendor(run_ops({op(OpCode::kCpuid, {0x4000'0000, 0})}, with_setting("apic", "x2apic")));
}

TEST_F(KvmAgent, RefusesAMalformedProgram) {
  EXPECT_EQ(run_ops({op(static_cast<OpCode>(999), {})}).stop, Stop::kRefused);
  EXPECT_EQ(run_ops({op(static_cast<OpCode>(999), {})}, with_setting("channel", "serial")).stop,
            Stop::kRefused);
}

TEST_F(KvmAgent, AsksTheHost) {
  for (const char* channel : {"memory", "serial"}) {
    const auto outcome =
        run_ops({op(OpCode::kHost, {static_cast<std::uint64_t>(HostVerb::kReadClock), 0, 0, 0})},
                with_setting("channel", channel));
    ASSERT_EQ(outcome.stop, Stop::kFinished) << channel << ": " << outcome.detail;
    const auto frames = frames_of(outcome);
    const auto* values = find(frames, FrameKind::kValues);
    ASSERT_NE(values, nullptr) << channel;
    struct {
      std::uint64_t status, result;
    } told = values->as<decltype(told)>();
    EXPECT_EQ(told.status, 0u);
    EXPECT_GT(told.result, 1'600'000'000'000'000'000u) << channel;
  }
}

TEST_F(KvmAgent, BringsAllCpusUp) {
  for (const unsigned cpus : {2u, 4u}) {
    if (cpus > agent().max_cpus()) GTEST_SKIP() << "this host gives no machine of " << cpus;
    const auto outcome = run_ops({op(OpCode::kRdtsc, {})}, with_cpus(cpus));
    ASSERT_EQ(outcome.stop, Stop::kFinished) << outcome.detail;
    const auto frames = frames_of(outcome);
    const auto hello = find(frames, FrameKind::kHello)->as<protocol::HelloPayload>();
    EXPECT_EQ(hello.cpus, cpus);
    for (unsigned i = 0; i < cpus; ++i) EXPECT_EQ(hello.apic_ids[i], i);
  }
}

TEST_F(KvmAgent, NamesTheOpThatHangs) {
  Op hypercall = op(OpCode::kHypercall, {999, 0, 0, 0, 0});
  const auto outcome = run_ops({op(OpCode::kRdtsc, {}), hypercall});
  if (outcome.stop == Stop::kFinished) GTEST_SKIP() << "hypercalls return here, as they should";
  EXPECT_EQ(outcome.stop, Stop::kStuck) << outcome.detail;
  ASSERT_EQ(outcome.cpus.size(), 1u);
  EXPECT_EQ(outcome.cpus[0].op, 1u);
  EXPECT_EQ(outcome.cpus[0].registers.rax, 999u);
  EXPECT_NE(find(frames_of(outcome), FrameKind::kExecuted), nullptr) << "what came before is kept";
}

TEST_F(KvmAgent, NamesTheOpThatHaltsForEver) {
  const auto outcome = run_ops({op(OpCode::kHalt, {})});
  EXPECT_EQ(outcome.stop, Stop::kDeadlock) << outcome.detail;
  ASSERT_EQ(outcome.cpus.size(), 1u);
  EXPECT_EQ(outcome.cpus[0].op, 0u);
}

}  // namespace
}  // namespace hypervet::kvm::test
