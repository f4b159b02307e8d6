// SPDX-License-Identifier: Apache-2.0
// What the host keeps time with, and how a machine gets a host that keeps it otherwise. KVM gives
// KVM_HC_CLOCK_PAIRING's time only while the host's clock source is the TSC, directly or through
// Hyper-V's page (arch/x86/kvm/x86.c, gtod_is_based_on_tsc).
//
// One HostClock per backend. Any thread: machines that need the clock changed run alone.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

namespace hypervet::kvm {

class HostClock {
 public:
  static constexpr std::string_view kFolder = "/sys/devices/system/clocksource/clocksource0";

  // `may_change`: the clock source is the whole host's, so it is changed only where somebody said
  // that it may be, as in a lab.
  explicit HostClock(bool may_change, std::filesystem::path folder = kFolder);

  // Why a host with this clock ("tsc", "other") cannot be had; nullopt: it can.
  std::optional<std::string> refusal(std::string_view wanted) const;

  // Keeps the clock as it was asked for until it is destroyed.
  class Hold {
   public:
    Hold(Hold&& other) noexcept;
    Hold& operator=(Hold&&) = delete;
    ~Hold();
    // Not empty: the clock could not be changed.
    const std::string& error() const { return error_; }

   private:
    friend class HostClock;
    explicit Hold(HostClock& clock) : shared_(clock.mutex_) {}
    Hold(HostClock& clock, std::string_view source);

    std::shared_lock<std::shared_mutex> shared_;
    std::unique_lock<std::shared_mutex> alone_;
    HostClock* changed_ = nullptr;
    std::string error_;
  };
  // For a configuration that was not refused; "": whatever the clock is.
  Hold hold(std::string_view wanted);

 private:
  bool set(const std::string& source) const;
  std::string other_source() const;  // "": there is none

  const bool may_change_;
  const std::filesystem::path folder_;
  const std::string own_;  // what the host keeps time with; "": it does not tell
  std::shared_mutex mutex_;
};

}  // namespace hypervet::kvm
