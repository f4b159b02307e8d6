// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/boot/boot_params.h"

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/runtime/constants.h"

namespace hypervet::guest {

static_assert(HV_ENTRY_STACK == protocol::kTrampolineAddress + 0x1000);

namespace {

constexpr std::uint32_t kSignature = 0x5372'6448;  // "HdrS"

std::uint64_t joined(std::uint32_t high, std::uint32_t low) {
  return std::uint64_t{high} << 32 | low;
}

}  // namespace

StartInfo start_info_of(const BootParams* params, ModuleEntry& module) {
  StartInfo info = {.magic = kStartInfoMagic};
  if (!readable(reinterpret_cast<std::uint64_t>(params), sizeof *params)) return info;
  const volatile BootParams& told = *params;
  if (told.signature != kSignature) return info;
  info.command_line = joined(told.command_line_high, told.command_line);
  module.address = joined(told.ramdisk_image_high, told.ramdisk_image);
  module.size = joined(told.ramdisk_size_high, told.ramdisk_size);
  info.modules = reinterpret_cast<std::uint64_t>(&module);
  info.module_count = module.size != 0 ? 1 : 0;
  return info;
}

}  // namespace hypervet::guest
