// SPDX-License-Identifier: Apache-2.0
// The guest of the engine's own tests: interprets a list of 32-bit words (step, operands) that comes as PVH module 0. Lean
// on purpose: it must run where nothing else does yet. Without a module it prints its command line on COM1 and
// leaves through the debug-exit port.
//
// Values that steps report are appended to the observation buffer as 32-bit words. tests/backends/kvm/steps.h has the
// steps by name.

#define MAILBOX       0x400000
#define BOX_COMMITTED (MAILBOX + 8)
#define BOX_CPUS      (MAILBOX + 20)
#define BOX_PROGRESS  (MAILBOX + 56)
#define BOX_VERB      (MAILBOX + 120)
#define BOX_ARGUMENTS (MAILBOX + 128)
#define BOX_RESULT    (MAILBOX + 160)
#define BOX_STATUS    (MAILBOX + 168)
#define OBSERVATIONS  0x410000
#define TRAMPOLINE    0x8000
#define APIC          0xfee00000
#define DOORBELL      0x5f0

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18                      // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long start

    .text
    .code32
    .globl start
start:
    cli
    cld
    mov $boot_stack_end, %esp
    lgdt gdt_pointer
    lidt idt_pointer
    cmpl $0, 12(%ebx)                   // hvm_start_info.nr_modules
    je print
    mov 16(%ebx), %esi                  // .modlist_paddr
    mov (%esi), %esi                    // first entry's paddr
    movl $0x69616d68, MAILBOX
    movl $0x786f626c, MAILBOX + 4
    mov $OBSERVATIONS, %edi

next:
    lodsl
    cmp $(steps_end - steps) / 4, %eax
    jae bad
    jmp *steps(, %eax, 4)
bad:
    mov $DOORBELL, %edx
    mov $4, %eax                        // refused
    outl %eax, %dx
    hlt

report:                                 // EAX; then the next step
    stosl
    addl $4, BOX_COMMITTED
    jmp next

    .balign 4
steps:
    .long bad, verb, load, store, read_msr, write_msr, out, code, start_cpus, await, install, park, repeat_out
steps_end:

verb:                                   // verb, 4 arguments: reports status, result (low word)
    lodsl
    mov %eax, BOX_VERB
    xor %ecx, %ecx
1:  lodsl
    mov %eax, BOX_ARGUMENTS(, %ecx, 8)
    movl $0, BOX_ARGUMENTS + 4(, %ecx, 8)
    inc %ecx
    cmp $4, %ecx
    jb 1b
    mov $DOORBELL, %edx
    mov $3, %eax
    outl %eax, %dx
    mov BOX_STATUS, %eax
    stosl
    addl $4, BOX_COMMITTED
    mov BOX_RESULT, %eax
    jmp report
load:                                   // address
    lodsl
    mov (%eax), %eax
    jmp report
store:                                  // address, value
    lodsl
    mov %eax, %edx
    lodsl
    mov %eax, (%edx)
    jmp next
read_msr:                               // index: reports the low word
    lodsl
    mov %eax, %ecx
    rdmsr
    jmp report
write_msr:                              // index, low, high
    lodsl
    mov %eax, %ecx
    lodsl
    mov %eax, %ebx
    lodsl
    mov %eax, %edx
    mov %ebx, %eax
    wrmsr
    jmp next
out:                                    // port, value: 32 bits
    lodsl
    mov %eax, %edx
    lodsl
    outl %eax, %dx
    jmp next
code:                                   // words, then so many words of machine code, which is called
    lodsl
    mov %esi, %edx
    lea (%esi, %eax, 4), %esi
    push %edi
    call *%edx
    pop %edi
    jmp next
await:                                  // address, value: spins
    lodsl
    mov %eax, %edx
    lodsl
1:  pause
    cmp %eax, (%edx)
    jne 1b
    jmp next
install:                                // vector: its handler adds 1 to the word at 0x1000000
    lodsl
    mov $interrupt, %edx
    mov %dx, idt(, %eax, 8)
    movw $8, idt + 2(, %eax, 8)
    movw $0x8e00, idt + 4(, %eax, 8)
    shr $16, %edx
    mov %dx, idt + 6(, %eax, 8)
    jmp next
park:                                   // no way on
1:  cli
    hlt
    jmp 1b
repeat_out:                             // port, count
    lodsl
    mov %eax, %edx
    lodsl
    mov %eax, %ecx
1:  outl %eax, %dx
    dec %ecx
    jnz 1b
    jmp next

start_cpus:                             // application CPUs, words up to their steps from here: waits until all have come
    lodsl
    mov %eax, %ebp
    lodsl
    lea (%esi, %eax, 4), %eax
    mov %eax, ap_steps
    mov $trampoline, %ebx
    xor %ecx, %ecx
1:  mov (%ebx, %ecx), %al
    mov %al, TRAMPOLINE(%ecx)
    inc %ecx
    cmp $trampoline_end - trampoline, %ecx
    jb 1b
    movl $0x1ff, APIC + 0xf0            // software-enabled, spurious vector 0xff
    movl $0xc4500, APIC + 0x300         // INIT to all but self
    mov $2000, %ecx
1:  pause
    loop 1b
    movl $0xc4600 | (TRAMPOLINE >> 12), APIC + 0x300
1:  pause
    cmp %ebp, BOX_CPUS
    jb 1b
    jmp next

ap_start:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $1, %eax
    lock xadd %eax, ap_count
    shl $10, %eax
    lea ap_stacks + 1024(%eax), %esp
    lidt idt_pointer
    movl $0x1ff, APIC + 0xf0
    mov ap_steps, %esi
    mov $OBSERVATIONS + 0x80000, %edi   // what they report nobody reads
    lock incl BOX_CPUS
    jmp next

interrupt:
    lock incl 0x1000000
    movl $0, APIC + 0xb0                // EOI
    popl return_address                 // no IRET: a hypervisor that emulates ring 0 may not have the 32-bit one
    addl $4, %esp
    popfl
    jmp *return_address

print:
    mov 24(%ebx), %esi                  // hvm_start_info.cmdline_paddr
    mov $0x3f8, %edx
1:  lodsb
    test %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  mov $0x2a, %al
    mov $0xf4, %edx
    outb %al, %dx
    hlt

    .code16
trampoline:
    cli
    xor %ax, %ax
    mov %ax, %ds
    lgdtl TRAMPOLINE + trampoline_gdt - trampoline
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $ap_start
    .balign 8
trampoline_gdt:
    .word gdt_end - gdt - 1
    .long gdt
trampoline_end:

    .data
    .balign 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
idt_pointer:
    .word 2047
    .long idt
ap_count:
    .long 0
ap_steps:
    .long 0
return_address:
    .long 0

    .bss
    .balign 16
idt:
    .skip 2048
boot_stack:
    .skip 4096
boot_stack_end:
ap_stacks:
    .skip 8 * 1024
