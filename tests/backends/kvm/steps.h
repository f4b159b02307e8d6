// SPDX-License-Identifier: Apache-2.0
// Programs for guest.S, and the machine that runs them: what the engine's tests have in common.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "backends/kvm/kvm_backend.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::kvm::test {

using backends::Outcome;
using backends::Stop;

// Where install()'s handler counts, and free room behind it.
inline constexpr std::uint32_t kCounter = protocol::kArenaAddress;
inline constexpr std::uint32_t kRoom = protocol::kArenaAddress + 0x10000;

class Steps {
 public:
  Steps& verb(protocol::HostVerb verb, std::uint32_t a0 = 0, std::uint32_t a1 = 0) {
    return add({1, static_cast<std::uint32_t>(verb), a0, a1, 0, 0});
  }
  Steps& load(std::uint32_t address) { return add({2, address}); }
  Steps& store(std::uint32_t address, std::uint32_t value) { return add({3, address, value}); }
  Steps& read_msr(std::uint32_t index) { return add({4, index}); }
  Steps& write_msr(std::uint32_t index, std::uint32_t low, std::uint32_t high = 0) {
    return add({5, index, low, high});
  }
  Steps& out(std::uint32_t port, std::uint32_t value) { return add({6, port, value}); }
  // Machine code, called; ends with a return unless it never should.
  Steps& code(std::vector<std::uint8_t> bytes) {
    bytes.resize((bytes.size() + 3) & ~std::size_t{3}, 0x90);
    add({7, static_cast<std::uint32_t>(bytes.size() / 4)});
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      std::uint32_t word;
      std::memcpy(&word, bytes.data() + i, 4);
      words_.push_back(word);
    }
    return *this;
  }
  // Starts so many application CPUs on `theirs`, then goes on.
  Steps& start_cpus(unsigned count, const Steps& theirs) {
    others_ = theirs.words_;
    add({8, count, 0});
    others_distance_ = words_.size() - 1;
    return *this;
  }
  Steps& await(std::uint32_t address, std::uint32_t value) { return add({9, address, value}); }
  Steps& install(std::uint32_t vector) { return add({10, vector}); }
  Steps& park() { return add({11}); }
  Steps& repeat_out(std::uint32_t port, std::uint32_t count) { return add({12, port, count}); }
  Steps& ready() { return ring(protocol::Doorbell::kReady); }
  Steps& finish() { return ring(protocol::Doorbell::kFinished); }
  Steps& ring(protocol::Doorbell why) {
    return out(protocol::kDoorbellPort, static_cast<std::uint32_t>(why));
  }

  std::vector<std::uint32_t> words() const {
    auto all = words_;
    if (others_distance_ != 0) {
      all[others_distance_] = static_cast<std::uint32_t>(words_.size() - others_distance_ - 1);
      all.insert(all.end(), others_.begin(), others_.end());
    }
    return all;
  }

 private:
  Steps& add(std::initializer_list<std::uint32_t> words) {
    words_.insert(words_.end(), words);
    return *this;
  }

  std::vector<std::uint32_t> words_;
  std::vector<std::uint32_t> others_;
  std::size_t others_distance_ = 0;
};

// Shared by all tests of a binary.
inline const KvmBackend& backend() {
  static const KvmBackend made{HYPERVET_KVM_TEST_GUEST};
  return made;
}

inline backends::Configuration with_cpus(unsigned cpus) {
  backends::Configuration configuration;
  configuration.cpus = cpus;
  return configuration;
}

inline backends::Configuration with_setting(std::string name, std::string value) {
  backends::Configuration configuration;
  configuration.settings.emplace(std::move(name), std::move(value));
  return configuration;
}

inline Outcome run(const Steps& steps, const backends::Configuration& configuration = {},
                   const backends::Limits& limits = {}) {
  const auto words = steps.words();
  backends::Job job;
  job.configuration = &configuration;
  job.program = std::as_bytes(std::span(words));
  job.limits = limits;
  return backend().run(job);
}

inline std::vector<std::uint32_t> reported(const Outcome& outcome) {
  std::vector<std::uint32_t> values(outcome.observations.size() / 4);
  std::memcpy(values.data(), outcome.observations.data(), values.size() * 4);
  return values;
}

// Skips with the reason where there is no KVM.
class KvmTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = backend().availability(); !why.available) GTEST_SKIP() << why.reason;
  }
};

}  // namespace hypervet::kvm::test
