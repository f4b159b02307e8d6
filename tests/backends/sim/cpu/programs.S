# SPDX-License-Identifier: Apache-2.0
# Small guest programs, linked into the tests as data and copied to kProgram (0x10000). Position
# independent unless the name says otherwise; each ends in HLT or in the event that is tested.
    .section .rodata
    .macro program name
hv_program_\name:
    .endm
    # One entry of the table that programs.cc looks in: name, first byte, behind the last.
    .macro finish name
hv_program_\name\()_end:
    .pushsection hv_program_names, "a"
hv_program_\name\()_name:
    .asciz "\name"
    .popsection
    .pushsection hv_programs, "aw"
    .quad hv_program_\name\()_name, hv_program_\name, hv_program_\name\()_end
    .popsection
    .endm

    .code64
program page_fault_write
    mov $0x30000, %ebx
    movl $1, (%rbx)
    hlt
finish page_fault_write

program page_fault_read
    mov $0x30000, %ebx
    mov (%rbx), %eax
    hlt
finish page_fault_read

program jump_to_data
    mov $0x30000, %ebx
    jmp *%rbx
finish jump_to_data

program non_canonical_load
    movabs $0x8000000000000000, %rbx
    mov (%rbx), %rax
    hlt
finish non_canonical_load

program non_canonical_stack
    movabs $0x8000000000000000, %rbp
    mov (%rbp), %rax
    hlt
finish non_canonical_stack

program divide_by_zero
    xor %ecx, %ecx
    div %ecx
    hlt
finish divide_by_zero

program undefined
    ud2
finish undefined

program bad_selector
    mov $0x5b, %eax
    mov %eax, %ds
    hlt
finish bad_selector

program software_interrupt
    int $0x21
    hlt
finish software_interrupt

program user_privileged
    cli
    hlt
finish user_privileged

program user_port
    mov $0x60, %edx
    in %dx, %al
    hlt
finish user_port

program store_across
    mov $0x30ffc, %ebx
    movabs $0x1122334455667788, %rax
    mov %rax, (%rbx)
    mov (%rbx), %rcx
    hlt
finish store_across

program self_modifying
    mov $1, %eax
    lea patched(%rip), %rbx
    mov $2, %ecx
again:
    call patched
    movl $0x22222222, 1(%rbx)
    dec %ecx
    jnz again
    hlt
patched:
    mov $0x11111111, %edx
    add %rdx, %rsi
    ret
finish self_modifying

program modify_next
    movb $0xf4, next(%rip)
next:
    nop
    ud2
finish modify_next

program sti_shadow
    sti
    inc %eax
    inc %eax
    inc %eax
    hlt
finish sti_shadow

program mov_ss_shadow
    mov %ss, %ecx
    out %al, $0x10
    mov %ecx, %ss
    inc %eax
    inc %eax
    hlt
finish mov_ss_shadow

program rep_stos
    cld
    mov $0x30000, %edi
    mov $0x2000, %ecx
    mov $0xab, %al
    rep stosb
    hlt
finish rep_stos

program count_forever
1:  inc %rax
    jmp 1b
finish count_forever

program rdtsc_twice
    rdtsc
    mov %eax, %ebx
    nop
    nop
    rdtsc
    sub %ebx, %eax
    hlt
finish rdtsc_twice

program to_user_and_back
    # iretq to CPL 3, which comes back by interrupt 0x30
    push $0x23
    push $0xc000
    push $0x202
    push $0x2b
    lea user(%rip), %rax
    push %rax
    iretq
user:
    mov %cs, %ebx
    int $0x30
finish to_user_and_back

program system_call
    mov $0xc0000081, %ecx       # STAR
    xor %eax, %eax
    mov $0x001b0008, %edx
    wrmsr
    mov $0xc0000082, %ecx       # LSTAR
    lea entry(%rip), %rax
    xor %edx, %edx
    wrmsr
    mov $0xc0000084, %ecx       # SFMASK
    mov $0x200, %eax
    wrmsr
    lea in_user(%rip), %rcx
    mov $0x202, %r11d
    sysretq
in_user:
    mov %cs, %ebx
    mov %ss, %ebp
    syscall
entry:
    mov %cs, %edi
    pushfq
    pop %rsi
    hlt
finish system_call

program swapgs
    swapgs
    mov %gs:0, %rax
    swapgs
    mov %gs:0, %rbx
    hlt
finish swapgs

program compare_exchange_16
    mov $0x30000, %ebx
    mov $1, %eax
    mov $2, %edx
    mov %rbx, %rdi
    mov $3, %ebx
    mov $4, %ecx
    lock cmpxchg16b (%rdi)
    setz %sil
    cmpxchg16b (%rdi)
    setz %r8b
    cmpxchg16b 8(%rdi)
    hlt
finish compare_exchange_16

program illegal_lock
    .byte 0xf0, 0x90
finish illegal_lock

program vector_instruction
    pxor %xmm0, %xmm0
    hlt
finish vector_instruction

program hypercall
    mov $21, %eax
    vmcall
    mov %eax, %ebx
    mov $21, %eax
    vmmcall
    hlt
finish hypercall

program mmio
    mov $0xfee00000, %ebx
    movl $7, 0x80(%rbx)
    mov 0x20(%rbx), %ecx
    orl $1, 0xf0(%rbx)
    hlt
finish mmio

program unknown_msr
    mov $0x12345, %ecx
    rdmsr
    hlt
finish unknown_msr

program pauses
    pause
    inc %eax
    hlt
finish pauses

program compatibility
    # far return to 32-bit code at CPL 0 of long mode
    lea narrow(%rip), %rax
    push $0x18
    push %rax
    lretq
    .code32
narrow:
    mov $0xffffffff, %eax
    inc %eax
    .byte 0x40                  # inc %eax in 32-bit code, REX in 64-bit code
    ljmp $0x08, $0x10000 + (wide - hv_program_compatibility)
    .code64
wide:
    mov %rax, %rbx
    hlt
finish compatibility

    .code32
program pvh_to_long
    # flat 32-bit protected mode to 64-bit code, with the tables the test has built
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0x4000, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ljmp $0x08, $0x10000 + (long_code - hv_program_pvh_to_long)
    .code64
long_code:
    movabs $0x123456789abcdef0, %rbx
    hlt
finish pvh_to_long

    .code16
program trampoline
    # at 0x10000 by SIPI vector 0x10: real mode, CS 0x1000
    mov %cs, %ax
    mov %ax, %ds
    movw $0x1234, %bx
    lgdtl trampoline_gdt - hv_program_trampoline
    mov %cr0, %eax
    or $1, %eax
    mov %eax, %cr0
    ljmpl $0x18, $0x10000 + (protected - hv_program_trampoline)
trampoline_gdt:
    .word 0x57
    .long 0x1000
    .code32
protected:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %ss
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0x4000, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ljmp $0x08, $0x10000 + (ap_long - hv_program_trampoline)
    .code64
ap_long:
    movabs $0x5555555555, %rcx
    hlt
finish trampoline

    .code16
program real_interrupt
    mov $0x8000, %sp
    int $0x40
    hlt
finish real_interrupt

# Where the table begins and ends, by the names that the linker gives to the ends of a section.
    .globl hv_programs_begin
    .globl hv_programs_end
    .section hv_program_ends, "aw"
hv_programs_begin:
    .quad __start_hv_programs
hv_programs_end:
    .quad __stop_hv_programs
    .section .note.GNU-stack, "", @progbits
