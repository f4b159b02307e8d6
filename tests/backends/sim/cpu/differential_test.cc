// SPDX-License-Identifier: Apache-2.0
//
// Holds the interpreter against the host's own processor: random user-mode integer instructions,
// the same registers and memory on both sides, every result compared, faults included.
//
// HYPERVET_DIFFERENTIAL_CASES and HYPERVET_DIFFERENTIAL_SEED change the defaults.
#include <cpuid.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <sstream>

#include "tests/backends/sim/cpu/instruction_generator.h"
#include "tests/backends/sim/cpu/native_processor.h"
#include "tests/backends/sim/cpu/test_machine.h"

namespace hypervet::sim::testing {
namespace {

constexpr std::uint64_t kWindowPhysical = 0x40000, kCodePhysical = 0x50000;
constexpr std::uint64_t kWindowTables = 0x60000;  // page directory and page table

// The interpreter in user mode, with the window and the code page where the host has them.
class SimulatedProcessor {
 public:
  SimulatedProcessor() {
    machine_.user_mode();
    // Nothing but the two ranges is mapped for user code; the handlers stay for the supervisor.
    machine::GuestMemory& m = machine_.memory;
    for (std::uint64_t page = 0; page < (2 << 20); page += 4096) machine_.set_page(page, 3);
    for (std::uint64_t i = 1; i < 512; ++i) m.store<std::uint64_t>(kPageDirectory + 8 * i, 0);
    m.store<std::uint64_t>(kPdpt + 8 * 3, 0);
    m.store<std::uint64_t>(kPageDirectory + 8 * (kWindow >> 21), kWindowTables | 7);
    for (std::uint64_t i = 0; i < kWindowSize >> 12; ++i) {
      m.store<std::uint64_t>(kWindowTables + 8 * i, (kWindowPhysical + (i << 12)) | 7);
    }
    m.store<std::uint64_t>(kWindowTables + 8 * ((kCode - kWindow) >> 12), kCodePhysical | 5);
    start_ = machine_.cpu.state();
  }

  std::span<std::uint8_t> window() {
    return machine_.memory.mutable_bytes(kWindowPhysical, kWindowSize);
  }

  // PAUSE stands where the host has its exits: it ends the run at once.
  Outcome execute(const Candidate& c) {
    constexpr std::uint8_t kPause[] = {0xf3, 0x90};
    std::uint8_t page[0x80] = {};
    std::copy_n(c.bytes.begin(), c.length, page);
    std::copy_n(kPause, 2, page + c.length);
    std::copy_n(kPause, 2, page + (kBranchTarget - kCode));
    machine_.memory.write(kCodePhysical, page);
    CpuState state = start_;
    state.gpr = c.in.gpr;
    state.rflags = c.in.flags;
    state.rip = kCode;
    state.cr2 = 0;
    machine_.cpu.set_state(state);
    return outcome(machine_.cpu.run(100000));
  }

 private:
  Outcome outcome(const RunResult& result) {
    const CpuState s = machine_.cpu.state();
    Outcome out{.registers = {.gpr = s.gpr, .flags = s.rflags}, .rip = s.rip - 2};
    if (result.reason == StopReason::yield) return out;
    const Trap trap = machine_.trap();
    // Neither finished nor in a handler: unimplemented, or lost.
    out.vector = trap.vector < 0 ? -2 : trap.vector;
    out.rip = trap.rip;
    out.registers.gpr[kRsp] = trap.rsp;
    out.registers.flags = trap.rflags;
    out.fault_address = trap.vector == kPageFault ? s.cr2 : 0;
    return out;
  }

  TestMachine machine_;
  CpuState start_;
};

using Corruption = std::function<void(Outcome&, std::span<std::uint8_t>)>;

class Comparison {
 public:
  explicit Comparison(std::uint64_t seed) : seed_(seed), generator_(seed) {
    std::mt19937_64 fill(seed ^ 1);
    for (std::uint8_t& byte : native_.window()) byte = static_cast<std::uint8_t>(fill());
    copy_window();
  }

