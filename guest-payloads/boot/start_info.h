// SPDX-License-Identifier: Apache-2.0
// What the VMM tells at the PVH entry: command line and module 0. Nothing of it is trusted:
// addresses outside the identity map count as absent, lengths are bounded.
#pragma once

#include <cstdint>

namespace hypervet::guest {

// hvm_start_info (Xen, xen/include/public/arch-x86/hvm/start_info.h), version 0 and 1 alike as far
// as we read.
struct StartInfo {
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t module_count = 0;
  std::uint64_t modules = 0;
  std::uint64_t command_line = 0;
};

inline constexpr std::uint32_t kStartInfoMagic = 0x336e'c578;

// An entry of the list that `modules` points to.
struct ModuleEntry {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  std::uint64_t command_line = 0;
  std::uint64_t reserved = 0;
};

struct Module {
  std::uint64_t address = 0;
  std::uint64_t size = 0;  // 0: there is none
};

inline constexpr unsigned kMaxCommandLine = 512;

// True if it lies in the identity map, and not at 0.
bool readable(std::uint64_t address, std::uint64_t size);
// Null if there is none or it lies where we cannot read.
const char* command_line(const StartInfo* info);
// Reads the module list anew at each call: the program may be put in place after the agent has
// booted.
Module module0(const StartInfo* info);
// True if [address, address + size) is RAM that the agent leaves alone: below 4 GiB, off image,
// mailbox, observations, arena and trampoline.
bool is_free(std::uint64_t address, std::uint64_t size);

}  // namespace hypervet::guest
