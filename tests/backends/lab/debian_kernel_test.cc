// SPDX-License-Identifier: Apache-2.0
// The real thing: a kernel and a busybox of Debian, as a lab uses them. Skipped where apt has them
// not and no earlier run has left them in the cache.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "backends/lab/archive.h"
#include "backends/lab/initramfs.h"
#include "backends/lab/kernel.h"
#include "backends/lab/kernel_image.h"
#include "backends/lab/modules.h"
#include "backends/lab/packages.h"
#include "backends/process/child.h"
#include "backends/process/mapped_file.h"
#include "tests/backends/process/scratch.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr const char* kCache = HYPERVET_LAB_TEST_CACHE;

class DebianKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    auto got = kernel_from_package("linux-image-6.12.*-cloud-amd64", kCache);
    if (!got) GTEST_SKIP() << got.error();
    kernel = *got;
  }
  static std::vector<std::string> names(const std::vector<Module>& modules) {
    std::vector<std::string> all;
    for (const Module& module : modules) all.push_back(module.name);
    return all;
  }

  Kernel kernel;
};

TEST_F(DebianKernel, IsBootedThroughPvh) {
  EXPECT_EQ(kernel.boot, BootMethod::kPvh) << kernel.why_bzimage;
  EXPECT_THAT(kernel.release, MatchesRegex("6\\.12\\.[0-9]+.*-cloud-amd64"));
  EXPECT_EQ(kernel.modules.filename(), kernel.release);
  // The vmlinux tells the same release as the bzImage that it was taken out of.
  const auto vmlinux = kernel_from_file(kernel.image, kernel.modules, kCache);
  ASSERT_TRUE(vmlinux) << vmlinux.error();
  EXPECT_EQ(vmlinux->release, kernel.release);
  EXPECT_EQ(vmlinux->modules, kernel.modules);
}

TEST_F(DebianKernel, ATruncatedImageIsNoticed) {
  const test::Scratch scratch;
  const fs::path cut = scratch / "vmlinuz";
  fs::copy_file(kernel.original, cut);
  fs::resize_file(cut, fs::file_size(cut) / 2);
  EXPECT_THAT(kernel_from_file(cut, {}, scratch / "cache").error(),
              HasSubstr(cut.string() + ": a truncated bzImage: "));
}

TEST_F(DebianKernel, ModulesOfKvmInOrder) {
  const std::vector<WantedModule> wanted = {
      {"kvm_amd"}, {"virtio_pci"}, {"virtio_console"}, {"qemu_fw_cfg"}};
  const auto order = load_order(kernel.modules, wanted);
  ASSERT_TRUE(order) << order.error();
  const std::vector<std::string> all = names(*order);
  const auto at = [&](const char* name) { return std::ranges::find(all, name); };
  ASSERT_NE(at("kvm_amd"), all.end());
  EXPECT_LT(at("irqbypass"), at("kvm"));
  EXPECT_LT(at("kvm"), at("kvm_amd"));
  EXPECT_EQ(modules_release(kernel.modules), kernel.release);
  for (const Module& module : *order) {
    const auto bytes = read_module(module.file);
    ASSERT_TRUE(bytes) << bytes.error();
    const auto info = parse_module(*bytes);
    ASSERT_TRUE(info) << info.error();
    EXPECT_EQ(info->release, kernel.release);
  }
}

TEST_F(DebianKernel, TheSecondTimeIsQuick) {
  const auto started = std::chrono::steady_clock::now();
  const auto again = kernel_from_package("linux-image-6.12.*-cloud-amd64", kCache);
  const auto took = std::chrono::steady_clock::now() - started;
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->image, kernel.image);
  // Some 10 ms; the bound is for a loaded machine and still tells that apt (1 s) was not asked.
  EXPECT_LT(took, std::chrono::milliseconds(800));
}

TEST(DebianBusybox, IsStaticAndHasTheApplets) {
  const auto package = unpacked_package("busybox-static", kCache);
  if (!package) GTEST_SKIP() << package.error();
  const fs::path busybox = package->folder / "bin/busybox";
  const auto list = process::run({.argv = {busybox.string(), "--list"}});
  ASSERT_TRUE(list) << list.error();
  const std::string applets = "\n" + list->out;
  for (const std::string& applet : default_applets()) {
    EXPECT_THAT(applets, HasSubstr("\n" + applet + "\n"));
  }
  const auto file = process::MappedFile::open(busybox);
  ASSERT_TRUE(file) << file.error();
  const std::string_view bytes(reinterpret_cast<const char*>(file->bytes().data()),
                               file->bytes().size());
  EXPECT_EQ(bytes.find("/lib64/ld-linux"), std::string_view::npos);
}

}  // namespace
}  // namespace hypervet::lab
