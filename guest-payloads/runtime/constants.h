// SPDX-License-Identifier: Apache-2.0
// Numbers that assembly and C++ must agree on: selectors, offsets into Cpu and Guard, fixed link
// addresses. Plain macros, because the assembler reads this file too; the C++ side checks each
// offset by static_assert.
#pragma once

// Segment selectors. The order of the user descriptors is free, as SYSRET is not used.
#define HV_SEL_CODE64 0x08
#define HV_SEL_DATA 0x10
#define HV_SEL_CODE32 0x18
#define HV_SEL_USER_CODE32 0x23
#define HV_SEL_USER_DATA 0x2b
#define HV_SEL_USER_CODE64 0x33
#define HV_SEL_TSS 0x40

// Interrupt stubs: vector v enters at HV_STUBS + v * HV_STUB_STRIDE. The place is fixed so that the
// assembler can write a complete IDT into the image (a gate splits the address in three, which no
// relocation can express).
#define HV_STUBS 0x00101000
#define HV_STUB_STRIDE 16

// Cpu (cpu.h), reached through GS.
#define HV_CPU_SELF 0
#define HV_CPU_GUARD 8
#define HV_CPU_SCRATCH 16
#define HV_CPU_TSS_RSP0 36

// Guard (guard.h): protocol::ExecutedPayload, then what the assembly needs.
#define HV_GUARD_BEFORE 0
#define HV_GUARD_AFTER 144
#define HV_REG_RAX 0
#define HV_REG_RCX 8
#define HV_REG_RDX 16
#define HV_REG_RBX 24
#define HV_REG_RSP 32
#define HV_REG_RBP 40
#define HV_REG_RSI 48
#define HV_REG_RDI 56
#define HV_REG_R8 64
#define HV_REG_R9 72
#define HV_REG_R10 80
#define HV_REG_R11 88
#define HV_REG_R12 96
#define HV_REG_R13 104
#define HV_REG_R14 112
#define HV_REG_R15 120
#define HV_REG_RIP 128
#define HV_REG_RFLAGS 136
#define HV_GUARD_STACK 320
#define HV_GUARD_CS 328
#define HV_GUARD_SS 336

// One word of stack for linux_entry.S: the end of the trampoline's page (protocol/layout.h), which
// is nobody else's.
#define HV_ENTRY_STACK 0x00009000

// Mailbox::progress of CPU 0 (protocol/mailbox.h), which the timed loops count up.
#define HV_PROGRESS 0x00400038

// sizeof(Cpu): entry.S finds the stack of the CPU that arrives n-th at the end of hv_cpus[n].
#define HV_CPU_SIZE 28096
