// SPDX-License-Identifier: Apache-2.0
// The 32-bit and the 64-bit entry of Linux's boot protocol (Documentation/arch/x86/boot.rst), at the start of the image and
// 0x200 behind it. A loader may have put the image elsewhere than where it is linked and need not have zeroed .bss, so
// this runs at any place, moves the image down to its own and zeroes .bss. Loops, not REP: see README.md.
#include "guest-payloads/runtime/constants.h"

    .section .linux_entry, "ax", @progbits
    .code32
    .globl hv_linux_entry
// Paging off, flat segments, ESI = boot_params; there may be no stack.
hv_linux_entry:
    cli
    cld
    mov $HV_ENTRY_STACK, %esp
    call 1f
1:  pop %ebp
    sub $(1b - hv_linux_entry), %ebp
    mov %esi, %ebx
// EBP = where the image lies, EBX = boot_params.
in_32_bits:
    mov %ebp, %esi
    mov $hv_linux_entry, %edi
    cmp %esi, %edi
    je moved
2:  .irp at, 0, 4, 8, 12
    mov \at(%esi), %eax
    mov %eax, \at(%edi)
    .endr
    add $16, %esi
    add $16, %edi
    cmp $hv_file_end, %edi
    jb 2b
    mov $moved, %eax
    jmp *%eax
moved:
    xor %eax, %eax
    mov $hv_file_end, %edi
3:  .irp at, 0, 4, 8, 12
    mov %eax, \at(%edi)
    .endr
    add $16, %edi
    cmp $hv_image_end, %edi
    jb 3b
    mov $hv_linux_start, %eax
    jmp *%eax

    .org 0x200
    .code64
    .globl hv_linux_entry64
// Long mode, image and boot_params mapped onto themselves, RSI = boot_params. The image is below 4 GiB, as
// XLF_CAN_BE_LOADED_ABOVE_4G is not set; boot_params that are not count as absent.
hv_linux_entry64:
    cli
    cld
    mov %esi, %ebx
    cmp %rsi, %rbx
    je 1f
    xor %ebx, %ebx
1:  lea hv_linux_entry(%rip), %rbp
    lea hv_gdt(%rip), %rax
    mov %rax, gdt_base(%rip)
    lgdt gdt_pointer(%rip)
    lea leave_long_mode(%rip), %rax
    mov %eax, target(%rip)
    ljmpl *target(%rip)
    .code32
leave_long_mode:
    mov $HV_SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %cr0, %eax
    and $~(1 << 31), %eax                       // PG off in compatibility mode ends long mode (SDM vol. 3, 10.8.5.4)
    mov %eax, %cr0
    jmp in_32_bits

    .balign 8
target:
    .long 0
    .word HV_SEL_CODE32
gdt_pointer:
    .word 0x3f                                  // the flat segments
gdt_base:
    .quad 0
    .section .note.GNU-stack, "", @progbits
