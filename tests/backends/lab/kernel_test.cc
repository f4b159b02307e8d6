// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/kernel.h"

#include <archive.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backends/lab/kernel_image.h"
#include "backends/process/mapped_file.h"
#include "tests/backends/lab/kernel_builder.h"
#include "tests/backends/lab/packing.h"
#include "tests/backends/process/scratch.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using test::ByteVector;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// "gzip", "lz4 (as the kernel's build uses it)", ...
struct Packing {
  const char* name;
  int filter;
  bool append_size;
};

class PackedKernel : public ::testing::TestWithParam<Packing> {};

TEST_P(PackedKernel, IsBootedByItsVmlinux) {
  const test::Scratch scratch;
  const ByteVector vmlinux = test::vmlinux("6.1.2-packed");
  const ByteVector payload = test::packed(vmlinux, GetParam().filter);
  ASSERT_FALSE(payload.empty());
  const fs::path image = scratch.write(
      "bzImage", test::bzimage("6.1.2-packed", payload, static_cast<std::uint32_t>(vmlinux.size()),
                               GetParam().append_size));
  std::vector<std::string> said;
  const Progress progress{.say = [&](std::string_view line) { said.emplace_back(line); }};
  const auto kernel = kernel_from_file(image, {}, scratch / "cache", progress);
  ASSERT_TRUE(kernel) << kernel.error();
  EXPECT_EQ(kernel->boot, BootMethod::kPvh) << kernel->why_bzimage;
  EXPECT_EQ(kernel->release, "6.1.2-packed");
  EXPECT_EQ(kernel->original, image);
  const auto unpacked = process::MappedFile::open(kernel->image);
  ASSERT_TRUE(unpacked) << unpacked.error();
  EXPECT_EQ(ByteVector(unpacked->bytes().begin(), unpacked->bytes().end()), vmlinux);
  EXPECT_THAT(said, ::testing::ElementsAre("unpacking Linux 6.1.2-packed"));

  const auto again = kernel_from_file(image, {}, scratch / "cache", progress);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->image, kernel->image);
  EXPECT_EQ(said.size(), 1u);  // nothing was unpacked a second time
}

