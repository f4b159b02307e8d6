// SPDX-License-Identifier: Apache-2.0
// A boot loader for linux_boot_test.cc: entered by PVH with the agent already in memory, it enters the agent at the 32-bit or
// the 64-bit entry of Linux's protocol (Documentation/arch/x86/boot.rst), with what it was told itself in boot_params, or with
// something wrong there. ORDERS is written by QEMU's loader device.
#define ORDERS 0x27ff000                        // the entry's address, then Order (linux_boot_test.cc)
#define ORDER_64_BIT 1
#define ORDER_DIRTY 2
#define ORDER_NO_RAMDISK 4
#define ORDER_RAMDISK_ON_MAILBOX 8
#define BOOT_PARAMS 0x90000                     // low memory that no firmware here uses
#define TABLES 0x2900000
#define BOOT_CS 0x10
#define BOOT_DS 0x18
#define MSR_EFER 0xc0000080

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18                              // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long loader

    .text
    .code32
loader:
    cli
    cld
    lgdt gdt_pointer
    ljmp $BOOT_CS, $1f
1:  mov $BOOT_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov ORDERS + 4, %edx
    test $ORDER_DIRTY, %edx
    jz 2f
    mov $0x100000, %edi                         // nobody said that memory is zero
    mov $0x100000 / 4, %ecx
    mov $-1, %eax
    rep stosl
2:  mov $BOOT_PARAMS, %edi
    mov $4096 / 4, %ecx
    xor %eax, %eax
    rep stosl
    movl $0x53726448, BOOT_PARAMS + 0x202       // "HdrS"
    mov 24(%ebx), %eax                          // hvm_start_info: command line
    mov %eax, BOOT_PARAMS + 0x228
    mov 16(%ebx), %ecx                          // the list of modules
    test $ORDER_NO_RAMDISK, %edx
    jnz 3f
    mov (%ecx), %eax
    mov %eax, BOOT_PARAMS + 0x218
    mov 8(%ecx), %eax
    mov %eax, BOOT_PARAMS + 0x21c
    test $ORDER_RAMDISK_ON_MAILBOX, %edx
    jz 3f
    movl $0x400000, BOOT_PARAMS + 0x218
3:  test $ORDER_64_BIT, %edx
    jnz in_64_bits
    mov $BOOT_PARAMS, %esi
    xor %ebx, %ebx
    xor %ebp, %ebp
    xor %edi, %edi
    xor %esp, %esp                              // no stack is promised
    jmp *ORDERS

in_64_bits:
    mov $TABLES, %edi                           // the first GiB in large pages, onto itself
    mov $3 * 4096 / 4, %ecx
    xor %eax, %eax
    rep stosl
    movl $TABLES + 0x1003, TABLES
    movl $TABLES + 0x2003, TABLES + 0x1000
    xor %ecx, %ecx
    mov $0x83, %eax
4:  mov %eax, TABLES + 0x2000(, %ecx, 8)
    add $0x200000, %eax
    inc %ecx
    cmp $512, %ecx
    jb 4b
    mov $0x20, %eax                             // PAE
    mov %eax, %cr4
    mov $TABLES, %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    rdmsr
    or $0x100, %eax                             // LME
    wrmsr
    mov $0x80000011, %eax                       // PG, ET, PE
    mov %eax, %cr0
    lgdt gdt64_pointer
    ljmp $BOOT_CS, $5f
    .code64
5:  mov $BOOT_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $BOOT_PARAMS, %esi
    xor %esp, %esp
    mov ORDERS, %eax
    jmp *%rax

    .balign 8
gdt:
    .quad 0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt64:
    .quad 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    .word 31
    .long gdt, 0
gdt64_pointer:
    .word 31
    .long gdt64, 0
    .section .note.GNU-stack, "", @progbits
