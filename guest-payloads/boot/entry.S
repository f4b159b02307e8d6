// SPDX-License-Identifier: Apache-2.0
// The way from where a VMM drops us (PVH: 32-bit, paging off, EBX = hvm_start_info; Linux's protocol, by linux_entry.S:
// the same with EBX = boot_params; or a start-up IPI: real mode) to 64-bit C++. All share everything after protected mode.
#include "guest-payloads/runtime/constants.h"

#define CR0_VALUE 0x80010033                    // PG WP NE ET MP PE; caches on
#define CR4_VALUE 0x20                          // PAE; no SMEP or SMAP, as every page is a user page
#define MSR_EFER 0xc0000080
#define EFER_LME_NXE 0x900

// XEN_ELFNOTE_PHYS32_ENTRY (Xen, docs/misc/pvh.pandoc).
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long hv_pvh_entry

    .text
    .code32
// Expects EBX = argument for C++, ESP = stack; goes on at `then` in 64-bit mode with RDI = that argument.
    .macro enter_long_mode then
    lgdt hv_gdt_pointer
    mov $CR4_VALUE, %eax
    mov %eax, %cr4
    mov $hv_pml4, %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    rdmsr
    or $EFER_LME_NXE, %eax
    wrmsr
    mov $CR0_VALUE, %eax
    mov %eax, %cr0
    ljmp $HV_SEL_CODE64, $1f
    .code64
1:  mov $HV_SEL_USER_DATA, %eax                 // good at CPL 0 and at CPL 3 (kCompat needs a real one)
    mov %eax, %ds
    mov %eax, %es
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov $HV_SEL_DATA, %eax
    mov %eax, %ss
    mov %ebx, %edi
    xor %ebp, %ebp
    call \then
    ud2
    .code32
    .endm

    .globl hv_pvh_entry
hv_pvh_entry:
    cli
    cld
    mov $hv_cpus + HV_CPU_SIZE, %esp
    enter_long_mode hv_boot_cpu

    .globl hv_linux_start
hv_linux_start:
    mov $hv_cpus + HV_CPU_SIZE, %esp
    enter_long_mode hv_linux_cpu

hv_ap_entry:
    mov $HV_SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $1, %ebx
    lock xadd %ebx, hv_arrivals                 // this CPU's place in hv_cpus
    cmp hv_places, %ebx
    jae 9f
    imul $HV_CPU_SIZE, %ebx, %eax
    lea hv_cpus + HV_CPU_SIZE(%eax), %esp
    enter_long_mode hv_application_cpu
9:  cli                                         // one more than there is room for
    hlt
    jmp 9b

// Copied to kTrampolineAddress; CS is that address / 16.
    .section .rodata.trampoline, "a", @progbits
    .code16
    .globl hv_trampoline, hv_trampoline_end
hv_trampoline:
    cli
    cld
    lgdtl %cs:(trampoline_gdt - hv_trampoline)
    mov $0x11, %eax                             // PE, ET
    mov %eax, %cr0
    ljmpl $HV_SEL_CODE32, $hv_ap_entry
    .balign 4
trampoline_gdt:
    .word 0x3f                                  // the flat segments; the rest is loaded in 32-bit code
    .long hv_gdt
hv_trampoline_end:

    .data
    .globl hv_arrivals, hv_places
    .balign 4
hv_arrivals: .long 1                            // the boot CPU has place 0
hv_places: .long 1                              // CPUs that are wanted
    .section .note.GNU-stack, "", @progbits
