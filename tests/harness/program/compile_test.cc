// SPDX-License-Identifier: Apache-2.0
// What each verb compiles to, as a person reads it, and what the bytes hold.
#include "harness/program/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "harness/program/builder.h"
#include "harness/program/disassemble.h"
#include "tests/harness/program/spec_text.h"

namespace hypervet::program {
namespace {

using protocol::Op;
using protocol::OpCode;
using test::compiled;
using test::Compiled;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> ops_of(const std::string& steps, const test::SpecOptions& options = {}) {
  std::vector<std::string> result;
  const Compiled made = compiled(steps, options);
  for (const Op& op : made->ops) result.push_back(disassemble(op));
  return result;
}

std::string first_op(const std::string& step, const test::SpecOptions& options = {}) {
  return ops_of(step, options).front();
}

TEST(Compile, InstructionVerbs) {
  EXPECT_EQ(first_op("- cpuid: {leaf: 0x40000001}"), "cpuid 0x40000001, subleaf 0");
  EXPECT_EQ(first_op("- cpuid: {leaf: 7, subleaf: 1, cpl: 3}"), "cpuid 0x7, subleaf 1, cpl 3");
  EXPECT_EQ(first_op("- rdmsr: {msr: MSR}"), "rdmsr 0x4b564d03");
  EXPECT_EQ(first_op("- wrmsr: {msr: MSR, value: 1 + (1 << 5)}"), "wrmsr 0x4b564d03 <- 0x21");
  EXPECT_EQ(first_op("- in: {port: 0x60}"), "in8 0x60");
  EXPECT_EQ(first_op("- out: {port: 0x80, width: 4, value: 7}"), "out32 0x80 <- 0x7");
  EXPECT_EQ(first_op("- load: {from: 0x1000}"), "load32 [0x1000]");
  EXPECT_EQ(first_op("- load: {from: 0x1000, width: 8, interrupts: on}"),
            "load64 [0x1000], interrupts on");
  EXPECT_EQ(first_op("- store: {to: 0x1000, width: 1, value: 3, mode: compat}"),
            "store8 [0x1000] <- 0x3, 32-bit code");
  EXPECT_EQ(first_op("- rdtsc: {}"), "rdtsc");
  EXPECT_EQ(first_op("- hypercall: {kvm: 10, args: [1, 2, 3]}"), "hypercall 10(1, 2, 3, 0)");
  EXPECT_EQ(first_op("- hypercall: {kvm: 10, opcode: other}"),
            "hypercall (the other vendor's opcode) 10(0, 0, 0, 0)");
}

TEST(Compile, MemoryVerbs) {
  EXPECT_EQ(first_op("- read: {from: 0x1000, size: 12}"), "read 12 bytes at [0x1000]");
  EXPECT_EQ(first_op("- read: {from: 0x1000, struct: pair}"), "read 16 bytes at [0x1000]");
  EXPECT_EQ(first_op("- fill: {to: 0x1000, size: 64, value: 0xee}"),
            "fill 64 bytes at [0x1000] with 0xee");
  const auto ops = ops_of(R"(- alloc: {as: page, size: 4096, align: 4096}
- map: {as: window, to: page, flags: [writable, user]}
- map: {as: window, present: no}
- load: {from: window + 8})");
  EXPECT_THAT(ops,
              ElementsAre("map [0x8000000000] to 0x1000000, flags 0x7",
                          "map [0x8000000000] to 0x1000000, flags 0x2", "load32 [0x8000000008]"));
}

TEST(Compile, WaitingVerbs) {
  EXPECT_EQ(first_op("- halt: {}"), "halt, interrupts on");
  EXPECT_EQ(first_op("- halt: {interrupts: off}"), "halt");
  EXPECT_EQ(first_op("- settle: 5ms"), "settle 5000000 ns");
  EXPECT_EQ(first_op("- await: {memory: 0x1000, equals: 1, within: 10us}"),
            "await [0x1000]32 & 0xffffffff == 0x1 within 10000 ns, or the end");
  EXPECT_EQ(first_op("- await: {memory: 0x1000, at-least: 2, mask: 6, width: 8}"),
            "await [0x1000]64 & 0x6 >= 0x2 within 1000000000 ns, or the end");
  EXPECT_EQ(
      first_op("- await: {interrupts: {vector: 0x41, count: 2, cpu: 1}, within: 1us}", {.cpus = 2}),
      "await 2 interrupts of vector 0x41 on cpu 1 within 1000 ns, or the end");
}

TEST(Compile, InterruptVerbs) {
  // SDM vol. 3, 10.6.1: level assert is bit 14, NMI is 4 in bits 10:8, shorthand "self" is 1 in
  // bits 19:18.
  EXPECT_EQ(first_op("- ipi: {to: 1, vector: 0x51}", {.cpus = 2}), "send icr 0x4051 to apic id 1");
  EXPECT_EQ(first_op("- ipi: {to: 1, mode: nmi}", {.cpus = 2}), "send icr 0x4400 to apic id 1");
  EXPECT_EQ(first_op("- ipi: {to: self, mode: nmi}"), "send icr 0x4400 to apic id 0");
  EXPECT_EQ(first_op("- self-ipi: {vector: 0x51}"), "send icr 0x44051 to apic id 0");
  EXPECT_EQ(first_op("- self-ipi: 0x51"), "send icr 0x44051 to apic id 0");
  EXPECT_EQ(first_op("- counts: {vector: 0x51}"), "counts of vector 0x51");
  EXPECT_EQ(first_op("- interrupt-log: {}"), "interrupt log of cpu 0");
  EXPECT_EQ(first_op("- apic: {read: isr2}"), "apic read 0x120");
  EXPECT_EQ(first_op("- apic: {write: 0x80, value: 0x20}"), "apic write 0x80 <- 0x20");
  EXPECT_EQ(first_op("- apic-eoi: {}"), "apic write 0xb0 <- 0x0");
  EXPECT_EQ(first_op("- apic-mode: x2apic"), "apic mode x2apic");
  const auto ops = ops_of(
      R"(- handler: {vector: 0x41, eoi: pv, word: 0x2000, do: [{load: {from: 0x2000}}, {apic-eoi: {}}]}
- self-ipi: 0x41)");
  EXPECT_THAT(ops, ElementsAre("handler of vector 0x41, eoi pv", "load32 [0x2000]",
                               "apic write 0xb0 <- 0x0", "send icr 0x44041 to apic id 0"));
}

TEST(Compile, ControlVerbsAndTheirBlocks) {
  const Compiled made = compiled(
      R"(- on: {cpu: others, do: [{repeat: {times: 3, do: [{rdmsr: {msr: MSR, as: seen}}, {wrmsr: {msr: MSR, value: seen + 1}}]}}]}
- join: {cpu: others, within: 1ms}
- host: {pause-clock: {}}
- host: {page-out: {page: 0x1000}}
- scenario: {clock-monotonic: {area: 0x1000, reads: 9}, as: clock}
- check: clock.backwards == 0
- assume: {that: clock.reads == 9, because: it read otherwise})",
      {.cpus = 3});
  EXPECT_EQ(listing(*made),
            "op 0: on cpu 1 (test.yaml:18)\n"
            "  op 1: repeat 3 times (test.yaml:18, cpu 1)\n"
            "    op 2: rdmsr 0x4b564d03 -> slot 0 (test.yaml:18, cpu 1)\n"
            "    op 3: wrmsr 0x4b564d03 <- slot 0 + 0x1 (test.yaml:18, cpu 1)\n"
            "op 4: on cpu 2 (test.yaml:18)\n"
            "  op 5: repeat 3 times (test.yaml:18, cpu 2)\n"
            "    op 6: rdmsr 0x4b564d03 -> slot 1 (test.yaml:18, cpu 2)\n"
            "    op 7: wrmsr 0x4b564d03 <- slot 1 + 0x1 (test.yaml:18, cpu 2)\n"
            "op 8: join cpu 1 within 1000000 ns, or the end (test.yaml:19)\n"
            "op 9: join cpu 2 within 1000000 ns, or the end (test.yaml:19)\n"
            "op 10: host pause-clock(0x0, 0x0, 0x0) (test.yaml:20)\n"
            "op 11: host page-out(0x1000, 0x0, 0x0) (test.yaml:21)\n"
            "op 12: scenario clock-monotonic(0x1000, 0x9, 0x0, 0x0, 0x0) (test.yaml:22)\n");
  EXPECT_EQ(made->ops[0].block, 3);
  EXPECT_EQ(made->ops[1].block, 2);
  EXPECT_THAT(made->host_verbs,
              ElementsAre(protocol::HostVerb::kPauseClock, protocol::HostVerb::kPageOut));
  EXPECT_TRUE(made->plans[2].context.repeated);
  EXPECT_EQ(made->plans[2].context.cpu, 1u);
  EXPECT_EQ(made->plans.back().because, "it read otherwise");
}

TEST(Compile, AllocatesApartAndAligned) {
  const Compiled made = compiled(R"(- alloc: {as: a, size: 4, align: 4}
- alloc: {as: b, size: 64, align: 64, fill: 0xff}
- alloc: {as: c, size: 8, mapping: high}
- wrmsr: {msr: MSR, value: phys(c)}
- store: {to: c, value: 1})");
  const std::uint64_t a = made->symbols.at("a").value;
  const std::uint64_t b = made->symbols.at("b").value;
  const std::uint64_t c = made->symbols.at("c").value;
  EXPECT_EQ(a, protocol::kArenaAddress);
  EXPECT_GE(b, a + 4 + kGuardGap);
  EXPECT_EQ(b % 64, 0u);
  EXPECT_EQ(c & protocol::kHighAlias, protocol::kHighAlias);
  EXPECT_GE(physical(made->window, c), b + 64 + kGuardGap);
  ASSERT_EQ(made->ops.size(), 3u);
  EXPECT_EQ(made->ops[0].code, OpCode::kFill);
  EXPECT_EQ(made->ops[1].operands[1].value, c - protocol::kHighAlias);
  EXPECT_EQ(made->ops[2].operands[0].value, c);
}

TEST(Builder, DataFollowsTheOpsEightAligned) {
  Builder builder;
  builder.add(make_op(OpCode::kRdtsc));
  const std::byte three[] = {std::byte{1}, std::byte{2}, std::byte{3}};
  EXPECT_EQ(builder.add_data(three), 0u);
  EXPECT_EQ(builder.add_data(three), 8u);
  EXPECT_EQ(builder.data_size(), 16u);
  const auto program = builder.finish(1, 7, 4096);
  protocol::ProgramHeader header;
  ASSERT_EQ(program.size(), sizeof header + sizeof(Op) + 16);
  std::memcpy(&header, program.data(), sizeof header);
  EXPECT_EQ(header.size, program.size());
  EXPECT_EQ(header.data_size, 16u);
  EXPECT_EQ(header.arena_size, 4096u);
  EXPECT_EQ(header.checksum,
            protocol::checksum(program.data() + sizeof header, program.size() - sizeof header));
  std::uint64_t words[2];
  std::memcpy(words, program.data() + sizeof header + sizeof(Op), sizeof words);
  EXPECT_EQ(words[0], 0x030201u);
  EXPECT_EQ(words[1], 0x030201u);
}

TEST(Compile, TheBytesAreTheHeaderAndTheOps) {
  const Compiled made = compiled("- rdmsr: {msr: bit, as: x}\n- wrmsr: {msr: MSR, value: x + 2}",
                                 {.cpus = 2, .parameters = "{bit: [3, 4]}"});
  protocol::ProgramHeader header;
  ASSERT_GE(made->program.size(), sizeof header);
  std::memcpy(&header, made->program.data(), sizeof header);
  EXPECT_EQ(header.magic, protocol::kProgramMagic);
  EXPECT_EQ(header.version, protocol::kProgramVersion);
  EXPECT_EQ(header.size, made->program.size());
  EXPECT_EQ(header.op_count, 2u);
  EXPECT_EQ(header.cpus, 2u);
  ASSERT_EQ(made->program.size(), sizeof header + 2 * sizeof(Op));
  const std::byte* ops = made->program.data() + sizeof header;
  EXPECT_EQ(header.checksum, protocol::checksum(ops, 2 * sizeof(Op)));
  Op second;
  std::memcpy(&second, ops + sizeof(Op), sizeof second);
  EXPECT_EQ(second.code, OpCode::kWrmsr);
  EXPECT_EQ(second.operands[1].slot, made->ops[0].result_slot);
  EXPECT_EQ(second.operands[1].value, 2u);
  EXPECT_EQ(made->ops[0].operands[0].value, 4u);
  EXPECT_THAT(made->id, HasSubstr("bit=4"));
  const Compiled again = compiled("- rdmsr: {msr: bit, as: x}\n- wrmsr: {msr: MSR, value: x + 2}",
                                  {.cpus = 2, .parameters = "{bit: [3, 4]}"});
  EXPECT_EQ(again->program, made->program);
}

TEST(Compile, TheMachineIsAsTheCaseAsks) {
  const Compiled made =
      compiled("- rdtsc: {}", {.cpus = 4, .machine = ", without: [kvm.two], enforce-features: on"});
  EXPECT_EQ(made->configuration.cpus, 4u);
  EXPECT_THAT(made->configuration.without, ElementsAre(backends::CpuidBit{0x40000001, 0, 2}));
  EXPECT_EQ(made->configuration.settings.at("enforce-features"), "on");
}

}  // namespace
}  // namespace hypervet::program
