// SPDX-License-Identifier: Apache-2.0
// The entropy device, 5.4: one queue, no configuration, no features. Its bytes are those of a
// seeded generator, so that runs repeat; nobody draws keys from a reference model.
#pragma once

#include <cstdint>
#include <random>

#include "backends/devices/device.h"

namespace hypervet::devices {

class Entropy final : public Device {
 public:
  std::uint32_t id() const override { return 4; }
  std::uint64_t own_features() const override { return 0; }
  unsigned queue_count() const override { return 1; }
  std::uint16_t queue_size_max(unsigned) const override { return 256; }
  std::span<const std::uint8_t> config() const override { return {}; }
  void write_config(std::uint64_t, std::span<const std::uint8_t>) override {}
  bool accepts(std::uint64_t) const override { return true; }
  void notified(unsigned queue) override;
  void reset() override {}
  void power_on() override { generator_.seed(); }

 private:
  // A request never gets more than this: drivers must live with less than they asked for (5.4.6).
  static constexpr std::size_t kMost = 4096;

  std::mt19937_64 generator_;
};

}  // namespace hypervet::devices
