// SPDX-License-Identifier: Apache-2.0
// What makes a bzImage of the image behind it: boot sector, setup header, and real-mode code that goes to the 32-bit entry.
// Linux's Documentation/arch/x86/boot.rst describes all of it. The loader puts these 1024 bytes anywhere in low memory,
// fills in the header, and enters at offset 0x200 with DS = ES = SS = their segment; from then on they are the boot_params,
// of which all else (offsets 0xc0 to 0xcb: the high halves of addresses) must be zero here.
#define SETUP_SECTORS 1
#define PROTOCOL 0x020c                         // 2.12, the first with xloadflags
#define LOADED_HIGH 0x01
#define XLF_KERNEL_64 0x01
#define BOOT_CS 0x10
#define BOOT_DS 0x18
#define OFFSET(label) (label - hv_linux_setup)

    .section .linux_setup, "", @progbits        // not allocated: nothing of the ELF
    .code16
hv_linux_setup:
    .org 0x1f1
    .byte SETUP_SECTORS
    .word 0                                     // root_flags
    .long hv_file_paragraphs                    // syssize
    .word 0, 0xffff, 0                          // ram_size, vid_mode (normal), root_dev
    .word 0xaa55
    .byte 0xeb, start - 1f                      // 0x200: a jump, which tells where the header ends
1:  .ascii "HdrS"
    .word PROTOCOL
    .long 0                                     // realmode_swtch
    .word 0x1000, OFFSET(title) - 0x200                 // start_sys_seg, kernel_version
    .byte 0, LOADED_HIGH                        // type_of_loader, loadflags
    .word 0                                     // setup_move_size
code32_start:
    .long hv_linux_entry
    .long 0, 0, 0                               // ramdisk_image, ramdisk_size, bootsect_kludge
    .word 0, 0                                  // heap_end_ptr, ext_loader_ver and _type
    .long 0                                     // cmd_line_ptr
    .long 0x7fffffff                            // initrd_addr_max
    .long 0x100000                              // kernel_alignment
    .byte 0, 0                                  // not relocatable: wherever it was loaded, it moves to pref_address
    .word XLF_KERNEL_64
    .long 511                                   // cmdline_size: kMaxCommandLine with its zero
    .long 0, 0, 0                               // hardware_subarch and its data
    .long 0, 0                                  // payload_offset, payload_length
    .quad 0, hv_linux_entry                     // setup_data, pref_address
    .long hv_image_size                         // init_size
    .long 0                                     // handover_offset (no EFI)

// A20 is on, since what was loaded at 1 MiB is there. No BIOS call is made, so the stack is not used.
start:
    cli
    cld
    xor %esi, %esi
    mov %ds, %si
    shl $4, %esi                                // boot_params
    lea OFFSET(gdt)(%esi), %eax
    mov %eax, OFFSET(gdt_base)
    lea OFFSET(protected_mode)(%esi), %eax
    mov %eax, OFFSET(target)
    lgdtl OFFSET(gdt_pointer)
    mov $0x11, %eax                             // PE, ET
    mov %eax, %cr0
    ljmpl *OFFSET(target)
    .code32
protected_mode:
    mov $BOOT_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    xor %ebx, %ebx
    xor %edi, %edi
    xor %ebp, %ebp
    jmp *OFFSET(code32_start)(%esi)

    .balign 8
gdt:
    .quad 0, 0
    .quad 0x00cf9b000000ffff                    // BOOT_CS
    .quad 0x00cf93000000ffff                    // BOOT_DS
gdt_pointer:
    .word . - gdt - 1
gdt_base:
    .long 0
target:
    .long 0
    .word BOOT_CS
title:
    .asciz "hypervet agent"
    .org (SETUP_SECTORS + 1) * 512
    .section .note.GNU-stack, "", @progbits
