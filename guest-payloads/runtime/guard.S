// SPDX-License-Identifier: Apache-2.0
// The fault guard: loads a complete register file, lets one instruction run, stores the complete register file.
// guard.h says how it is used; traps.cc is the way back when the instruction faults or runs at CPL 3.
//
// Everything is found through GS, never through RSP, so that an instruction which damages any register, RSP
// included, is still reported.
#include "guest-payloads/runtime/constants.h"

    .text
// void hv_guard_run(Guard* rdi). IRETQ takes all four kinds of code segment and loads RFLAGS at the same moment.
    .globl hv_guard_run
hv_guard_run:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rdi, %rax
    mov %rsp, HV_GUARD_STACK(%rax)
    mov %rsp, %rcx
    and $-64, %rcx                              // before.rsp: aligned, below all that is in use
    sub $64, %rcx
    mov %rcx, HV_GUARD_BEFORE + HV_REG_RSP(%rax)
    mov %rcx, %gs:HV_CPU_TSS_RSP0               // a fault at CPL 3 comes in here, clear of what is in use
    mov %rcx, %rsp
    pushq HV_GUARD_SS(%rax)
    push %rcx
    pushq HV_GUARD_BEFORE + HV_REG_RFLAGS(%rax)
    pushq HV_GUARD_CS(%rax)
    pushq HV_GUARD_BEFORE + HV_REG_RIP(%rax)
    mov HV_GUARD_BEFORE + HV_REG_RCX(%rax), %rcx
    mov HV_GUARD_BEFORE + HV_REG_RDX(%rax), %rdx
    mov HV_GUARD_BEFORE + HV_REG_RBX(%rax), %rbx
    mov HV_GUARD_BEFORE + HV_REG_RBP(%rax), %rbp
    mov HV_GUARD_BEFORE + HV_REG_RSI(%rax), %rsi
    mov HV_GUARD_BEFORE + HV_REG_RDI(%rax), %rdi
    mov HV_GUARD_BEFORE + HV_REG_R8(%rax), %r8
    mov HV_GUARD_BEFORE + HV_REG_R9(%rax), %r9
    mov HV_GUARD_BEFORE + HV_REG_R10(%rax), %r10
    mov HV_GUARD_BEFORE + HV_REG_R11(%rax), %r11
    mov HV_GUARD_BEFORE + HV_REG_R12(%rax), %r12
    mov HV_GUARD_BEFORE + HV_REG_R13(%rax), %r13
    mov HV_GUARD_BEFORE + HV_REG_R14(%rax), %r14
    mov HV_GUARD_BEFORE + HV_REG_R15(%rax), %r15
    mov %rax, %gs:HV_CPU_GUARD                  // from here a fault is the instruction's
    mov HV_GUARD_BEFORE + HV_REG_RAX(%rax), %rax
    iretq

// The stubs of CPL 0 come here. MOV, PUSHF and POP to memory leave the flags alone. With IF = 1 an interrupt may come
// up to the CLI; hv_trap keeps GUARD and SCRATCH for that.
    .globl hv_guard_landing
hv_guard_landing:
    mov %rax, %gs:HV_CPU_SCRATCH
    mov %gs:HV_CPU_GUARD, %rax
    mov %rsp, HV_GUARD_AFTER + HV_REG_RSP(%rax)
    mov HV_GUARD_BEFORE + HV_REG_RSP(%rax), %rsp
    pushfq
    popq HV_GUARD_AFTER + HV_REG_RFLAGS(%rax)
    cli
    mov %rcx, HV_GUARD_AFTER + HV_REG_RCX(%rax)
    mov %rdx, HV_GUARD_AFTER + HV_REG_RDX(%rax)
    mov %rbx, HV_GUARD_AFTER + HV_REG_RBX(%rax)
    mov %rbp, HV_GUARD_AFTER + HV_REG_RBP(%rax)
    mov %rsi, HV_GUARD_AFTER + HV_REG_RSI(%rax)
    mov %rdi, HV_GUARD_AFTER + HV_REG_RDI(%rax)
    mov %r8, HV_GUARD_AFTER + HV_REG_R8(%rax)
    mov %r9, HV_GUARD_AFTER + HV_REG_R9(%rax)
    mov %r10, HV_GUARD_AFTER + HV_REG_R10(%rax)
    mov %r11, HV_GUARD_AFTER + HV_REG_R11(%rax)
    mov %r12, HV_GUARD_AFTER + HV_REG_R12(%rax)
    mov %r13, HV_GUARD_AFTER + HV_REG_R13(%rax)
    mov %r14, HV_GUARD_AFTER + HV_REG_R14(%rax)
    mov %r15, HV_GUARD_AFTER + HV_REG_R15(%rax)
    mov %gs:HV_CPU_SCRATCH, %rcx
    mov %rcx, HV_GUARD_AFTER + HV_REG_RAX(%rax)
