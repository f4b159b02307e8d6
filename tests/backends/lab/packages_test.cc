// SPDX-License-Identifier: Apache-2.0
// A pretended apt for what goes wrong, which a real one does not do on request; the real one is met
// in debian_kernel_test.cc.
#include "backends/lab/packages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/backends/process/scratch.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kGlob = "linux-image-6.12.*-cloud-amd64";

class Packages : public ::testing::Test {
 protected:
  void SetUp() override {
    old_path_ = std::getenv("PATH");
    const std::string bin = (scratch / "bin").string();
    setenv("PATH", (bin + ":/usr/bin:/bin").c_str(), 1);
    setenv("FAKE", scratch.path().c_str(), 1);
    fake("apt-cache", R"sh(
case $1 in
  pkgnames) cat $FAKE/names ;;
  show)
    shift 3
    for name; do
      version=$(sed -n "s/^$name //p" $FAKE/versions)
      printf 'Package: %s\nVersion: %s\nSize: 1500000\n\n' "$name" "$version"
    done ;;
esac)sh");
    // Its .deb holds the name, which the pretended dpkg-deb "unpacks".
    fake("apt-get", "for last; do :; done; echo ${last%%=*} >p.deb");
    fake("dpkg-deb", "mkdir -p $3/boot && cp $2 $3/boot/name");
    know({{"linux-image-6.12.9-cloud-amd64", "6.12.9-1"},
          {"linux-image-6.12.10-cloud-amd64", "6.12.10-1"},
          {"linux-image-6.12.10-cloud-amd64-dbg", "6.12.10-2"},
          {"linux-image-6.12.10-cloud-amd64-unsigned", "6.12.10-2"},
          {"linux-image-6.12.10-rt-amd64", "6.12.10-3"}});
  }
  void TearDown() override { setenv("PATH", old_path_.c_str(), 1); }

  // A program that notes each call.
  void fake(const std::string& name, std::string_view body) {
    scratch.script("bin/" + name, "#!/bin/sh\necho \"" + name + " $1\" >>$FAKE/calls\n" +
                                      std::string(body) + "\n");
  }
  void know(const std::vector<std::pair<std::string, std::string>>& packages) {
    std::string names;
    std::string versions;
    for (const auto& [name, version] : packages) {
      names += name + "\n";
      versions += name + " " + version + "\n";
    }
    scratch.write("names", std::string_view(names));
    scratch.write("versions", std::string_view(versions));
  }
  std::string calls() {
    const std::string all = test::contents(scratch / "calls");
    fs::remove(scratch / "calls");
    return all;
  }
  std::expected<Package, std::string> get(std::string_view glob = kGlob) {
    return unpacked_package(glob, scratch / "cache",
                            {.say = [&](std::string_view line) { said.emplace_back(line); }});
  }
  std::string error(std::string_view glob = kGlob) {
    const auto package = get(glob);
    return package ? "none" : package.error();
  }
  void forget_answers() { fs::remove_all(scratch / "cache/packages/resolved"); }

  test::Scratch scratch;
  std::vector<std::string> said;

 private:
  std::string old_path_;
};

TEST_F(Packages, TheHighestVersionIsUnpackedOnce) {
  const auto package = get();
  ASSERT_TRUE(package) << package.error();
  EXPECT_EQ(package->name, "linux-image-6.12.10-cloud-amd64");
  EXPECT_EQ(package->version, "6.12.10-1");
  EXPECT_EQ(test::contents(package->folder / "boot/name"), package->name + "\n");
  EXPECT_THAT(said, ElementsAre("downloading linux-image-6.12.10-cloud-amd64 6.12.10-1 (1.5 MB)",
                                "unpacking linux-image-6.12.10-cloud-amd64"));
  EXPECT_EQ(calls(), "apt-cache pkgnames\napt-cache show\napt-get download\ndpkg-deb -x\n");

  const auto again = get();
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->folder, package->folder);
  EXPECT_EQ(calls(), "");                                    // not even apt was asked
  EXPECT_EQ(test::entries(scratch / "cache/packages"), 3u);  // package, answers, lock
}

TEST_F(Packages, ANewerOneIsSeenOnceAptIsAskedAgain) {
  ASSERT_TRUE(get());
  know({{"linux-image-6.12.117+deb12-cloud-amd64", "1:6.12.117-1~deb12u1"}});
  EXPECT_EQ(get()->version, "6.12.10-1");
  const fs::path answer = scratch / "cache/packages/resolved" / kGlob;
  std::string text = test::contents(answer);
  text.replace(0, 1, "x");  // as if the state of apt's lists were another
  scratch.write("cache/packages/resolved/" + std::string(kGlob), std::string_view(text));
  const auto newer = get();
  ASSERT_TRUE(newer) << newer.error();
  EXPECT_EQ(newer->version, "1:6.12.117-1~deb12u1");
  EXPECT_EQ(newer->folder.filename(),
            "linux-image-6.12.117+deb12-cloud-amd64_1%3a6.12.117-1~deb12u1");
}

