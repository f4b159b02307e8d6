// SPDX-License-Identifier: Apache-2.0
// The instructions under test, each with a landing sled. enum Instruction in guard.h has the same order.
//
//   CPL 0:  back: JMP hv_guard_landing (far in a 32-bit segment)   CPL 3:  insn
//           insn                                                          UD2
//           JMP SHORT back         bytes eb f0                            f0 f0 0f 0b
//           f0 f0 f0 0f 0b f0 f0 0f 0b
//
// A host that advances RIP wrongly past VMCALL (0f 01 c1) or VMMCALL (0f 01 d9) cannot pass unseen: at + 1 lies an ADD
// that destroys ECX, at + 2 `shr $16, %ebx` or an x87 constant which swallows the jump, from + 4 on LOCK prefixes
// before UD2, which is #UD at exactly the address that was landed on. + 0 repeats for ever, which the host sees.
#include "guest-payloads/runtime/constants.h"

    .macro emit64 name, length, insn:vararg
    .balign 32, 0xf0
\name\()_back:
    jmp hv_guard_landing                        // 5 bytes
    .fill 14 - 5 - \length, 1, 0xf0
\name:
    \insn
\name\()_next:
    .if \name\()_next - \name - \length
    .error "the length given for \name is wrong"
    .endif
    .byte 0xeb, 0xf0, 0xf0, 0xf0, 0xf0, 0x0f, 0x0b, 0xf0, 0xf0, 0x0f, 0x0b
    .endm

    .macro emit32 name, length, insn:vararg
    .balign 32, 0xf0
\name\()_back:
    .code32
    ljmp $HV_SEL_CODE64, $hv_guard_landing
    .code64                                     // 7 bytes
    .fill 14 - 7 - \length, 1, 0xf0
\name:
    \insn
\name\()_next:
    .if \name\()_next - \name - \length
    .error "the length given for \name is wrong"
    .endif
    .byte 0xeb, 0xf0, 0xf0, 0xf0, 0xf0, 0x0f, 0x0b, 0xf0, 0xf0, 0x0f, 0x0b
    .endm

    .macro emit_user name, insn:vararg
    .balign 16, 0xf0
\name:
    \insn
\name\()_next:
    ud2
    .byte 0xf0, 0xf0, 0x0f, 0x0b
    .endm

// One instruction (its length in bytes is said, as the way back is counted from it) in its three places, and its line
// in the table: {address, following address} each. The encodings are
// the same in 32-bit code (registers without REX); those with REX.W are refused there by the program check.
    .macro instruction number, length, insn:vararg
    .pushsection .text.stubs, "ax", @progbits
    emit64 stub64_\number, \length, \insn
    emit32 stub32_\number, \length, \insn
    emit_user stub_user_\number, \insn
    .popsection
    .quad stub64_\number, stub64_\number\()_next
    .quad stub32_\number, stub32_\number\()_next
    .quad stub_user_\number, stub_user_\number\()_next
    .endm

    .section .rodata.stubs, "a", @progbits
    .balign 16
    .globl hv_instruction_stubs
hv_instruction_stubs:
    instruction 0, 2, cpuid
    instruction 1, 2, rdmsr
    instruction 2, 2, wrmsr
    instruction 3, 2, rdtsc
    instruction 4, 3, .byte 0x0f, 0x01, 0xc1       // vmcall
    instruction 5, 3, .byte 0x0f, 0x01, 0xd9       // vmmcall
    instruction 6, 1, inb %dx, %al
    instruction 7, 2, inw %dx, %ax
    instruction 8, 1, inl %dx, %eax
    instruction 9, 1, outb %al, %dx
    instruction 10, 2, outw %ax, %dx
    instruction 11, 1, outl %eax, %dx
    instruction 12, 2, .byte 0x8a, 0x03            // mov (%rbx), %al; (%ebx) in 32-bit code
    instruction 13, 3, .byte 0x66, 0x8b, 0x03      // mov (%rbx), %ax
    instruction 14, 2, .byte 0x8b, 0x03            // mov (%rbx), %eax
    instruction 15, 3, .byte 0x48, 0x8b, 0x03      // mov (%rbx), %rax
    instruction 16, 2, .byte 0x88, 0x03            // mov %al, (%rbx)
    instruction 17, 3, .byte 0x66, 0x89, 0x03      // mov %ax, (%rbx)
    instruction 18, 2, .byte 0x89, 0x03            // mov %eax, (%rbx)
    instruction 19, 3, .byte 0x48, 0x89, 0x03      // mov %rax, (%rbx)
    instruction 20, 2, rep movsb
    instruction 21, 2, rep stosb
    .section .note.GNU-stack, "", @progbits
