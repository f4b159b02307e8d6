// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/kernel_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/backends/lab/kernel_builder.h"

namespace hypervet::lab {
namespace {

using test::ByteVector;
using ::testing::HasSubstr;

std::string error_of(std::span<const std::byte> file) {
  const auto image = parse_kernel_image(file);
  return image ? "none: " + image->release : image.error();
}
std::string error_of(std::string_view text) { return error_of(std::as_bytes(std::span(text))); }

TEST(KernelImage, Vmlinux) {
  const auto image = parse_kernel_image(test::vmlinux("6.12.117+deb12-cloud-amd64"));
  ASSERT_TRUE(image) << image.error();
  EXPECT_EQ(image->kind, ImageKind::kElf);
  EXPECT_EQ(image->release, "6.12.117+deb12-cloud-amd64");
}

TEST(KernelImage, BzImage) {
  const ByteVector payload(1000, std::byte{7});
  const ByteVector file = test::bzimage("6.1.0-rc3_x", payload, 4711);
  const auto image = parse_kernel_image(file);
  ASSERT_TRUE(image) << image.error();
  EXPECT_EQ(image->kind, ImageKind::kBzImage);
  EXPECT_EQ(image->release, "6.1.0-rc3_x");
  EXPECT_EQ(image->unpacked_size, 4711u);
  EXPECT_EQ(ByteVector(image->payload.begin(), image->payload.end()), payload);
}

TEST(KernelImage, BzImageWhosePayloadIsNotToBeFound) {
  ByteVector file = test::bzimage("6.1.0", ByteVector(1000), 1);
  test::set<std::uint32_t>(file, 0x248, 0xffff'fff0);
  EXPECT_TRUE(parse_kernel_image(file)->payload.empty());
  test::set<std::uint32_t>(file, 0x248, 0);
  test::set<std::uint32_t>(file, 0x24c, 0xffff'ffff);
  EXPECT_TRUE(parse_kernel_image(file)->payload.empty());
  test::set<std::uint16_t>(file, 0x206, 0x0207);
  EXPECT_TRUE(parse_kernel_image(file)->payload.empty());
}

TEST(KernelImage, SaysWhatAFileIsInstead) {
  EXPECT_EQ(error_of(""), "an empty file, not an x86-64 kernel");
  EXPECT_EQ(error_of("hello\nworld\n"), "a text file, not an x86-64 kernel");
  EXPECT_EQ(error_of("#!/bin/sh\n"), "a script, not an x86-64 kernel");
  EXPECT_EQ(error_of("\x1f\x8b\x08 and so on"), "a gzip-compressed file, not an x86-64 kernel");
  EXPECT_EQ(error_of("!<arch>\ndebian-binary"),
            "an archive, perhaps a Debian package, not an x86-64 kernel");
  std::string arm(128, '\0');
  arm.replace(0, 2, "MZ");
  arm.replace(0x38, 4, "ARM\x64");
  EXPECT_EQ(error_of(arm), "an ARM64 kernel, not an x86-64 kernel");
  EXPECT_EQ(error_of(std::string(600, '\1')), "data of an unknown kind, not an x86-64 kernel");
}

TEST(KernelImage, OtherElfFiles) {
  auto arm = test::vmlinux_builder("6.1.0");
  arm.header.e_machine = EM_AARCH64;
  EXPECT_EQ(error_of(arm.build()), "an ELF file for ARM64, not for x86-64");
  EXPECT_EQ(error_of(machine::test::good_elf().build()),
            "an ELF file, but no Linux kernel: it has no \"Linux version\" in it");
  EXPECT_EQ(
      error_of(test::vmlinux_without_pvh("6.1.0")),
      "Linux 6.1.0: no PVH note (XEN_ELFNOTE_PHYS32_ENTRY): it cannot be booted; use its bzImage");
  ByteVector cut = test::vmlinux("6.1.0");
  cut.resize(40);
  EXPECT_EQ(error_of(cut), "truncated: not even a whole ELF header");
  cut = test::vmlinux("6.1.0");
  cut.resize(cut.size() - 8);
  EXPECT_THAT(error_of(cut), HasSubstr("truncated"));
}

TEST(KernelImage, SpoiltBzImages) {
  const ByteVector good = test::bzimage("6.1.0", ByteVector(1000), 1);
  for (const std::size_t size : {std::size_t{0x206}, std::size_t{0x24f}, good.size() - 1}) {
    const ByteVector cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THAT(error_of(cut),
                ::testing::StartsWith("a truncated bzImage: " + std::to_string(size) + " of "));
  }
  ByteVector file = good;
  test::set<std::uint16_t>(file, 0x1fe, 0);
  EXPECT_EQ(error_of(file), "a bzImage without the boot flag 0xaa55");
  file = good;
  test::set<std::uint16_t>(file, 0x236, 0);
  EXPECT_EQ(error_of(file), "a 32-bit x86 kernel, not one for x86-64");
  for (const std::uint16_t offset : {std::uint16_t{0xffff}, std::uint16_t{0x3ff}}) {
    file = good;
    test::set(file, 0x20e, offset);
    EXPECT_EQ(error_of(file), "a bzImage that does not tell its release");
  }
}

TEST(KernelImage, AReleaseIsFitForAPath) {
  EXPECT_TRUE(is_release("6.12.117+deb12-cloud-amd64"));
  EXPECT_TRUE(is_release("6.1.0-rc3_local~1"));
  for (const char* bad : {"", "..", ".6", "../etc", "6.1/x", "6 1", "6.1\n", "6.1\x80"}) {
    EXPECT_FALSE(is_release(bad)) << bad;
  }
  EXPECT_FALSE(is_release(std::string(65, '1')));
  EXPECT_EQ(error_of(test::bzimage("../../etc", ByteVector(10), 1)),
            "a bzImage that does not tell its release");
}

}  // namespace
}  // namespace hypervet::lab
