// SPDX-License-Identifier: Apache-2.0
// A machine for the model's tests: plain memory, a clock that the test moves, a local APIC of two
// sets, and a log of what the model asked for. Fixture `KvmModelTest` holds one with a model on it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "backends/pv/kvm_interface.h"
#include "backends/pv/kvm_model.h"

namespace hypervet::pv {

struct Delivered {
  unsigned cpu = 0;
  unsigned vector = 0;
  violations::DeliveryMode mode = violations::DeliveryMode::kFixed;
  violations::Source source = violations::Source::kIcr;
  auto operator<=>(const Delivered&) const = default;
};

struct FakeMachine : Services {
  struct FakeCpu {
    std::uint32_t apic_id = 0;
    unsigned cpl = 0;
    bool interrupts_open = true, halted = false, apic_enabled = true, level = false;
    std::set<unsigned> in_service, requested;
    std::uint64_t tsc_offset = 0;
  };
  static constexpr std::uint64_t kMemory = 0x10'0000;
  static constexpr std::uint64_t kEpochNs = 1'767'225'600ull * 1'000'000'000;  // 2026-01-01

  explicit FakeMachine(unsigned count) : memory(kMemory), cpu(count) {
    for (unsigned i = 0; i < count; ++i) cpu[i].apic_id = i;
  }

  bool inside(std::uint64_t gpa, std::size_t size) const {
    return gpa <= kMemory && size <= kMemory - gpa;
  }
  bool read(std::uint64_t gpa, std::span<std::uint8_t> to) override {
    if (!inside(gpa, to.size())) return false;
    std::copy_n(memory.begin() + static_cast<std::ptrdiff_t>(gpa), to.size(), to.begin());
    return true;
  }
  bool write(std::uint64_t gpa, std::span<const std::uint8_t> from) override {
    if (!inside(gpa, from.size())) return false;
    std::ranges::copy(from, memory.begin() + static_cast<std::ptrdiff_t>(gpa));
    ++writes;
    return true;
  }
  std::optional<violations::Fault> write_linear(unsigned, std::uint64_t address,
                                                std::span<const std::uint8_t> from) override {
    if (read_only_code) return violations::Fault{violations::kPageFault, 3, address};
    write(address, from);
    return std::nullopt;
  }
  unsigned cpus() const override { return static_cast<unsigned>(cpu.size()); }
  std::uint32_t apic_id(unsigned index) const override { return cpu[index].apic_id; }
  std::optional<unsigned> cpu_of(std::uint32_t id) const override {
    for (unsigned i = 0; i < cpus(); ++i)
      if (cpu[i].apic_id == id) return i;
    return std::nullopt;
  }
  HypercallOpcode native_opcode() const override { return native; }
  unsigned cpl(unsigned index) const override { return cpu[index].cpl; }
  bool interrupts_open(unsigned index) const override { return cpu[index].interrupts_open; }
  bool is_halted(unsigned index) const override { return cpu[index].halted; }
  void flush_tlb(unsigned index) override { flushed.push_back(index); }
  void deliver_interrupt(unsigned index, std::uint8_t vector, violations::DeliveryMode mode,
                         violations::Source source) override {
    delivered.push_back({index, vector, mode, source});
  }
  void wake(unsigned index) override {
    woken.push_back(index);
    cpu[index].halted = false;
  }
  void yield_to(unsigned index) override { yielded.push_back(index); }
  void stall(unsigned, std::uint64_t ns) override { stalled += ns; }
  ApicView apic(unsigned index) const override {
    const FakeCpu& one = cpu[index];
    return {
        .enabled = one.apic_enabled,
        .in_service = static_cast<unsigned>(one.in_service.size()),
        .highest = static_cast<std::uint8_t>(one.in_service.empty() ? 0 : *one.in_service.rbegin()),
        .requested = !one.requested.empty(),
        .needs_real_eoi = one.level};
  }
  void end_of_interrupt(unsigned index) override {
    auto& in_service = cpu[index].in_service;
    if (!in_service.empty()) in_service.erase(std::prev(in_service.end()));
    ++eois;
  }
  std::uint64_t now_ns() const override { return now; }
  // 2.5 GHz, started before the machine's clock.
  std::uint64_t tsc(unsigned index) const override {
    return 1'000'000 + now * 5 / 2 + cpu[index].tsc_offset;
  }
  std::uint64_t tsc_offset(unsigned index) const override { return cpu[index].tsc_offset; }
  std::uint64_t tsc_khz() const override { return 2'500'000; }
  std::uint64_t wall_clock_ns() const override { return kEpochNs + now; }
  bool set_absent(std::uint64_t page, bool value) override {
    if (!inside(page, 4096)) return false;
    if (value)
      absent.insert(page);
    else
      absent.erase(page);
    return true;
  }