  // One case; what differs, if anything does. `corrupt` may falsify the interpreter's answer.
  std::optional<std::string> next(const Corruption& corrupt = {}) {
    const Candidate c = generator_.next();
    ++cases_;
    ++seen_[c.text];
    if (c.branch_slot != 0) plant(c.branch_slot, kBranchTarget);
    const Outcome expected = native_.execute({c.bytes.data(), c.length}, c.in);
    Outcome actual = simulated_.execute(c);
    if (corrupt) corrupt(actual, simulated_.window());
    if (expected.vector >= 0) ++faults_;
    std::string difference = compare(c, expected, actual);
    if (difference.empty()) return std::nullopt;
    copy_window();
    return describe(c) + difference;
  }

  std::uint64_t faults() const { return faults_; }
  const std::map<std::string, std::uint64_t>& seen() const { return seen_; }

 private:
  void copy_window() {
    std::memcpy(simulated_.window().data(), native_.window().data(), kWindowSize);
  }
  void plant(std::uint64_t at, std::uint64_t value) {
    if (at < kWindow || at > kWindow + kWindowSize - 8) return;
    std::memcpy(native_.window().data() + (at - kWindow), &value, 8);
    std::memcpy(simulated_.window().data() + (at - kWindow), &value, 8);
  }

  std::string compare(const Candidate& c, const Outcome& expected, const Outcome& actual) {
    std::ostringstream out;
    out << std::hex;
    if (expected.vector != actual.vector) {
      out << "  exception: host " << std::dec << expected.vector << ", interpreter "
          << actual.vector << "\n";
      return out.str();
    }
    if (expected.rip != actual.rip) {
      out << "  rip: host " << expected.rip << ", interpreter " << actual.rip << "\n";
    }
    for (unsigned i = 0; i < 16; ++i) {
      if (expected.vector < 0 && i == c.undefined_register) continue;
      if (expected.registers.gpr[i] != actual.registers.gpr[i]) {
        out << "  register " << std::dec << i << std::hex << ": host " << expected.registers.gpr[i]
            << ", interpreter " << actual.registers.gpr[i] << "\n";
      }
    }
    std::uint64_t mask = c.compared_flags | rflags::kDf;
    // What DIV leaves in the flags before it faults is undefined.
    if (expected.vector == kDivideError) mask = rflags::kDf;
    if ((expected.registers.flags ^ actual.registers.flags) & mask) {
      out << "  flags: host " << (expected.registers.flags & mask) << ", interpreter "
          << (actual.registers.flags & mask) << " (compared " << mask << ")\n";
    }
    if (expected.vector == kPageFault && expected.fault_address != actual.fault_address) {
      out << "  CR2: host " << expected.fault_address << ", interpreter " << actual.fault_address
          << "\n";
    }
    const auto native = native_.window();
    const auto simulated = simulated_.window();
    if (std::memcmp(native.data(), simulated.data(), kWindowSize) != 0) {
      const auto at = static_cast<std::uint64_t>(
          std::mismatch(native.begin(), native.end(), simulated.begin()).first - native.begin());
      out << "  memory at " << kWindow + at << ": host " << unsigned{native[at]} << ", interpreter "
          << unsigned{simulated[at]} << "\n";
    }
    return out.str();
  }

  std::string describe(const Candidate& c) const {
    std::ostringstream out;
    out << "seed " << seed_ << " case " << cases_ << ": " << c.text << ", bytes" << std::hex;
    for (unsigned i = 0; i < c.length; ++i)
      out << ' ' << (c.bytes[i] < 16 ? "0" : "") << +c.bytes[i];
    out << "\n  in: flags " << c.in.flags;
    for (unsigned i = 0; i < 16; ++i)
      out << " r" << std::dec << i << std::hex << '=' << c.in.gpr[i];
    out << "\n";
    return out.str();
  }

