// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/initramfs.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "backends/process/child.h"
#include "tests/backends/lab/kernel_builder.h"
#include "tests/backends/lab/packing.h"
#include "tests/backends/process/scratch.h"

// Asked by LeakSanitizer, in a build that has it. It finds the threads in /proc, which the root of
// TheProgramRunsOnTheLibrariesInIt lacks; ASAN_OPTIONS cannot tell it, for that is read in /proc
// too.
extern "C" int __lsan_is_turned_off() { return access("/proc/self/task", F_OK) != 0; }

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Entry {
  unsigned type = 0;
  unsigned permissions = 0;
  std::string bytes = {};
  std::string target = {};
  dev_t device = 0;
  long time = -1;
  long owner = -1;
};

// In the order of the archive, too.
struct Contents {
  std::map<std::string, Entry> entries;
  std::vector<std::string> order;
};

Contents read_back(const fs::path& path) {
  Contents all;
  archive* reader = archive_read_new();
  archive_read_support_format_cpio(reader);
  EXPECT_EQ(archive_read_open_filename(reader, path.c_str(), 65536), ARCHIVE_OK);
  archive_entry* header = nullptr;
  int result;
  while ((result = archive_read_next_header(reader, &header)) == ARCHIVE_OK) {
    Entry entry{.type = archive_entry_filetype(header),
                .permissions = archive_entry_perm(header),
                .target = archive_entry_symlink(header) ? archive_entry_symlink(header) : "",
                .device = archive_entry_rdev(header),
                .time = archive_entry_mtime(header),
                .owner = static_cast<long>(archive_entry_uid(header))};
    if (entry.type == AE_IFREG) {  // the size of a link is that of its target
      entry.bytes.resize(static_cast<std::size_t>(archive_entry_size(header)));
    }
    EXPECT_EQ(archive_read_data(reader, entry.bytes.data(), entry.bytes.size()),
              static_cast<la_ssize_t>(entry.bytes.size()));
    all.order.emplace_back(archive_entry_pathname(header));
    EXPECT_TRUE(all.entries.emplace(all.order.back(), entry).second) << all.order.back();
  }
  EXPECT_EQ(result, ARCHIVE_EOF) << archive_error_string(reader);
  archive_read_free(reader);
  return all;
}

class Initramfs : public ::testing::Test {
 protected:
  void SetUp() override {
    const test::ByteVector kvm = test::module("", "6.1.2");
    parts.init = "#!/bin/sh\necho hello\n";
    parts.busybox = scratch.write("busybox", std::string_view("busy"));
    parts.modules = {{"kvm", scratch.write("kvm.ko.xz", test::packed(kvm, ARCHIVE_FILTER_XZ))},
                     {"kvm_amd", scratch.write("kvm-amd.ko", kvm)}};
    parts.binary = scratch.write("hypervet", std::string_view("binary"));
    parts.specs = scratch / "specs";
    parts.payloads = scratch / "payloads";
    scratch.write("specs/kvm/clock.yaml", std::string_view("clauses: []\n"));
    scratch.write("specs/.hidden/x", std::string_view("x"));
    scratch.write("payloads/agent.elf", std::string_view("agent"));
  }
  Contents write() {
    const auto written = write_initramfs(out, parts);
    EXPECT_TRUE(written) << written.error();
    return read_back(out);
  }

  test::Scratch scratch;
  fs::path out = scratch / "out/rd.img";
  InitramfsParts parts;
};

TEST_F(Initramfs, HasAllItsParts) {
  const Contents all = write();
  const auto& entries = all.entries;
  EXPECT_EQ(entries.at("init").bytes, parts.init);
  EXPECT_EQ(entries.at("init").permissions, 0755u);
  EXPECT_EQ(entries.at("bin/busybox").bytes, "busy");
  EXPECT_EQ(entries.at("bin/sh").target, "busybox");
  EXPECT_EQ(entries.at("m/order").bytes, "kvm\nkvm_amd\n");
  const test::ByteVector kvm = test::module("", "6.1.2");
  const std::string module(reinterpret_cast<const char*>(kvm.data()), kvm.size());
  EXPECT_EQ(entries.at("m/kvm.ko").bytes, module);
  EXPECT_EQ(entries.at("m/kvm_amd.ko").bytes, module);
  EXPECT_EQ(entries.at("usr/bin/hypervet").bytes, "binary");
  EXPECT_EQ(entries.at("usr/bin/hypervet").permissions, 0755u);
  EXPECT_EQ(entries.at("usr/share/hypervet/specs/kvm/clock.yaml").bytes, "clauses: []\n");
  EXPECT_EQ(entries.at("usr/share/hypervet/payloads/agent.elf").bytes, "agent");
  EXPECT_FALSE(entries.contains("usr/share/hypervet/specs/.hidden"));
  EXPECT_EQ(entries.at("dev/console").type, static_cast<unsigned>(AE_IFCHR));
  EXPECT_EQ(entries.at("dev/console").device, makedev(5, 1));
  EXPECT_EQ(entries.at("dev/null").device, makedev(1, 3));
  for (const char* folder : {"proc", "sys", "dev", "tmp", "job", "m", "usr/share/hypervet"}) {
    EXPECT_EQ(entries.at(folder).type, static_cast<unsigned>(AE_IFDIR)) << folder;
  }
}

