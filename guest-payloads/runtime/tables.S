// SPDX-License-Identifier: Apache-2.0
// Descriptor and page tables, complete in the image: nothing is computed at boot, where every emulated instruction
// counts. Addresses: see protocol/layout.h (identity map, high alias, window).
#include "guest-payloads/runtime/constants.h"

// Page-table bits (SDM vol. 3, 4.5). Accessed and dirty are set beforehand, so that no walk writes to the tables.
#define PRESENT 0x001
#define WRITABLE 0x002
#define USER 0x004
#define WRITE_THROUGH 0x008
#define CACHE_DISABLE 0x010
#define ACCESSED 0x020
#define DIRTY 0x040
#define LARGE 0x080
#define TABLE (PRESENT | WRITABLE | USER | ACCESSED)
#define PAGE_2M (TABLE | DIRTY | LARGE)

    .section .data.tables, "aw", @progbits
    .balign 4096
    .globl hv_pml4
hv_pml4:
    .quad hv_pdpt + TABLE                       // [0, 512 GiB): identity
    .quad hv_window_pdpt + TABLE                // kWindowAddress
    .fill 254, 8, 0
    .quad hv_pdpt + TABLE                       // kHighAlias: the same tables again
    .fill 255, 8, 0
hv_pdpt:
    .quad hv_pd + TABLE, hv_pd + 0x1000 + TABLE, hv_pd + 0x2000 + TABLE, hv_pd + 0x3000 + TABLE
    .fill 508, 8, 0
hv_pd:
    .set page, 0
    .rept 2048
    .if page >= 0xc0000000                      // devices, the local APIC among them: uncached
    .quad page + PAGE_2M + WRITE_THROUGH + CACHE_DISABLE
    .else
    .quad page + PAGE_2M
    .endif
    .set page, page + 0x200000
    .endr
hv_window_pdpt:
    .quad hv_window_pd + TABLE
    .fill 511, 8, 0
hv_window_pd:
    .quad hv_window + TABLE
    .fill 511, 8, 0
    .globl hv_window
hv_window:                                      // filled by kMap
    .fill 512, 8, 0

// IDT: 64-bit interrupt gates (type 14), DPL 0. NMI and #DF have stacks of their own (IST 1 and 2).
    .globl hv_idt
    .balign 16
hv_idt:
    .set vector, 0
    .rept 256
    .set entry, HV_STUBS + vector * HV_STUB_STRIDE
    .set ist, 0
    .if vector == 2
    .set ist, 1
    .endif
    .if vector == 8
    .set ist, 2
    .endif
    .word entry & 0xffff, HV_SEL_CODE64
    .byte ist, 0x8e
    .word entry >> 16
    .long 0, 0
    .set vector, vector + 1
    .endr

// GDT. The descriptors are marked accessed, so that loading one writes nothing.
    .globl hv_gdt
    .balign 16
hv_gdt:
    .quad 0
    .quad 0x00af9b000000ffff                    // 0x08 code, 64 bit
    .quad 0x00cf93000000ffff                    // 0x10 data
    .quad 0x00cf9b000000ffff                    // 0x18 code, 32 bit (kCompat)
    .quad 0x00cffb000000ffff                    // 0x20 user code, 32 bit
    .quad 0x00cff3000000ffff                    // 0x28 user data
    .quad 0x00affb000000ffff                    // 0x30 user code, 64 bit
    .quad 0
    .globl hv_gdt_tss
hv_gdt_tss:                                     // 0x40: a TSS per CPU, two entries each, filled as CPUs start
    .fill 16, 8, 0
hv_gdt_end:

    .globl hv_gdt_pointer
    .balign 8
    .word 0, 0, 0
hv_gdt_pointer:
    .word hv_gdt_end - hv_gdt - 1
    .quad hv_gdt
    .balign 8
    .word 0, 0, 0
    .globl hv_idt_pointer
hv_idt_pointer:
    .word 256 * 16 - 1
    .quad hv_idt
    .section .note.GNU-stack, "", @progbits
