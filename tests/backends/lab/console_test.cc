// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/console.h"

#include <gtest/gtest.h>

#include <string>

namespace hypervet::lab {
namespace {

Console after(std::string_view text) {
  Console console;
  console.add(text);
  return console;
}

TEST(ConsoleTest, Marks) {
  EXPECT_TRUE(after("\nhypervet-lab: ready\n").ready());
  EXPECT_TRUE(after("hypervet-lab: ready\r\n").ready());
  EXPECT_EQ(after("hypervet-lab: fail no /dev/kvm\r\n").failure(), "no /dev/kvm");
  const auto console = after("hypervet-lab: end 130 18446744073709551615\n");
  ASSERT_TRUE(console.end());
  EXPECT_EQ(console.end()->status, 130);
  EXPECT_EQ(console.end()->out_bytes, ~std::uint64_t{0});
}

TEST(ConsoleTest, MarksComeInAnyPieces) {
  Console console;
  for (const char byte :
       std::string_view("boot\nhypervet-lab: ready\r\nhypervet-lab: end 0 12\r\n"))
    console.add({&byte, 1});
  EXPECT_TRUE(console.ready());
  ASSERT_TRUE(console.end());
  EXPECT_EQ(console.end()->out_bytes, 12u);
}

TEST(ConsoleTest, WhatOnlyLooksLikeAMark) {
  for (const char* text :
       {"hypervet-lab: end 0 12", "x hypervet-lab: end 0 12\n", " hypervet-lab: end 0 12\n",
        "hypervet-lab: end\n", "hypervet-lab: end \n", "hypervet-lab: end 0\n",
        "hypervet-lab: end 0 \n", "hypervet-lab: end 0  12\n", "hypervet-lab: end 0 12x\n",
        "hypervet-lab: end x 12\n", "hypervet-lab: end 0 -1\n",
        "hypervet-lab: end 0 18446744073709551616\n", "hypervet-lab: end 99999999999 1\n",
        "hypervet-lab:end 0 12\n", "hypervet-lab: END 0 12\n", "[ 1.0] hypervet-lab: end 0 12\n"}) {
    EXPECT_FALSE(after(text).end()) << text;
  }
  EXPECT_FALSE(after("hypervet-lab: ready or not\n").ready());
  EXPECT_FALSE(after("hypervet-lab: fail\n").failure());
}

TEST(ConsoleTest, TheFirstFailureCounts) {
  EXPECT_EQ(after("hypervet-lab: fail one\nhypervet-lab: fail two\n").failure(), "one");
  EXPECT_EQ(after("hypervet-lab: fail " + std::string(5000, 'x') + "\n").failure()->size(), 300u);
}

// What kernels from 4.19 to 6.12 say, with the stamps that they may put in front.
TEST(ConsoleTest, Trouble) {
  for (const char* text :
       {"Kernel panic - not syncing: sysrq triggered crash",
        "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
        "Oops: 0002 [#1] SMP NOPTI", "Oops: general protection fault, maybe for address 0x0",
        "BUG: kernel NULL pointer dereference, address: 0000000000000000",
        "BUG: unable to handle page fault for address: ffffdead00000000",
        "BUG: unable to handle kernel NULL pointer dereference at 0000000000000008",
        "kernel BUG at mm/slub.c:4000!", "general protection fault: 0000 [#1] SMP",
        "invalid opcode: 0000 [#1] PREEMPT SMP", "divide error: 0000 [#1] SMP",
        "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [hypervet:99]",
        "INFO: rcu_sched self-detected stall on CPU",
        "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        "INFO: task hypervet:99 blocked for more than 120 seconds.",
        "traps: PANIC: double fault, error_code: 0x0", "PANIC: double fault, error_code: 0x0"}) {
    for (const char* stamp : {"", "[    1.234567] ", "[   12.3][    T1] ", "[    0.000000][ T0]"})
      EXPECT_EQ(after(std::string(stamp) + text + "\r\n").trouble(), text) << stamp;
  }
}

TEST(ConsoleTest, NoTrouble) {
  for (const char* text :
       {"Linux version 6.12.117", "debug: BUG: no", "ignoring Oops: 1", "x Kernel panic - not ",
        "panic=-1 oops=panic", "Kernel command line: oops=panic panic=-1", "[unclosed BUG: x",
        "KVM: debugging", "", "[]", "[    1.0]"}) {
    EXPECT_FALSE(after(std::string(text) + "\n").trouble()) << text;
  }
}

TEST(ConsoleTest, TheFirstTroubleCountsAndIsBounded) {
  const auto console = after("[ 1.0] BUG: one " + std::string(5000, 'x') + "\nOops: two\n");
  ASSERT_TRUE(console.trouble());
  EXPECT_TRUE(console.trouble()->starts_with("BUG: one"));
  EXPECT_EQ(console.trouble()->size(), 300u);
}

TEST(ConsoleTest, AnEndlessLogHasAnEnd) {
  Console console;
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) {
    EXPECT_FALSE(console.full());
    console.add(piece);
  }
  EXPECT_TRUE(console.full());
  console.add("\nhypervet-lab: end 0 0\n");
  EXPECT_EQ(console.text().size(), Console::kMost);
  EXPECT_FALSE(console.end());
}

TEST(ConsoleTest, LastLinesAreThoseOfTheMachine) {
  const auto console = after("one\r\n\r\n  two  \n\nhypervet-lab: fail x\nthree\nfour");
  EXPECT_EQ(console.last_lines(2), "three\nfour");
  EXPECT_EQ(console.last_lines(100), "one\n  two\nthree\nfour");
  EXPECT_EQ(console.last_lines(0), "");
  EXPECT_EQ(Console().last_lines(5), "");
  EXPECT_EQ(after("\n\n\r\n").last_lines(5), "");
}

}  // namespace
}  // namespace hypervet::lab