// The kernel makes no folder by itself.
TEST_F(Initramfs, FoldersComeBeforeWhatIsInThem) {
  const Contents all = write();
  std::set<std::string> seen = {""};
  for (const std::string& path : all.order) {
    EXPECT_TRUE(seen.contains(fs::path(path).parent_path())) << path;
    seen.insert(path);
  }
}

TEST_F(Initramfs, EqualPartsGiveEqualBytes) {
  write();
  const std::string first = test::contents(out);
  fs::last_write_time(parts.busybox, fs::file_time_type::clock::now() - std::chrono::hours(5));
  const Contents all = write();
  EXPECT_EQ(first, test::contents(out));
  for (const auto& [path, entry] : all.entries) {
    EXPECT_EQ(entry.time, 0) << path;
    EXPECT_EQ(entry.owner, 0) << path;
  }
  EXPECT_EQ(test::entries(scratch / "out"), 1u);  // nothing unfinished is left
}

TEST_F(Initramfs, FingerprintChangesWithEveryPart) {
  std::vector<std::string> seen;
  const auto expect_new = [&](const char* what) {
    const auto now = fingerprint(parts);
    ASSERT_TRUE(now) << now.error();
    EXPECT_EQ(now->size(), 32u);
    EXPECT_EQ(now, fingerprint(parts));
    EXPECT_THAT(seen, ::testing::Not(Contains(*now))) << what;
    seen.push_back(*now);
  };
  expect_new("the first");
  parts.init += "#";
  expect_new("init");
  parts.applets.push_back("vi");
  expect_new("applets");
  std::swap(parts.modules[0], parts.modules[1]);
  expect_new("order of modules");
  scratch.write("specs/kvm/clock.yaml", std::string_view("clauses: {}\n"));
  expect_new("a spec's bytes");
  scratch.write("specs/kvm/new.yaml", std::string_view(""));
  expect_new("another spec");
  scratch.write("payloads/agent.elf", std::string_view("agent2"));
  expect_new("payload");
  scratch.write("busybox", std::string_view("bosy"));
  expect_new("busybox");
  scratch.write("hypervet", std::string_view(std::string(1 << 20, 'x')));
  expect_new("binary");
  fs::last_write_time(parts.binary, fs::file_time_type::clock::now() + std::chrono::seconds(5));
  expect_new("a large file's time");
  parts.libraries = {"/lib64/ld-linux-x86-64.so.2"};
  expect_new("libraries");
}

TEST_F(Initramfs, AFreshCheckoutOfTheSameSpecsIsTheSame) {
  const auto before = fingerprint(parts);
  fs::last_write_time(scratch / "specs/kvm/clock.yaml", fs::file_time_type::clock::now());
  EXPECT_EQ(fingerprint(parts), before);
}

TEST_F(Initramfs, WhatIsMissingIsNamed) {
  parts.busybox = scratch / "none";
  EXPECT_EQ(write_initramfs(out, parts).error(),
            (scratch / "none").string() + ": No such file or directory");
  EXPECT_EQ(fingerprint(parts).error(),
            (scratch / "none").string() + ": No such file or directory");
  EXPECT_EQ(test::entries(scratch / "out"), 0u);
  parts.busybox = parts.binary;
  parts.specs = scratch / "none";
  EXPECT_EQ(write_initramfs(out, parts).error(), (scratch / "none").string() + ": no such folder");
}

TEST_F(Initramfs, AFullDisk) {
  parts.binary = scratch.write("large", std::string_view(std::string(1 << 20, 'x')));
  // A limit on files' sizes gives the same kind of failure as a full disk, without one.
  const auto child = [&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 1 << 19, .rlim_max = 1 << 19};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto written = write_initramfs(out, parts);
    std::fputs(written ? "written" : written.error().c_str(), stderr);
    std::exit(0);
  };
  EXPECT_EXIT(child(), ::testing::ExitedWithCode(0), "cannot write .*rd.img: .*File too large");
  EXPECT_EQ(test::entries(scratch / "out"), 0u);
}

// Unpacked into a folder, the archive is enough to start the program in it.
TEST_F(Initramfs, TheProgramRunsOnTheLibrariesInIt) {
  parts.binary = "/proc/self/exe";
  parts.libraries = own_libraries();
  EXPECT_THAT(parts.libraries, Contains(fs::path("/lib64/ld-linux-x86-64.so.2")));
  const Contents all = write();
  const fs::path root = scratch / "root";
  for (const std::string& path : all.order) {
    const Entry& entry = all.entries.at(path);
    if (entry.type == AE_IFDIR) fs::create_directories(root / path);
    if (entry.type == AE_IFLNK) fs::create_symlink(entry.target, root / path);
    if (entry.type == AE_IFREG) scratch.script("root/" + path, entry.bytes);
  }
  if (geteuid() != 0) GTEST_SKIP() << "only root may chroot";
  const auto output =
      process::run({.argv = {"chroot", root.string(), "/usr/bin/hypervet", "--gtest_list_tests"}});
  ASSERT_TRUE(output) << output.error();
  EXPECT_TRUE(output->ended.ok()) << output->last_line();
  EXPECT_THAT(output->out, HasSubstr("TheProgramRunsOnTheLibrariesInIt"));
}

}  // namespace
}  // namespace hypervet::lab
