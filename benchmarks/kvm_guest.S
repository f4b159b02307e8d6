// SPDX-License-Identifier: Apache-2.0
// The guest of kvm_benchmark: says that it is ready, exits to user space as often as the 32-bit
// word in PVH module 0 says, and says that it has finished. The numbers are those of
// guest-payloads/protocol/layout.h and mailbox.h.

#define MAILBOX   0x400000
#define DOORBELL  0x5f0
#define READY     1
#define FINISHED  2
#define IDLE_PORT 0x80

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
    mov 16(%ebx), %esi                  // hvm_start_info.modlist_paddr
    mov (%esi), %esi                    // first entry's paddr
    mov (%esi), %ecx
    movl $0x69616d68, MAILBOX
    movl $0x786f626c, MAILBOX + 4
    mov $DOORBELL, %edx
    mov $READY, %eax
    outl %eax, %dx
    jecxz finished
1:  outl %eax, $IDLE_PORT
    dec %ecx
    jnz 1b
finished:
    mov $FINISHED, %eax
    outl %eax, %dx
    hlt