  template <typename T>
  T get(std::uint64_t gpa) const {
    T value;
    std::memcpy(&value, memory.data() + gpa, sizeof(T));
    return value;
  }
  template <typename T>
  void put(std::uint64_t gpa, T value) {
    std::memcpy(memory.data() + gpa, &value, sizeof(T));
  }
  void fill(std::uint64_t gpa, std::size_t size, std::uint8_t value) {
    std::fill_n(memory.begin() + static_cast<std::ptrdiff_t>(gpa), size, value);
  }
  bool all(std::uint64_t gpa, std::size_t size, std::uint8_t value) const {
    const auto begin = memory.begin() + static_cast<std::ptrdiff_t>(gpa);
    return std::all_of(begin, begin + static_cast<std::ptrdiff_t>(size),
                       [value](std::uint8_t b) { return b == value; });
  }

  std::vector<std::uint8_t> memory;
  std::vector<FakeCpu> cpu;
  HypercallOpcode native = HypercallOpcode::kVmcall;
  bool read_only_code = false;
  std::uint64_t now = 1'000'000'000, stalled = 0;
  unsigned writes = 0, eois = 0;
  std::vector<Delivered> delivered;
  std::vector<unsigned> woken, yielded, flushed;
  std::set<std::uint64_t> absent;
};

class KvmModelTest : public testing::Test {
 protected:
  KvmModelTest() { build(); }

  // A new machine and model with these settings and CPUID bits withheld.
  void build(std::map<std::string, std::string, std::less<>> settings = {}, unsigned cpus = 4,
             std::vector<backends::CpuidBit> without = {}) {
    configuration = {.cpus = cpus, .without = std::move(without), .settings = std::move(settings)};
    model.reset();
    machine = std::make_unique<FakeMachine>(cpus);
    model = std::make_unique<KvmModel>(configuration, *machine, interposer);
  }
  static backends::CpuidBit feature(unsigned bit) { return {kvm::kLeafFeatures, 0, bit}; }

  void violate(violations::Seam at, std::map<std::string, violations::Value, std::less<>> effects,
               std::map<std::string, violations::Value, std::less<>> conditions = {}) {
    const violations::Rule rule{
        .at = at, .conditions = std::move(conditions), .effects = std::move(effects)};
    interposer.arm({&rule, 1});
  }
  void switch_on(std::string name) {
    violate(violations::Seam::kSwitch, {{"name", std::move(name)}});
  }

  violations::HypercallResult call(std::uint64_t number, std::array<std::uint64_t, 4> a = {},
                                   Caller caller = {}) {
    return call_as(machine->native, number, a, caller);
  }
  violations::HypercallResult call_as(HypercallOpcode opcode, std::uint64_t number,
                                      std::array<std::uint64_t, 4> a = {}, Caller caller = {}) {
    protocol::RegisterFile registers{};
    registers.rax = number;
    registers.rbx = a[0];
    registers.rcx = a[1];
    registers.rdx = a[2];
    registers.rsi = a[3];
    registers.rdi = 0xd1;
    registers.r15 = 0xf15;
    registers.rflags = 0x202;
    registers.rip = 0x7000;
    if (caller.linear_rip == 0) caller.linear_rip = 0x7000;
    return model->hypercall(caller, opcode, registers);
  }
  std::uint64_t rax(std::uint64_t number, std::array<std::uint64_t, 4> a = {}, Caller caller = {}) {
    return call(number, a, caller).registers.rax;
  }
  HostAnswer verb(protocol::HostVerb which, std::uint64_t argument = 0, unsigned cpu = 0) {
    return model->host_verb(cpu, which, {argument, 0, 0, 0});
  }

  backends::Configuration configuration;
  violations::Interposer interposer;
  std::unique_ptr<FakeMachine> machine;
  std::unique_ptr<KvmModel> model;
};

inline constexpr std::uint64_t kArea = 0x2000;  // where tests put a structure

}  // namespace hypervet::pv
