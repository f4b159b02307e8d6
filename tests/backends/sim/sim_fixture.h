// SPDX-License-Identifier: Apache-2.0
// The simulator with the real agent, for tests. HYPERVET_AGENT is the path of agent.elf, set by
// CMake.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "backends/sim/sim_backend.h"
#include "tests/backends/machine/elf_builder.h"
#include "tests/backends/sim/programs.h"

namespace hypervet::sim::test {

using backends::Configuration;
using backends::Outcome;
using backends::Stop;
using protocol::OpCode;

// Shared by all tests: snapshots are kept between them.
inline const SimBackend& simulator(CpuVendor vendor = CpuVendor::intel) {
  static const SimBackend intel({.agent = HYPERVET_AGENT, .vendor = CpuVendor::intel});
  static const SimBackend amd({.agent = HYPERVET_AGENT, .vendor = CpuVendor::amd});
  return vendor == CpuVendor::intel ? intel : amd;
}

inline Configuration with_cpus(unsigned cpus) {
  Configuration configuration;
  configuration.cpus = cpus;
  return configuration;
}

struct RunOptions {
  Configuration configuration = with_cpus(1);
  std::vector<violations::Rule> rules = {};
  std::uint64_t seed = 1;
  CpuVendor vendor = CpuVendor::intel;
};

inline Outcome run_on(const SimBackend& backend, std::span<const std::byte> program,
                      const RunOptions& options = {}) {
  return backend.run({.configuration = &options.configuration,
                      .program = program,
                      .violations = options.rules,
                      .seed = options.seed,
                      .limits = {}});
}

inline Outcome run(const ProgramBuilder& program, const RunOptions& options = {}) {
  return run_on(simulator(options.vendor), program.build(), options);
}

// The ExecutedPayload of an instruction op.
inline protocol::ExecutedPayload executed(const Outcome& outcome, std::uint32_t op) {
  const auto frame = answer_of(parse_frames(outcome.observations), op);
  EXPECT_TRUE(frame && frame->header.kind == protocol::FrameKind::kExecuted)
      << "op " << op << " has no Executed frame; " << outcome.detail;
  return frame ? frame->as<protocol::ExecutedPayload>() : protocol::ExecutedPayload{};
}

inline std::vector<std::uint64_t> values(const Outcome& outcome, std::uint32_t op) {
  const auto frame = answer_of(parse_frames(outcome.observations), op);
  EXPECT_TRUE(frame && frame->header.kind == protocol::FrameKind::kValues)
      << "op " << op << " has no Values frame; " << outcome.detail;
  return frame ? frame->values() : std::vector<std::uint64_t>(8);
}

// Writes a PVH payload whose 32-bit code starts at 1 MiB; removed at the end of the test program.
class RawPayload {
 public:
  explicit RawPayload(std::vector<std::uint8_t> code) {
    static int number = 0;
    path_ = std::filesystem::path(testing::TempDir()) /
            ("hypervet-raw-" + std::to_string(getpid()) + "-" + std::to_string(number++) + ".elf");
    const auto file = machine::test::ElfBuilder()
                          .segment({.address = 0x10'0000, .contents = std::move(code)})
                          .pvh(0x10'0000)
                          .build();
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(file.data()),
               static_cast<std::streamsize>(file.size()));
  }
  ~RawPayload() { std::filesystem::remove(path_); }
  RawPayload(const RawPayload&) = delete;
  RawPayload& operator=(const RawPayload&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace hypervet::sim::test
