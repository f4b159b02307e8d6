// SPDX-License-Identifier: Apache-2.0
// Small kernels: files that have what a loader looks at, and nothing that would run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/backends/machine/elf_builder.h"

namespace hypervet::test {

using ByteVector = std::vector<std::byte>;

inline std::vector<std::uint8_t> text_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

inline machine::test::ElfBuilder vmlinux_builder(std::string_view release) {
  machine::test::ElfBuilder elf;
  // The first is what printk has; no release stands behind it.
  const std::string banner = "Linux version %s\n" + std::string(300, 'x') + "Linux version " +
                             std::string(release) + " (me@here) (gcc) #1 SMP\n";
  elf.segment({.address = 0x100'0000, .contents = text_bytes(banner)});
  elf.pvh(0x100'0000);
  return elf;
}

inline ByteVector vmlinux(std::string_view release) { return vmlinux_builder(release).build(); }

// A vmlinux that lacks the PVH note (CONFIG_PVH is off).
inline ByteVector vmlinux_without_pvh(std::string_view release) {
  return vmlinux_builder(release).notes({}).build();
}

template <typename T>
void set(ByteVector& file, std::size_t offset, T value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
}

// Documentation/arch/x86/boot.rst; 2 sectors of setup code, then stub, payload and its size.
inline ByteVector bzimage(std::string_view release, std::span<const std::byte> payload,
                          std::uint32_t unpacked_size, bool append_size = true) {
  constexpr std::size_t kSetup = 3 * 512;
  constexpr std::size_t kStub = 100;
  const std::size_t length = payload.size() + (append_size ? sizeof unpacked_size : 0);
  ByteVector file((kSetup + kStub + length + 15) / 16 * 16);
  std::ranges::copy(payload, file.begin() + kSetup + kStub);
  if (append_size) set(file, kSetup + kStub + payload.size(), unpacked_size);
  set<std::uint8_t>(file, 0x1f1, 2);
  set(file, 0x1f4, static_cast<std::uint32_t>((file.size() - kSetup) / 16));
  set<std::uint16_t>(file, 0x1fe, 0xaa55);
  std::memcpy(file.data() + 0x202, "HdrS", 4);
  set<std::uint16_t>(file, 0x206, 0x020f);
  set<std::uint16_t>(file, 0x20e, 0x400 - 0x200);
  const std::string text = std::string(release) + " (me@here) #1 SMP";
  std::memcpy(file.data() + 0x400, text.c_str(), text.size() + 1);
  set<std::uint16_t>(file, 0x236, 1);
  set(file, 0x248, static_cast<std::uint32_t>(kStub));
  set(file, 0x24c, static_cast<std::uint32_t>(length));
  return file;
}

// A module's ELF: a .modinfo section and the section names.
inline ByteVector module(std::string_view depends, std::string_view release) {
  std::string info("license=GPL\0depends=", 20);
  info += depends;
  info += '\0';
  info += "vermagic=" + std::string(release) + " SMP preempt mod_unload \0";
  info += '\0';
  const std::string names("\0.modinfo\0.shstrtab\0", 20);
  Elf64_Ehdr header = machine::test::ElfBuilder().header;
  header.e_type = ET_REL;
  header.e_phoff = 0;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  header.e_shoff = sizeof header;
  Elf64_Shdr sections[3]{};
  const std::size_t start = sizeof header + sizeof sections;
  sections[1].sh_name = 1;
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_offset = start;
  sections[1].sh_size = info.size();
  sections[2].sh_name = 10;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = start + info.size();
  sections[2].sh_size = names.size();
  ByteVector file(start + info.size() + names.size());
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, sections, sizeof sections);
  std::memcpy(file.data() + start, info.data(), info.size());
  std::memcpy(file.data() + start + info.size(), names.data(), names.size());
  return file;
}

}  // namespace hypervet::test
