// SPDX-License-Identifier: Apache-2.0
// The engine on /dev/kvm: runs payloads on the host kernel's hypervisor with nothing between, so
// what is judged is the kernel. Every job gets a fresh VM.
//
// All const members may be called from several threads at once; the guest's CPU 0 runs in the
// calling thread. Takes the real-time signal SIGRTMIN
// + 5 of the process, to get vCPU threads out of the kernel.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/kvm/system.h"
#include "backends/machine/elf_loader.h"

namespace hypervet::kvm {

class HostClock;
class Watchdogs;

using SettingValues = std::map<std::string, std::string, std::less<>>;

class KvmBackend final : public backends::Backend {
 public:
  static constexpr std::string_view kDevice = "/dev/kvm";

  // `agent` is the payload that executes programs. Never throws for a bad path: availability()
  // tells. `preferred` are settings of every machine whose configuration does not say otherwise.
  // `may_change_clock`: a case that wants a host without TSC gets one (host_clock.h).
  explicit KvmBackend(const std::filesystem::path& agent,
                      const std::filesystem::path& device = kDevice, SettingValues preferred = {},
                      bool may_change_clock = false);

  ~KvmBackend() override;

  std::string_view name() const override { return "kvm"; }
  backends::Availability availability() const override;
  backends::Target target() const override;
  // The engine's virtio devices are hypervet's own.
  std::string_view device_provider() const override { return "hypervet's reference model"; }
  // 0 where the device cannot be used.
  unsigned max_cpus() const override;
  std::optional<std::string> refuses(const backends::Configuration& configuration) const override;
  bool has(protocol::HostVerb verb) const override;
  backends::Outcome run(const backends::Job& job) const override;

  // Runs any PVH payload: what it sends to COM1 is the outcome's log. It ends by a byte to the
  // debug-exit port, by a doorbell of the agent's, or as a program does. The agent itself need not
  // be there.
  backends::Outcome exec(const std::filesystem::path& payload, std::string_view command_line,
                         const backends::Configuration& configuration = {},
                         const backends::Limits& limits = {}) const;

 private:
  struct Image {
    std::vector<std::byte> bytes;
    machine::Payload payload;  // refers to bytes
  };
  backends::Configuration completed(const backends::Configuration& configuration) const;
  static std::expected<Image, std::string> read_image(const std::filesystem::path& path);

  std::optional<System> system_;
  backends::Availability device_;  // of the device alone
  std::string target_;
  std::unique_ptr<HostClock> host_clock_;  // thread-safe
  SettingValues preferred_;
  bool can_swap_pages_ = false;
  std::expected<Image, std::string> agent_;
  std::unique_ptr<Watchdogs> watchdogs_;  // thread-safe
};

}  // namespace hypervet::kvm