TEST_F(Packages, AnOldAnswerIsNotTrusted) {
  ASSERT_TRUE(get());
  const fs::path answer = scratch / "cache/packages/resolved" / kGlob;
  const std::string text = test::contents(answer);
  const std::size_t until = text.rfind('\n', text.size() - 2) + 1;
  scratch.write("cache/packages/resolved/" + std::string(kGlob),
                std::string_view(text.substr(0, until) + "1000\n"));
  calls();
  ASSERT_TRUE(get());
  EXPECT_EQ(calls(), "apt-cache pkgnames\napt-cache show\n");  // and nothing to download
}

TEST_F(Packages, NoSuchPackage) {
  EXPECT_THAT(error("linux-image-7.*"), StartsWith("apt knows no package linux-image-7.*"));
  EXPECT_THAT(error("linux-image-7.*"), HasSubstr("apt-get update"));
}

TEST_F(Packages, NamesThatAreNone) {
  for (const char* bad : {"", "-o", "../x", "a b", "a;b", "x\n", ".new"}) {
    EXPECT_EQ(error(bad), "\"" + std::string(bad) + "\" is no name of a Debian package");
  }
  EXPECT_EQ(calls(), "");
}

TEST_F(Packages, NoApt) {
  setenv("PATH", (scratch / "empty").c_str(), 1);
  EXPECT_EQ(error(), "cannot start apt-cache: not found in PATH");
}

TEST_F(Packages, ADownloadThatFails) {
  fake("apt-get", "echo 'W: slow' >&2; echo 'E: Failed to fetch http://x  404' >&2; exit 100");
  EXPECT_EQ(error(),
            "cannot download linux-image-6.12.10-cloud-amd64: Failed to fetch http://x  404; "
            "perhaps apt's lists are old (apt-get update)");
  EXPECT_EQ(test::entries(scratch / "cache/packages"), 1u);  // the lock; nothing half done
}

TEST_F(Packages, UnpackingThatFails) {
  fake("dpkg-deb", "mkdir -p $3/boot; echo 'tar: boot: No space left on device' >&2; exit 2");
  EXPECT_EQ(error(),
            "cannot unpack linux-image-6.12.10-cloud-amd64: tar: boot: No space left on device");
  EXPECT_EQ(test::entries(scratch / "cache/packages"), 1u);
}

TEST_F(Packages, AnEarlierOneDoesWhenAptDoesNot) {
  const auto first = get();
  ASSERT_TRUE(first) << first.error();
  forget_answers();
  fake("apt-cache", "echo 'E: broken' >&2; exit 100");
  said.clear();
  calls();
  const auto second = get();
  ASSERT_TRUE(second) << second.error();
  EXPECT_EQ(second->folder, first->folder);
  EXPECT_THAT(said, ElementsAre("apt-cache: broken; going on with linux-image-6.12.10-cloud-amd64 "
                                "6.12.10-1 of an earlier run"));
  calls();
  ASSERT_TRUE(get());
  EXPECT_EQ(calls(), "");  // the broken apt is left in peace for a while
}

TEST_F(Packages, ACacheThatCannotBeWritten) {
  scratch.write("cache", std::string_view("a file"));
  EXPECT_THAT(error(),
              StartsWith("cannot make the folder " + (scratch / "cache/packages").string() + ": "));
}

TEST_F(Packages, WhatAKilledProcessLeftIsSweptAway) {
  scratch.write("cache/packages/.new-abcdef/tree/boot/half", std::string_view("x"));
  ASSERT_TRUE(get());
  EXPECT_FALSE(fs::exists(scratch / "cache/packages/.new-abcdef"));
}

TEST_F(Packages, ManyAtOnceFetchOnce) {
  fake("apt-get", "sleep 0.3; for last; do :; done; echo ${last%%=*} >p.deb");
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] { good += unpacked_package(kGlob, scratch / "cache").has_value(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 6);
  EXPECT_EQ(calls(), "apt-cache pkgnames\napt-cache show\napt-get download\ndpkg-deb -x\n");
}

TEST_F(Packages, AUserWhoStopsItIsObeyed) {
  fake("apt-get", "sleep 60");
  const auto started = std::chrono::steady_clock::now();
  const auto package = unpacked_package(
      kGlob, scratch / "cache", {.stopped = [&] {
        return test::contents(scratch / "calls").find("apt-get") != std::string::npos;
      }});
  ASSERT_FALSE(package);
  EXPECT_THAT(package.error(), HasSubstr("interrupted"));
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(20));
}

}  // namespace
}  // namespace hypervet::lab
