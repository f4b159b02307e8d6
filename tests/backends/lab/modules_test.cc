// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/modules.h"

#include <archive.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/backends/lab/kernel_builder.h"
#include "tests/backends/lab/packing.h"
#include "tests/backends/process/scratch.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Modules : public ::testing::Test {
 protected:
  fs::path add(const std::string& path, std::string_view depends) {
    return scratch.write(path, test::module(depends, "6.1.2"));
  }
  void add_packed(const std::string& path, std::string_view depends, int filter) {
    scratch.write(path, test::packed(test::module(depends, "6.1.2"), filter));
  }
  std::vector<std::string> names(std::vector<WantedModule> wanted) {
    const auto order = load_order(scratch.path(), wanted);
    if (!order) return {"error: " + order.error()};
    std::vector<std::string> all;
    for (const Module& module : *order) all.push_back(module.name);
    return all;
  }
  std::string error(std::vector<WantedModule> wanted) {
    const auto order = load_order(scratch.path(), wanted);
    return order ? "none" : order.error();
  }
  std::string folder() const { return scratch.path().string(); }

  test::Scratch scratch;
};

TEST_F(Modules, DependenciesComeFirstAndOnce) {
  add("kernel/arch/x86/kvm/kvm.ko", "irqbypass");
  add_packed("kernel/arch/x86/kvm/kvm-amd.ko.xz", "kvm,ccp", ARCHIVE_FILTER_XZ);
  add_packed("kernel/arch/x86/kvm/kvm-intel.ko.zst", "kvm", ARCHIVE_FILTER_ZSTD);
  add_packed("kernel/virt/lib/irqbypass.ko.gz", "", ARCHIVE_FILTER_GZIP);
  add("kernel/drivers/crypto/ccp/ccp.ko", "");
  EXPECT_THAT(names({{"kvm-amd"}, {"kvm_intel"}, {"kvm"}}),
              ElementsAre("irqbypass", "kvm", "ccp", "kvm_amd", "kvm_intel"));
}

TEST_F(Modules, WhatIsBuiltInIsLeftOut) {
  scratch.write("modules.builtin", std::string_view("kernel/drivers/virtio/virtio_pci.ko\n"
                                                    "kernel/drivers/char/virtio-console.ko\n"));
  add("kernel/a.ko", "virtio_pci");
  EXPECT_THAT(names({{"a"}, {"virtio-pci"}, {"virtio_console"}}), ElementsAre("a"));
}

TEST_F(Modules, MissingOnes) {
  add("kernel/a.ko", "b");
  EXPECT_THAT(names({{"nowhere", false}}), IsEmpty());
  EXPECT_EQ(error({{"nowhere"}}), "no module nowhere in " + folder() + ", nor is it built in");
  EXPECT_EQ(error({{"a", false}}),
            "no module b in " + folder() + ", nor is it built in; a needs it");
}

TEST_F(Modules, AKernelWithoutModulesHasAllBuiltIn) {
  const auto order = load_order({}, std::vector<WantedModule>{{"kvm_amd"}});
  ASSERT_TRUE(order);
  EXPECT_THAT(*order, IsEmpty());
}

TEST_F(Modules, CirclesEnd) {
  add("kernel/a.ko", "b");
  add("kernel/b.ko", "c");
  add("kernel/c.ko", "a");
  add("kernel/self.ko", "self");
  EXPECT_EQ(error({{"a"}}), "the modules a, b, c in " + folder() + " need each other");
  EXPECT_EQ(error({{"self"}}), "the modules self in " + folder() + " need each other");
}

TEST_F(Modules, UpdatesGoBeforeTheKernelsOwn) {
  add("kernel/kvm.ko", "");
  const fs::path update = add("updates/kvm.ko", "");
  const auto order = load_order(scratch.path(), std::vector<WantedModule>{{"kvm"}});
  ASSERT_TRUE(order) << order.error();
  EXPECT_THAT(*order, ElementsAre(Module{"kvm", update}));
}

TEST_F(Modules, Garbage) {
  const std::string text = scratch.write("kernel/text.ko", std::string_view("hello\n"));
  const std::string cut = scratch.write("kernel/cut.ko.xz", std::string_view("\xfd"
                                                                             "7zXZ\0",
                                                                             6));
  test::ByteVector short_elf = test::module("", "6.1.2");
  short_elf.resize(200);
  const std::string half = scratch.write("kernel/half.ko", short_elf);
  test::ByteVector foreign = test::module("", "6.1.2");
  test::set<std::uint16_t>(foreign, offsetof(Elf64_Ehdr, e_machine), EM_AARCH64);
  const std::string arm = scratch.write("kernel/arm.ko", foreign);
  EXPECT_EQ(error({{"text"}}), text + ": a text file, not a kernel module");
  EXPECT_THAT(error({{"cut"}}), HasSubstr(cut + ": "));
  EXPECT_EQ(error({{"half"}}),
            half + ": not a kernel module: it has no .modinfo section, or is truncated");
  EXPECT_EQ(error({{"arm"}}), arm + ": a module for another machine than x86-64");
}

TEST_F(Modules, NoFolder) {
  const auto order = load_order(scratch / "none", std::vector<WantedModule>{{"kvm"}});
  ASSERT_FALSE(order);
  EXPECT_EQ(order.error(), (scratch / "none").string() + ": No such file or directory");
}

TEST_F(Modules, TheirRelease) {
  add("kernel/a.ko", "b");
  EXPECT_EQ(modules_release(scratch.path()), "6.1.2");
}

TEST(ModuleInfo, SectionsThatLieBeyondTheEnd) {
  const test::ByteVector good = test::module("kvm", "6.1.2");
  ASSERT_TRUE(parse_module(good));
  EXPECT_THAT(parse_module(good)->depends, ElementsAre("kvm"));
  for (const std::size_t field :
       {offsetof(Elf64_Ehdr, e_shoff),
        sizeof(Elf64_Ehdr) + sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_offset),
        sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_size)}) {
    test::ByteVector file = good;
    test::set<std::uint64_t>(file, field, 0xffff'ffff'ffff'ffff);
    EXPECT_FALSE(parse_module(file)) << field;
  }
}

}  // namespace
}  // namespace hypervet::lab
