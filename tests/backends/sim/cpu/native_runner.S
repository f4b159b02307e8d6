# SPDX-License-Identifier: Apache-2.0
# Loads all registers from hv_native_state, jumps to hv_native_code, and stores them again when the
# code reaches one of the two exits. Not reentrant: one state, one thread.
    .text
    .globl hv_run_native
    .type hv_run_native, @function
hv_run_native:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    pushfq
    mov %rsp, saved_rsp(%rip)
    pushq hv_native_state+128(%rip)
    popfq
    mov hv_native_state+0(%rip), %rax
    mov hv_native_state+8(%rip), %rcx
    mov hv_native_state+16(%rip), %rdx
    mov hv_native_state+24(%rip), %rbx
    mov hv_native_state+32(%rip), %rsp
    mov hv_native_state+40(%rip), %rbp
    mov hv_native_state+48(%rip), %rsi
    mov hv_native_state+56(%rip), %rdi
    mov hv_native_state+64(%rip), %r8
    mov hv_native_state+72(%rip), %r9
    mov hv_native_state+80(%rip), %r10
    mov hv_native_state+88(%rip), %r11
    mov hv_native_state+96(%rip), %r12
    mov hv_native_state+104(%rip), %r13
    mov hv_native_state+112(%rip), %r14
    mov hv_native_state+120(%rip), %r15
    jmp *hv_native_code(%rip)

    .globl hv_native_exit_taken
hv_native_exit_taken:
    movq $1, hv_native_state+136(%rip)
    .globl hv_native_exit_next
hv_native_exit_next:
    mov %rax, hv_native_state+0(%rip)
    mov %rcx, hv_native_state+8(%rip)
    mov %rdx, hv_native_state+16(%rip)
    mov %rbx, hv_native_state+24(%rip)
    mov %rsp, hv_native_state+32(%rip)
    mov %rbp, hv_native_state+40(%rip)
    mov %rsi, hv_native_state+48(%rip)
    mov %rdi, hv_native_state+56(%rip)
    mov %r8, hv_native_state+64(%rip)
    mov %r9, hv_native_state+72(%rip)
    mov %r10, hv_native_state+80(%rip)
    mov %r11, hv_native_state+88(%rip)
    mov %r12, hv_native_state+96(%rip)
    mov %r13, hv_native_state+104(%rip)
    mov %r14, hv_native_state+112(%rip)
    mov %r15, hv_native_state+120(%rip)
    mov saved_rsp(%rip), %rsp
    pushfq
    popq hv_native_state+128(%rip)
    .globl hv_native_return
hv_native_return:
    # Signal handlers come here too, with any RSP.
    mov saved_rsp(%rip), %rsp
    popfq
    cld
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .size hv_run_native, . - hv_run_native

    .bss
    .balign 8
saved_rsp:
    .skip 8
    .globl hv_native_code
hv_native_code:
    .skip 8
    # 16 registers, flags, whether the exit was the one of a taken branch
    .globl hv_native_state
hv_native_state:
    .skip 144
    .section .note.GNU-stack, "", @progbits
