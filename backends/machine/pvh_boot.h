// SPDX-License-Identifier: Apache-2.0
// What a PVH guest finds at its entry: hvm_start_info with command line, module 0 and memory map,
// all in low memory (Xen's public/arch-x86/hvm/start_info.h; docs/misc/pvh.pandoc for the register
// state).
//
// Functions without state; any thread may call them for its own memory.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "backends/machine/guest_memory.h"

namespace hypervet::machine {

// The structures lie in [kBootInfoAddress, kBootInfoEnd): start info, module list, memory map in
// the first page, the command line in the second.
inline constexpr std::uint64_t kBootInfoAddress = 0x1000;
inline constexpr std::uint64_t kCommandLineAddress = 0x2000;
inline constexpr std::uint64_t kBootInfoEnd = 0x3000;
inline constexpr std::size_t kMaxCommandLine = kBootInfoEnd - kCommandLineAddress - 1;

// Guest RAM is one piece from 0 and must end below the devices' addresses.
inline constexpr std::uint64_t kMaxMemory = 0xc000'0000;

struct BootModule {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

// Writes the structures; the module's contents are the caller's affair. Returns the address of
// hvm_start_info, which the guest gets in EBX. Errors: command line too long, memory too small or
// too large.
std::expected<std::uint64_t, std::string> write_boot_info(GuestMemory& memory,
                                                          std::string_view command_line,
                                                          std::optional<BootModule> module);

// Replaces module 0 of a guest that was told of one: the agent reads the list anew after its
// doorbell kReady.
void set_boot_module(GuestMemory& memory, const BootModule& module);

}  // namespace hypervet::machine
