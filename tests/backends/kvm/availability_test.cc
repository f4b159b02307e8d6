// SPDX-License-Identifier: Apache-2.0
// What the backend says where it cannot run, and whom it says is judged.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "backends/kvm/identity.h"
#include "backends/kvm/kvm_backend.h"
#include "tests/backends/kvm/steps.h"

namespace hypervet::kvm::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

backends::Availability of_device(const fs::path& device) {
  return KvmBackend(HYPERVET_KVM_TEST_GUEST, device).availability();
}

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "hypervet-kvm-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }

 private:
  fs::path path_;
};

TEST(KvmAvailability, NoDevice) {
  const auto why = of_device("/dev/no-such-kvm");
  EXPECT_FALSE(why.available);
  EXPECT_THAT(why.reason, HasSubstr("/dev/no-such-kvm does not exist"));
  EXPECT_THAT(why.mend, HasSubstr("modprobe"));
}

TEST(KvmAvailability, NotAKvmDevice) {
  const auto why = of_device("/dev/null");
  EXPECT_FALSE(why.available);
  EXPECT_THAT(why.reason, HasSubstr("/dev/null is of no use: it is not a KVM device"));
}

TEST(KvmAvailability, NoPermission) {
  const Folder folder;
  folder.write("kvm", "");
  fs::permissions(folder.path() / "kvm", fs::perms::none);
  fs::permissions(folder.path(), fs::perms::all);
  // Nobody is stopped by permissions as root: the look is taken by a child that is someone else.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (getuid() == 0 && setuid(65534) != 0) _exit(2);
    const auto opened = System::open(folder.path() / "kvm");
    const auto why = opened ? backends::Availability{} : explain("/x/kvm", opened.error());
    _exit(why.reason == "no permission to open /x/kvm" && why.mend.starts_with("usermod") ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "this process may not become another user";
  EXPECT_EQ(status, 0);
}

TEST(KvmAvailability, UnusableMeansNothingElseWorksEither) {
  const KvmBackend none(HYPERVET_KVM_TEST_GUEST, "/dev/null");
  EXPECT_EQ(none.max_cpus(), 0u);
  EXPECT_TRUE(none.refuses({}).has_value());
  EXPECT_FALSE(none.has(protocol::HostVerb::kReadClock));
  const auto outcome = none.run({});
  EXPECT_EQ(outcome.stop, Stop::kBackendError);
  EXPECT_THAT(outcome.detail, HasSubstr("not a KVM device"));
}

TEST_F(KvmTest, NoAgent) {
  const auto why = KvmBackend("/no/agent.elf").availability();
  EXPECT_FALSE(why.available);
  EXPECT_THAT(why.reason, HasSubstr("/no/agent.elf"));
}

TEST_F(KvmTest, CommitsNoViolations) {
  const std::vector<violations::Rule> rules(1);
  backends::Job job;
  job.violations = rules;
  EXPECT_EQ(backend().run(job).stop, Stop::kBackendError);
}

TEST(KvmIdentity, NamesTheVendorModule) {
  const Folder intel, both, none, pvm;
  intel.write("proc/modules", "kvm_intel 400000 4 - Live 0x0\nkvm 1000000 1 kvm_intel, Live 0x0\n");
  EXPECT_EQ(vendor_module(intel.path()), "kvm_intel");
  both.write("sys/module/kvm_intel/x", "");
  both.write("sys/module/kvm_amd/x", "");
  EXPECT_EQ(vendor_module(both.path()), "kvm_amd") << "the last that is left without any flag";
  both.write("proc/cpuinfo", "flags : fpu vmx sse\n");
  EXPECT_EQ(vendor_module(both.path()), "kvm_intel");
  EXPECT_EQ(vendor_module(none.path()), "kvm");
  pvm.write("sys/module/kvm_pvm/x", "");
  pvm.write("sys/module/kvm/x", "");
  EXPECT_EQ(vendor_module(pvm.path()), "kvm_pvm");
}

TEST_F(KvmTest, NamesItsTarget) {
  const auto target = backend().target();
  EXPECT_THAT(target.name, testing::MatchesRegex("Linux .+ kvm.*"));
  EXPECT_EQ(target.provider, "host kernel");
  EXPECT_FALSE(target.is_model);
}

}  // namespace
}  // namespace hypervet::kvm::test
