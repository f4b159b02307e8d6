// SPDX-License-Identifier: Apache-2.0
// What the virtio devices of a target offer, asked once of each as cases need it. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "backends/backend.h"

namespace hypervet::run {

class DeviceOffers {
 public:
  // Feature bits of the device of that configuration; nullopt: the target does not tell, and a case
  // will show why. Runs a machine on the calling thread the first time; others that ask for the
  // same device meanwhile wait.
  std::optional<std::uint64_t> features(const backends::Backend& backend,
                                        const backends::Configuration& configuration,
                                        std::uint64_t seed, const backends::Limits& limits);

 private:
  struct Answer {
    std::once_flag asked;
    std::optional<std::uint64_t> features;
  };
  std::mutex lock_;  // of the map; an answer has its own
  std::map<backends::Configuration, std::unique_ptr<Answer>> answers_;
};

}  // namespace hypervet::run