// hv_trap returns to here with RAX = Guard, having stored `after` itself.
    .globl hv_guard_leave
hv_guard_leave:
    movq $0, %gs:HV_CPU_GUARD
    mov HV_GUARD_STACK(%rax), %rsp
    mov $HV_SEL_DATA, %ecx
    mov %ecx, %ss                               // a trap from CPL 3 leaves SS null
    cld
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

// Accesses of the agent's own that may fault, the cheap siblings of the guard. A fault anywhere between hv_attempt_begin
// and hv_attempt_end continues at hv_attempt_failed, which returns how far RDI came from R8; so nothing here may push.
    .globl hv_attempt_begin, hv_attempt_end, hv_attempt_failed
hv_attempt_begin:

// bool hv_probe(address rdi, width esi, uint64_t* value rdx)
    .globl hv_probe
hv_probe:
    mov %rdi, %r8
    cmp $4, %esi
    je 4f
    ja 8f
    cmp $2, %esi
    je 2f
    movzbl (%rdi), %eax
    jmp 1f
2:  movzwl (%rdi), %eax
    jmp 1f
4:  mov (%rdi), %eax
    jmp 1f
8:  mov (%rdi), %rax
1:  mov %rax, (%rdx)
    mov $1, %eax
    ret

// bool hv_poke(address rdi, width esi, value rdx)
    .globl hv_poke
hv_poke:
    mov %rdi, %r8
    cmp $4, %esi
    je 4f
    ja 8f
    cmp $2, %esi
    je 2f
    mov %dl, (%rdi)
    jmp 1f
2:  mov %dx, (%rdi)
    jmp 1f
4:  mov %edx, (%rdi)
    jmp 1f
8:  mov %rdx, (%rdi)
1:  mov $1, %eax
    ret

// uint64_t hv_try_copy(to rdi, from rsi, bytes rdx): bytes done, rounded down to a round of the loop. Plain moves: see words.h.
    .globl hv_try_copy
hv_try_copy:
    mov %rdi, %r8
    mov %rdx, %rcx
    shr $6, %rcx
    jz 2f
1:  .irp offset, 0, 8, 16, 24, 32, 40, 48, 56
    mov \offset(%rsi), %rax
    mov %rax, \offset(%rdi)
    .endr
    add $64, %rsi
    add $64, %rdi
    dec %rcx
    jnz 1b
2:  mov %edx, %ecx
    and $63, %edx
    shr $3, %edx
    jz 4f
3:  mov (%rsi), %rax
    mov %rax, (%rdi)
    add $8, %rsi
    add $8, %rdi
    dec %edx
    jnz 3b
4:  and $7, %ecx
    jz 6f
5:  mov (%rsi), %al
    mov %al, (%rdi)
    inc %rsi
    inc %rdi
    dec %ecx
    jnz 5b
6:  jmp hv_attempt_failed                       // or rather: not failed; the answer is found alike

// uint64_t hv_try_fill(to rdi, pattern rsi, bytes rdx)
    .globl hv_try_fill
hv_try_fill:
    mov %rdi, %r8
    mov %rdx, %rcx
    shr $6, %rcx
    jz 2f
1:  .irp offset, 0, 8, 16, 24, 32, 40, 48, 56
    mov %rsi, \offset(%rdi)
    .endr
    add $64, %rdi
    dec %rcx
    jnz 1b
2:  and $63, %edx
    jz 4f
3:  mov %sil, (%rdi)
    inc %rdi
    dec %edx
    jnz 3b
4:
hv_attempt_end:
hv_attempt_failed:
    mov %rdi, %rax
    sub %r8, %rax
    ret
    .section .note.GNU-stack, "", @progbits
