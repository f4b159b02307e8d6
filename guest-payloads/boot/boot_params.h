// SPDX-License-Identifier: Apache-2.0
// What a VMM tells at the Linux entries, turned into what it tells at the PVH entry. Nothing of it
// is trusted; each field is read once.
#pragma once

#include <cstdint>

#include "guest-payloads/boot/start_info.h"

namespace hypervet::guest {

// struct boot_params, as far as we read (Linux: Documentation/arch/x86/zero-page.rst; from
// `signature` on: boot.rst). A real-mode loader fills in the part that boot.rst describes alone.
struct [[gnu::packed]] BootParams {
  std::uint8_t before[0x0c0];
  std::uint32_t ramdisk_image_high;
  std::uint32_t ramdisk_size_high;
  std::uint32_t command_line_high;
  std::uint8_t between[0x202 - 0x0cc];
  std::uint32_t signature;
  std::uint8_t for_the_loader[0x218 - 0x206];
  std::uint32_t ramdisk_image;
  std::uint32_t ramdisk_size;
  std::uint8_t for_the_setup[0x228 - 0x220];
  std::uint32_t command_line;
};
static_assert(sizeof(BootParams) == 0x22c);

// A start info with the initial RAM disk as module 0, which is described in `module`. It tells of
// nothing if `params` lies where we cannot read or has no signature.
StartInfo start_info_of(const BootParams* params, ModuleEntry& module);

}  // namespace hypervet::guest
