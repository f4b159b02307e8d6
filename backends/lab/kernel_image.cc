// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/kernel_image.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <optional>

#include "backends/machine/elf_loader.h"

namespace hypervet::lab {
namespace {

using Bytes = std::span<const std::byte>;
using Failure = std::unexpected<std::string>;

// Fields of the setup header, as offsets into the file (boot.rst, "The Real-Mode Kernel Header").
constexpr std::size_t kSetupSectors = 0x1f1;   // 1 byte, 0 means 4
constexpr std::size_t kSystemSize = 0x1f4;     // 4 bytes, in units of 16 bytes
constexpr std::size_t kBootFlag = 0x1fe;       // 2 bytes
constexpr std::size_t kMagic = 0x202;          // "HdrS"
constexpr std::size_t kProtocol = 0x206;       // 2 bytes, major and minor
constexpr std::size_t kVersionOffset = 0x20e;  // 2 bytes, of the text, less 0x200
constexpr std::size_t kExtraFlags = 0x236;     // 2 bytes, xloadflags
constexpr std::size_t kPayloadOffset = 0x248;  // 4 bytes, from the protected-mode code
constexpr std::size_t kPayloadLength = 0x24c;  // 4 bytes
constexpr std::size_t kHeaderEnd = 0x250;

constexpr std::uint16_t kWithPayload = 0x0208;     // protocols that have
constexpr std::uint16_t kWithExtraFlags = 0x020c;  // these fields
constexpr std::uint16_t kHas64BitEntry = 1;        // XLF_KERNEL_64

std::optional<Bytes> slice(Bytes file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) return std::nullopt;
  return file.subspan(offset, size);
}

// Little-endian, as this machine is; zero beyond the end.
template <typename T>
T number(Bytes file, std::size_t offset) {
  T value = 0;
  if (const auto part = slice(file, offset, sizeof value)) {
    std::memcpy(&value, part->data(), sizeof value);
  }
  return value;
}

bool has(Bytes file, std::size_t offset, std::string_view magic) {
  const auto part = slice(file, offset, magic.size());
  return part && std::memcmp(part->data(), magic.data(), magic.size()) == 0;
}

// The text up to the first blank or zero, within the bytes.
std::string first_word(Bytes bytes) {
  constexpr std::size_t kMost = 128;
  std::string word;
  for (const std::byte byte : bytes.first(std::min(bytes.size(), kMost))) {
    const char letter = static_cast<char>(byte);
    if (letter == ' ' || letter == '\0') break;
    word += letter;
  }
  return word;
}

// What init/version.c calls linux_banner: "Linux version 6.12.1 (builder@host) ...".
std::optional<std::string> banner_release(Bytes file) {
  constexpr std::string_view kBanner = "Linux version ";
  while (true) {
    const void* found = memmem(file.data(), file.size(), kBanner.data(), kBanner.size());
    if (!found) return std::nullopt;
    file =
        file.subspan(static_cast<std::size_t>(static_cast<const std::byte*>(found) - file.data()) +
                     kBanner.size());
    std::string word = first_word(file);
    if (is_release(word) && std::isdigit(static_cast<unsigned char>(word[0]))) return word;
  }
}

std::string_view machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "32-bit x86";
    case EM_ARM:
      return "32-bit ARM";
    case EM_AARCH64:
      return "ARM64";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "PowerPC";
    case EM_S390:
      return "s390";
    case EM_LOONGARCH:
      return "LoongArch";
    case EM_MIPS:
      return "MIPS";
    default:
      return "another machine";
  }
}

std::expected<KernelImage, std::string> parse_elf_kernel(Bytes file) {
  const auto machine = number<std::uint16_t>(file, offsetof(Elf64_Ehdr, e_machine));
  if (file.size() < sizeof(Elf64_Ehdr)) return Failure("truncated: not even a whole ELF header");
  if (machine != EM_X86_64) {
    return Failure(fmt::format("an ELF file for {}, not for x86-64", machine_name(machine)));
  }
  const auto release = banner_release(file);
  if (!release) {
    return Failure("an ELF file, but no Linux kernel: it has no \"Linux version\" in it");
  }
  if (auto boots = check_pvh(file); !boots) {
    return Failure(fmt::format("Linux {}: {}; use its bzImage", *release, boots.error()));
  }
  return KernelImage{.kind = ImageKind::kElf, .release = *release};
}

