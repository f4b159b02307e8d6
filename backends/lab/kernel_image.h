// SPDX-License-Identifier: Apache-2.0
// Reads a kernel's file: an ELF vmlinux with a PVH entry, or a bzImage
// (Documentation/arch/x86/boot.rst). Every byte is taken for hostile. Functions without state; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace hypervet::lab {

enum class ImageKind { kElf, kBzImage };

struct KernelImage {
  ImageKind kind = ImageKind::kElf;
  std::string release = {};  // "6.12.117+deb12-cloud-amd64"; fit to be the name of a folder
  // A bzImage's compressed vmlinux, within the bytes that were parsed; empty when the header does
  // not tell. unpacked_size is the size that it claims to have.
  std::span<const std::byte> payload = {};
  std::uint32_t unpacked_size = 0;
};

// An ELF that cannot be booted through PVH is an error. All errors are one line without the file's
// name that says what the file is: "a text file, not an x86-64 kernel", "a truncated bzImage: 512
// of 11655104 bytes".
std::expected<KernelImage, std::string> parse_kernel_image(std::span<const std::byte> file);

// Whether an ELF is an x86-64 executable with a PVH entry (XEN_ELFNOTE_PHYS32_ENTRY). The error is
// one line without the file's name.
std::expected<void, std::string> check_pvh(std::span<const std::byte> elf);

// What a file that is no kernel seems to be: "a text file".
std::string_view describe(std::span<const std::byte> file);

// Whether a text can be a kernel's release: 1 to 64 letters, digits and "._+-~", no dot in front.
bool is_release(std::string_view text);

}  // namespace hypervet::lab