INSTANTIATE_TEST_SUITE_P(Kernels, PackedKernel,
                         ::testing::Values(Packing{"gzip", ARCHIVE_FILTER_GZIP, false},
                                           Packing{"xz", ARCHIVE_FILTER_XZ, true},
                                           Packing{"lzma", ARCHIVE_FILTER_LZMA, true},
                                           Packing{"zstd", ARCHIVE_FILTER_ZSTD, true},
                                           Packing{"bzip2", ARCHIVE_FILTER_BZIP2, true},
                                           Packing{"lz4", ARCHIVE_FILTER_LZ4, true}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(KernelFile, ABzImageThatCannotBeUnpackedIsBootedItself) {
  const test::Scratch scratch;
  const fs::path cache = scratch / "cache";
  const ByteVector plain = test::vmlinux_without_pvh("6.1.2");
  const auto size = static_cast<std::uint32_t>(plain.size());
  struct Case {
    ByteVector image;
    const char* why;
  };
  const ByteVector zstd = test::packed(plain, ARCHIVE_FILTER_ZSTD);
  ByteVector broken = zstd;
  broken[broken.size() / 2] ^= std::byte{0x55};
  const ByteVector good = test::packed(test::vmlinux("6.1.2"), ARCHIVE_FILTER_ZSTD);
  const Case cases[] = {
      {test::bzimage("6.1.2", zstd, size), "no PVH note"},
      {test::bzimage("6.1.2", broken, size), ""},
      {test::bzimage("6.1.2", good, 0xffff'ffff), "instead of 4294967295 bytes"},
      {test::bzimage("6.1.2", good, 100), "more than 100 bytes"},
      {test::bzimage("6.1.2", ByteVector(1000, std::byte{1}), 1000), "not an ELF file"},
      {test::bzimage("6.1.2", {}, 0), "header does not tell"},
  };
  for (const Case& one : cases) {
    const fs::path image = scratch.write("bzImage", one.image);
    for (int round = 0; round < 2; ++round) {  // the second one finds the reason in the cache
      const auto kernel = kernel_from_file(image, {}, cache);
      ASSERT_TRUE(kernel) << kernel.error();
      EXPECT_EQ(kernel->boot, BootMethod::kBzImage);
      EXPECT_EQ(kernel->image, image);
      EXPECT_THAT(kernel->why_bzimage, HasSubstr(one.why));
      EXPECT_FALSE(kernel->why_bzimage.empty());
    }
  }
}

TEST(KernelFile, AHalfWrittenVmlinuxInTheCacheIsReplaced) {
  const test::Scratch scratch;
  const ByteVector vmlinux = test::vmlinux("6.1.2");
  const fs::path image =
      scratch.write("bzImage", test::bzimage("6.1.2", test::packed(vmlinux, ARCHIVE_FILTER_XZ),
                                             static_cast<std::uint32_t>(vmlinux.size())));
  const auto first = kernel_from_file(image, {}, scratch / "cache");
  ASSERT_TRUE(first) << first.error();
  fs::resize_file(first->image, 0);
  const auto second = kernel_from_file(image, {}, scratch / "cache");
  ASSERT_TRUE(second) << second.error();
  EXPECT_EQ(second->boot, BootMethod::kPvh);
  EXPECT_EQ(fs::file_size(second->image), vmlinux.size());
  EXPECT_EQ(test::entries(scratch / "cache" / "kernels"), 1u);
}

TEST(KernelFile, VmlinuxIsBootedWhereItIs) {
  const test::Scratch scratch;
  const fs::path image = scratch.write("vmlinux", test::vmlinux("6.1.2"));
  const auto kernel = kernel_from_file(image, {}, scratch / "cache");
  ASSERT_TRUE(kernel) << kernel.error();
  EXPECT_EQ(kernel->image, image);
  EXPECT_EQ(kernel->boot, BootMethod::kPvh);
  EXPECT_TRUE(kernel->modules.empty());
  EXPECT_FALSE(fs::exists(scratch / "cache"));
}

TEST(KernelFile, ErrorsNameTheFile) {
  const test::Scratch scratch;
  const auto error = [&](const fs::path& image) {
    return kernel_from_file(image, {}, scratch / "cache").error();
  };
  EXPECT_EQ(error(scratch / "none"), (scratch / "none").string() + ": No such file or directory");
  EXPECT_EQ(error(scratch.path()), scratch.path().string() + ": is a folder, not a file");
  EXPECT_EQ(error("/dev/null"), "/dev/null: is not a regular file");
  const fs::path text = scratch.write("text", std::string_view("hello\n"));
  EXPECT_EQ(error(text), text.string() + ": a text file, not an x86-64 kernel");
  EXPECT_THAT(error("/proc/self/exe"), HasSubstr("an ELF file"));
}

TEST(KernelFile, ACacheThatCannotBeWritten) {
  const test::Scratch scratch;
  const ByteVector vmlinux = test::vmlinux("6.1.2");
  const fs::path image =
      scratch.write("bzImage", test::bzimage("6.1.2", test::packed(vmlinux, ARCHIVE_FILTER_XZ),
                                             static_cast<std::uint32_t>(vmlinux.size())));
  scratch.write("cache", std::string_view("a file where the folder should be"));
  const auto kernel = kernel_from_file(image, {}, scratch / "cache");
  ASSERT_FALSE(kernel);
  EXPECT_THAT(kernel.error(), StartsWith("cannot make the folder " +
                                         (scratch / "cache" / "kernels").string() + ": "));
}

class KernelModules : public ::testing::Test {
 protected:
  std::expected<Kernel, std::string> with(const fs::path& modules) {
    return kernel_from_file(image, modules, scratch / "cache");
  }

  test::Scratch scratch;
  fs::path image = scratch.write("vmlinux", test::vmlinux("6.1.2"));
};

TEST_F(KernelModules, TheFolderItselfOrARootThatHasIt) {
  scratch.write("root/lib/modules/6.1.2/kernel/kvm.ko", test::module("", "6.1.2"));
  scratch.write("usr-root/usr/lib/modules/6.1.2/kernel/kvm.ko", test::module("", "6.1.2"));
  scratch.write("mine/kernel/kvm.ko", test::module("", "6.1.2"));
  const fs::path folder = scratch / "root/lib/modules/6.1.2";
  EXPECT_EQ(with(scratch / "root")->modules, folder);
  EXPECT_EQ(with(scratch / "root/")->modules, folder);
  EXPECT_EQ(with(folder)->modules, folder);
  EXPECT_EQ(with(folder.string() + "/")->modules, folder);
  EXPECT_EQ(with(scratch / "usr-root")->modules, scratch / "usr-root/usr/lib/modules/6.1.2");
  EXPECT_EQ(with(scratch / "mine")->modules, scratch / "mine");
}

TEST_F(KernelModules, OfAnotherRelease) {
  scratch.write("root/lib/modules/6.1.3/kernel/kvm.ko", test::module("", "6.1.3"));
  scratch.write("root/lib/modules/6.2.0/kernel/kvm.ko", test::module("", "6.2.0"));
  EXPECT_EQ(with(scratch / "root").error(), (scratch / "root/lib/modules").string() +
                                                " has modules of 6.1.3, 6.2.0, but the kernel is "
                                                "6.1.2");
  EXPECT_EQ(with(scratch / "root/lib/modules/6.1.3").error(),
            (scratch / "root/lib/modules/6.1.3").string() +
                " has modules of 6.1.3, but the kernel is 6.1.2");
}

TEST_F(KernelModules, NoFolderOfModules) {
  EXPECT_EQ(with(scratch / "none").error(),
            (scratch / "none").string() + ": No such file or directory");
  EXPECT_EQ(with(image).error(), image.string() + ": is not a folder");
  fs::create_directory(scratch / "empty");
  EXPECT_EQ(
      with(scratch / "empty").error(),
      (scratch / "empty").string() + ": neither a folder lib/modules/RELEASE nor one that has it");
}

}  // namespace
}  // namespace hypervet::lab
