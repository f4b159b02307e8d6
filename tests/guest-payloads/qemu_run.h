// SPDX-License-Identifier: Apache-2.0
// Runs the agent on a real QEMU over the serial channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tests/guest-payloads/frames.h"

namespace hypervet::tests {

struct QemuOptions {
  std::string machine = "microvm,pit=off,pic=off,rtc=off,acpi=off";
  unsigned cpus = 1;
  std::string words = {};  // appended to the command line
  std::string channel = "serial";
  bool with_program = true;
  std::string kernel = HV_AGENT_ELF;
  std::string firmware = "qboot.rom";       // "": the machine's own
  std::vector<std::string> arguments = {};  // appended to QEMU's
  unsigned seconds = 60;  // then it is killed: generous, for machines that do other work
  // Answers a host verb: {status, result}.
  std::function<std::pair<std::uint8_t, std::uint64_t>(const std::vector<std::uint64_t>& call)>
      host = {};
};

struct QemuRun {
  int status = -1;  // QEMU's exit status; -1: it was killed
  Frames frames;
  std::string error;      // of the line's form
  std::size_t begun = 0;  // kBegin frames
};

// Empty, or why these tests cannot run here.
std::string qemu_missing();

QemuRun run_in_qemu(std::span<const std::byte> program, const QemuOptions& options = {});

// QEMU's exit status after the agent wrote `doorbell` to the debug-exit port.
constexpr int exit_status(protocol::Doorbell doorbell) {
  return static_cast<int>(doorbell) << 1 | 1;
}

}  // namespace hypervet::tests
