// SPDX-License-Identifier: Apache-2.0
// The agent entered by Linux's boot protocol on real QEMU: the bzImage through firmware, which is
// the real-mode entry, and the other two entries by a boot loader of the tests' own.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/mailbox.h"
#include "tests/guest-payloads/program_builder.h"
#include "tests/guest-payloads/qemu_run.h"

namespace hypervet::tests {
namespace {

using namespace protocol;

constexpr std::uint64_t kSetupSize = 0x400, kElsewhere = 0x20'0000;  // where crosvm puts a kernel
constexpr std::uint32_t k64Bit = 1, kDirty = 2, kNoRamdisk = 4, kRamdiskOnMailbox = 8;
constexpr std::uint32_t kEntry64 = 0x200;  // behind the 32-bit one

class LinuxBoot : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = qemu_missing(); !why.empty()) GTEST_SKIP() << why;
  }
  static void expect_answers(const QemuOptions& options) {
    ProgramBuilder program;
    program.header().cpus = options.cpus;
    const auto op = program.op(OpCode::kLoad, {kMailboxAddress}, {.width = 8});
    const QemuRun run = run_in_qemu(program.encode(), options);
    ASSERT_EQ(run.error, "");
    ASSERT_EQ(run.status, exit_status(Doorbell::kFinished));
    EXPECT_EQ(run.frames.all[0].hello().cpus, options.cpus);
    EXPECT_EQ(run.frames.executed(op).after.rax, kMailboxMagic);
  }
};

struct Firmware {
  const char* name;
  const char* machine;
  const char* rom;  // null: the machine's own, SeaBIOS
};

class RealMode : public LinuxBoot, public ::testing::WithParamInterface<Firmware> {};

TEST_P(RealMode, TheImageBoots) {
  const QemuOptions options{.machine = GetParam().machine,
                            .cpus = 2,
                            .kernel = HV_AGENT_BZIMAGE,
                            .firmware = GetParam().rom == nullptr ? "" : GetParam().rom};
  expect_answers(options);
}

INSTANTIATE_TEST_SUITE_P(
    Firmwares, RealMode,
    ::testing::Values(Firmware{"q35SeaBios", "q35", nullptr},
                      Firmware{"q35Qboot", "q35", "qboot.rom"},
                      Firmware{"microvmSeaBios", "microvm", nullptr},
                      Firmware{"microvmQboot", "microvm,pit=off,pic=off,rtc=off", "qboot.rom"}),
    [](const auto& each) { return each.param.name; });

class OtherEntries : public LinuxBoot {
 protected:
  // The agent lies at `place`; the loader enters it as `orders` say.
  static QemuOptions loaded(std::uint64_t place, std::uint32_t orders) {
    const std::uint64_t entry = place + ((orders & k64Bit) != 0 ? kEntry64 : 0);
    QemuOptions options{.kernel = HV_LINUX_LOADER};
    // At its own place QEMU's BIOS is in the way of the setup, and so it is the ELF there.
    options.arguments = {"-device",
                         place == kAgentAddress
                             ? std::string("loader,file=" HV_AGENT_ELF)
                             : fmt::format("loader,file={},force-raw=on,addr={:#x}",
                                           HV_AGENT_BZIMAGE, place - kSetupSize),
                         "-device",
                         fmt::format("loader,addr=0x27ff000,data-len=8,data={:#x}",
                                     std::uint64_t{orders} << 32 | entry)};
    return options;
  }
  static void expect_refused(std::uint32_t orders) {
    ProgramBuilder program;
    program.op(OpCode::kRdtsc);
    const QemuRun run = run_in_qemu(program.encode(), loaded(kElsewhere, orders));
    ASSERT_EQ(run.error, "");
    ASSERT_EQ(run.status, exit_status(Doorbell::kRefused));
    EXPECT_EQ(run.frames.last().refused().reason, Refusal::kPlace);
  }
};

TEST_F(OtherEntries, WhereTheImageIsLinked) {
  expect_answers(loaded(kAgentAddress, 0));
  expect_answers(loaded(kAgentAddress, k64Bit));
}

// It moves itself, and its .bss is zero whatever was there.
TEST_F(OtherEntries, AtAnotherPlaceInMemoryThatIsNotZero) {
  expect_answers(loaded(kElsewhere, kDirty));
  expect_answers(loaded(kElsewhere, kDirty | k64Bit));
}

TEST_F(OtherEntries, WithoutARamdiskIsARefusal) {
  expect_refused(kNoRamdisk);
  expect_refused(kNoRamdisk | k64Bit);
}

TEST_F(OtherEntries, WithTheRamdiskOnTheMailboxIsARefusal) {
  expect_refused(kRamdiskOnMailbox);
  expect_refused(kRamdiskOnMailbox | k64Bit);
}

// What a loader relies on before it enters anything; offsets from boot.rst.
TEST(SetupHeader, TellsTheTruth) {
  std::ifstream in(HV_AGENT_BZIMAGE, std::ios::binary);
  const std::vector<char> image{std::istreambuf_iterator<char>(in), {}};
  ASSERT_GT(image.size(), kSetupSize);
  const auto field = [&](std::size_t offset, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, image.data() + offset, size);
    return value;
  };
  EXPECT_EQ((field(0x1f1, 1) + 1) * 512, kSetupSize) << "setup_sects";
  EXPECT_EQ(kSetupSize + field(0x1f4, 4) * 16, image.size()) << "syssize";
  EXPECT_EQ(field(0x1fe, 2), 0xaa55u);
  EXPECT_EQ(0x202 + field(0x201, 1), 0x268u) << "the header of 2.12 ends there";
  EXPECT_EQ(field(0x202, 4), 0x5372'6448u);
  EXPECT_EQ(field(0x206, 2), 0x020cu);
  EXPECT_EQ(field(0x211, 1) & 1, 1u) << "LOADED_HIGH";
  EXPECT_EQ(field(0x214, 4), kAgentAddress);
  EXPECT_EQ(field(0x236, 2), 1u) << "XLF_KERNEL_64 alone";
  EXPECT_EQ(field(0x238, 4), 511u);
  EXPECT_EQ(field(0x258, 8), kAgentAddress);
  EXPECT_GE(field(0x260, 4), image.size() - kSetupSize) << "init_size holds .bss too";
  EXPECT_LE(kAgentAddress + field(0x260, 4), kMailboxAddress);
}

}  // namespace
}  // namespace hypervet::tests