std::expected<KernelImage, std::string> parse_bzimage(Bytes file) {
  const std::uint64_t sectors = number<std::uint8_t>(file, kSetupSectors);
  const std::uint64_t setup_size = ((sectors == 0 ? 4 : sectors) + 1) * 512;
  const std::uint64_t whole =
      setup_size + std::uint64_t{number<std::uint32_t>(file, kSystemSize)} * 16;
  if (file.size() < std::max<std::uint64_t>(whole, kHeaderEnd)) {
    return Failure(fmt::format("a truncated bzImage: {} of {} bytes", file.size(),
                               std::max<std::uint64_t>(whole, kHeaderEnd)));
  }
  if (number<std::uint16_t>(file, kBootFlag) != 0xaa55) {
    return Failure("a bzImage without the boot flag 0xaa55");
  }
  const auto protocol = number<std::uint16_t>(file, kProtocol);
  if (protocol >= kWithExtraFlags && !(number<std::uint16_t>(file, kExtraFlags) & kHas64BitEntry)) {
    return Failure("a 32-bit x86 kernel, not one for x86-64");
  }

  KernelImage image{.kind = ImageKind::kBzImage};
  const std::uint64_t version = std::uint64_t{number<std::uint16_t>(file, kVersionOffset)} + 0x200;
  if (version < setup_size) image.release = first_word(file.first(setup_size).subspan(version));
  if (!is_release(image.release)) return Failure("a bzImage that does not tell its release");

  if (protocol < kWithPayload) return image;
  const auto payload = slice(file.subspan(setup_size), number<std::uint32_t>(file, kPayloadOffset),
                             number<std::uint32_t>(file, kPayloadLength));
  // Behind the compressed data stands the size of what it unpacks to; gzip has the same number
  // there by its own format.
  constexpr std::size_t kSizeField = 4;
  if (payload && payload->size() > kSizeField) {
    image.unpacked_size = number<std::uint32_t>(*payload, payload->size() - kSizeField);
    const bool gzip = has(*payload, 0, "\x1f\x8b");
    image.payload = gzip ? *payload : payload->first(payload->size() - kSizeField);
  }
  return image;
}

bool is_text(Bytes file) {
  const Bytes start = file.first(std::min<std::size_t>(file.size(), 512));
  return std::ranges::all_of(start, [](std::byte byte) {
    const auto letter = static_cast<unsigned char>(byte);
    return letter >= 0x20 ? letter != 0x7f : letter == '\n' || letter == '\r' || letter == '\t';
  });
}

}  // namespace

bool is_release(std::string_view text) {
  if (text.empty() || text.size() > 64 || text[0] == '.') return false;
  return std::ranges::all_of(text, [](char letter) {
    const bool word = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                      (letter >= '0' && letter <= '9');
    return word || std::string_view("._+-~").find(letter) != std::string_view::npos;
  });
}

std::string_view describe(Bytes file) {
  struct Known {
    std::size_t offset;
    std::string_view magic;
    std::string_view what;
  };
  // The other architectures' boot documents give their magics: an ARM64 image may be an EFI program
  // too, so it comes first.
  static constexpr Known kKnown[] = {
      {0x38, "ARM\x64", "an ARM64 kernel"},
      {0x24, {"\x18\x28\x6f\x01", 4}, "a 32-bit ARM kernel"},
      {0x38, "RSC\x05", "a RISC-V kernel"},
      {0, "\x27\x05\x19\x56", "a U-Boot image"},
      {0, ELFMAG, "an ELF file"},
      {0, "\x1f\x8b", "a gzip-compressed file"},
      {0,
       {"\xfd"
        "7zXZ\0",
        6},
       "an xz-compressed file"},
      {0, "\x28\xb5\x2f\xfd", "a zstd-compressed file"},
      {0, "BZh", "a bzip2-compressed file"},
      {0, "!<arch>\n", "an archive, perhaps a Debian package"},
      {0, "070701", "a cpio archive, perhaps an initrd"},
      {0, "#!", "a script"},
      {0, "MZ", "an EFI or Windows program"},
  };
  if (file.empty()) return "an empty file";
  for (const Known& known : kKnown) {
    if (has(file, known.offset, known.magic)) return known.what;
  }
  return is_text(file) ? "a text file" : "data of an unknown kind";
}

std::expected<void, std::string> check_pvh(Bytes elf) {
  if (auto payload = machine::parse_elf(elf); !payload) return Failure(payload.error());
  return {};
}

std::expected<KernelImage, std::string> parse_kernel_image(Bytes file) {
  if (has(file, 0, ELFMAG)) return parse_elf_kernel(file);
  if (has(file, kMagic, "HdrS")) return parse_bzimage(file);
  return Failure(fmt::format("{}, not an x86-64 kernel", describe(file)));
}

}  // namespace hypervet::lab
