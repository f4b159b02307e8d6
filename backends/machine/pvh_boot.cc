// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/pvh_boot.h"

#include <fmt/format.h>

#include <array>

namespace hypervet::machine {
namespace {

constexpr std::uint32_t kStartMagic = 0x336ec578;
constexpr std::uint64_t kModuleListAddress = kBootInfoAddress + 0x100;
constexpr std::uint64_t kMemoryMapAddress = kBootInfoAddress + 0x200;

// hvm_start_info, version 1.
struct StartInfo {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint32_t flags;
  std::uint32_t nr_modules;
  std::uint64_t modlist_paddr;
  std::uint64_t cmdline_paddr;
  std::uint64_t rsdp_paddr;
  std::uint64_t memmap_paddr;
  std::uint32_t memmap_entries;
  std::uint32_t reserved;
};
static_assert(sizeof(StartInfo) == 56);

struct ModuleEntry {
  std::uint64_t paddr;
  std::uint64_t size;
  std::uint64_t cmdline_paddr;
  std::uint64_t reserved;
};

struct MemoryMapEntry {
  std::uint64_t address;
  std::uint64_t size;
  std::uint32_t type;  // as in E820: 1 RAM, 2 reserved
  std::uint32_t reserved;
};

constexpr std::uint32_t kRam = 1;
constexpr std::uint32_t kReserved = 2;
constexpr std::uint64_t kLowRamEnd = 0x9'f000;
constexpr std::uint64_t kHighRamStart = 0x10'0000;

}  // namespace

std::expected<std::uint64_t, std::string> write_boot_info(GuestMemory& memory,
                                                          std::string_view command_line,
                                                          std::optional<BootModule> module) {
  if (command_line.size() > kMaxCommandLine) {
    return std::unexpected(fmt::format("the command line has {} bytes, at most {} fit",
                                       command_line.size(), kMaxCommandLine));
  }
  if (memory.size() <= kHighRamStart || memory.size() > kMaxMemory) {
    return std::unexpected(fmt::format("{} bytes of memory: must be more than {} and at most {}",
                                       memory.size(), kHighRamStart, kMaxMemory));
  }

  const std::array<MemoryMapEntry, 3> map{{
      {0, kLowRamEnd, kRam, 0},
      {kLowRamEnd, kHighRamStart - kLowRamEnd, kReserved, 0},
      {kHighRamStart, memory.size() - kHighRamStart, kRam, 0},
  }};
  memory.store(kMemoryMapAddress, map);

  memory.write(kCommandLineAddress,
               {reinterpret_cast<const std::uint8_t*>(command_line.data()), command_line.size()});
  memory.store(kCommandLineAddress + command_line.size(), std::uint8_t{0});

  if (module) set_boot_module(memory, *module);

  memory.store(kBootInfoAddress, StartInfo{.magic = kStartMagic,
                                           .version = 1,
                                           .flags = 0,
                                           .nr_modules = module ? 1u : 0u,
                                           .modlist_paddr = module ? kModuleListAddress : 0,
                                           .cmdline_paddr = kCommandLineAddress,
                                           .rsdp_paddr = 0,
                                           .memmap_paddr = kMemoryMapAddress,
                                           .memmap_entries = map.size(),
                                           .reserved = 0});
  return kBootInfoAddress;
}

void set_boot_module(GuestMemory& memory, const BootModule& module) {
  memory.store(kModuleListAddress, ModuleEntry{module.address, module.size, 0, 0});
}

}  // namespace hypervet::machine