  std::uint64_t seed_;
  InstructionGenerator generator_;
  NativeProcessor native_;
  SimulatedProcessor simulated_;
  std::uint64_t cases_ = 0;
  std::uint64_t faults_ = 0;
  std::map<std::string, std::uint64_t> seen_;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

// The interpreter is Intel's (SDM). On the processors of the other vendor these were seen to keep
// other flags, or to report another address, when a string is interrupted by a fault, and LOOPcc
// to look at other flags behind an address-size prefix: there they prove nothing.
bool told_apart_by_vendor(std::string_view report) {
  static const bool intel = [] {
    unsigned leaf = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(0, &leaf, &b, &c, &d) != 0 && b == signature_INTEL_ebx;
  }();
  if (intel) return false;
  const std::string_view mnemonic = report.substr(report.find(": ") + 2);
  return mnemonic.starts_with("scas") || mnemonic.starts_with("cmps") ||
         mnemonic.starts_with("loope") || mnemonic.starts_with("loopne");
}

TEST(Differential, AgreesWithTheHostProcessor) {
  const std::uint64_t cases = from_environment("HYPERVET_DIFFERENTIAL_CASES", 1'000'000);
  Comparison comparison(from_environment("HYPERVET_DIFFERENTIAL_SEED", 20260101));
  unsigned mismatches = 0;
  std::map<std::string, unsigned> per_kind;
  for (std::uint64_t i = 0; i < cases; ++i) {
    const auto difference = comparison.next();
    if (!difference || told_apart_by_vendor(*difference)) continue;
    ++mismatches;
    // One report for each mnemonic tells more than a hundred of the same.
    const std::string kind = difference->substr(difference->find(": "), 12);
    if (per_kind[kind]++ == 0 && per_kind.size() <= 20) ADD_FAILURE() << *difference;
  }
  EXPECT_EQ(mismatches, 0u);
  if (cases >= 1'000'000) {
    EXPECT_GT(comparison.seen().size(), 100u) << "too few mnemonics to prove anything";
    EXPECT_GT(comparison.faults(), cases / 100) << "too few faults to prove anything";
    EXPECT_LT(comparison.faults(), cases / 2) << "too few results to prove anything";
  }
}

// The comparison itself: a falsified answer must be noticed.
class Corrupted : public ::testing::Test {
 protected:
  // How many of 2000 cases are reported when each answer is falsified.
  static unsigned reported(const Corruption& corrupt) {
    Comparison comparison(7);
    unsigned count = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto difference = comparison.next(corrupt);
      count += difference && (corrupt || !told_apart_by_vendor(*difference));
    }
    return count;
  }
};

TEST_F(Corrupted, NothingIsReportedWithoutCorruption) { EXPECT_EQ(reported({}), 0u); }

TEST_F(Corrupted, RegisterIsNoticed) {
  EXPECT_GT(reported([](Outcome& o, auto) { o.registers.gpr[kRsi] ^= 1; }), 1900u);
}

TEST_F(Corrupted, CarryIsNoticed) {
  EXPECT_GT(reported([](Outcome& o, auto) { o.registers.flags ^= rflags::kCf; }), 1500u);
}

TEST_F(Corrupted, MemoryIsNoticed) {
  EXPECT_EQ(reported([](Outcome&, std::span<std::uint8_t> window) { window[100] ^= 0x80; }), 2000u);
}

TEST_F(Corrupted, MissingFaultIsNoticed) {
  EXPECT_GT(reported([](Outcome& o, auto) { o.vector = -1; }), 20u);
}

TEST_F(Corrupted, ReportNamesSeedAndBytes) {
  Comparison comparison(7);
  const auto report = comparison.next([](Outcome& o, auto) { o.rip += 1; });
  ASSERT_TRUE(report);
  EXPECT_THAT(*report, ::testing::HasSubstr("seed 7 case 1"));
  EXPECT_THAT(*report, ::testing::HasSubstr("bytes"));
}

}  // namespace
}  // namespace hypervet::sim::testing
