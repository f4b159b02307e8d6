// SPDX-License-Identifier: Apache-2.0
// Where the IDT's gates lead: 256 entries of equal size at HV_STUBS, which bring every vector to one frame
// (TrapFrame in traps.h) and call hv_trap.
#include "guest-payloads/runtime/constants.h"

    .section .interrupt_stubs, "ax", @progbits
    .balign 16
    .globl hv_stubs
hv_stubs:
    .set vector, 0
    .rept 256
    .balign HV_STUB_STRIDE
    // Vectors that push an error code themselves: SDM vol. 3, table 6-1 (and 29, 30: APM vol. 2, table 8-1).
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    jmp trap_entry
    .set vector, vector + 1
    .endr
    .balign HV_STUB_STRIDE
trap_entry:
    push %r15
    push %r14
    push %r13
    push %r12
    push %r11
    push %r10
    push %r9
    push %r8
    push %rdi
    push %rsi
    push %rbp
    push %rbx
    push %rdx
    push %rcx
    push %rax
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp                              // the psABI's alignment; NMI and ring transitions are aligned anyhow
    call hv_trap
    mov %rbx, %rsp
    pop %rax
    pop %rcx
    pop %rdx
    pop %rbx
    pop %rbp
    pop %rsi
    pop %rdi
    pop %r8
    pop %r9
    pop %r10
    pop %r11
    pop %r12
    pop %r13
    pop %r14
    pop %r15
    add $16, %rsp                               // vector, error code
    iretq
    .section .note.GNU-stack, "", @progbits
