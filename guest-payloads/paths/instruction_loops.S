// SPDX-License-Identifier: Apache-2.0
// Timed loops around one instruction each, at CPL 0 and at CPL 3, and their empty twins. Run under the fault guard
// (Guard::run_code): nothing here uses the stack. enum LoopCode in instruction_loop.cc has the same order.
//
//   RDI   where the next sample goes      R12  samples still to take      R15  operations in a batch
//   R8-R11  what RAX, RBX, RCX, RDX hold before each operation            RSI  its fourth argument
//   RBP   sum of RAX after each           R13, R14  scratch
//
// RDTSC is not serializing (SDM vol. 2B, RDTSC): an LFENCE before it waits until all earlier instructions have executed
// and earlier loads are globally visible, one behind it keeps later ones from beginning before it was read. AMD's
// LFENCE does that where DE_CFG[1] is set (APM vol. 2, 3.2.1), which Linux and all hypervisors that it hosts see to.
#include "guest-payloads/runtime/constants.h"

    .macro reading
    lfence
    rdtsc
    lfence
    shl $32, %rdx
    or %rdx, %rax
    .endm

    // `end`: how the code ends, see guard.h.
    .macro loop name, end, insn:vararg
    .balign 64, 0xcc
\name:
1:  incq HV_PROGRESS
    reading
    mov %rax, %r13
    mov %r15, %r14
    .balign 32
2:  mov %r8, %rax
    mov %r9, %rbx
    mov %r10, %rcx
    mov %r11, %rdx
    \insn
    add %rax, %rbp
    dec %r14
    jnz 2b
    reading
    sub %r13, %rax
    mov %rax, (%rdi)
    add $8, %rdi
    dec %r12
    jnz 1b
\name\()_end:
    \end
    .endm

    // One instruction: kernel, user, and the line in the table: {entry, end} each.
    .macro loops number, insn:vararg
    .pushsection .text.paths, "ax", @progbits
    loop loop_kernel_\number, "jmp hv_guard_landing", \insn
    loop loop_user_\number, ud2, \insn
    .popsection
    .quad loop_kernel_\number, loop_kernel_\number\()_end
    .quad loop_user_\number, loop_user_\number\()_end
    .endm

    .section .rodata.paths, "a", @progbits
    .balign 16
    .globl hv_path_loops
hv_path_loops:
    loops 0                                      // the empty twin of them all
    loops 1, .byte 0x0f, 0x01, 0xc1              // vmcall
    loops 2, .byte 0x0f, 0x01, 0xd9              // vmmcall
    loops 3, cpuid
    loops 4, inb %dx, %al
    loops 5, inw %dx, %ax
    loops 6, inl %dx, %eax
    loops 7, outb %al, %dx
    loops 8, outw %ax, %dx
    loops 9, outl %eax, %dx
    loops 10, mov (%rbx), %eax
    loops 11, mov %eax, (%rbx)
    loops 12, rdmsr
    loops 13, wrmsr
    .section .note.GNU-stack, "", @progbits
