// SPDX-License-Identifier: Apache-2.0
#include "harness/run/device_offers.h"

#include "harness/program/device_probe.h"

namespace hypervet::run {
namespace {

std::optional<std::uint64_t> ask(const backends::Backend& backend,
                                 const program::DeviceProbe& probe, std::uint64_t seed,
                                 const backends::Limits& limits) {
  backends::Job job;
  job.configuration = &probe.configuration;
  job.program = probe.program;
  job.seed = seed;
  job.limits = limits;
  const auto outcome = backend.run(job);
  if (outcome.stop != backends::Stop::kFinished) return std::nullopt;
  const auto observations = program::decode(outcome.observations, program::Ending::kWhole);
  return observations ? program::device_features(*observations) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> DeviceOffers::features(const backends::Backend& backend,
                                                    const backends::Configuration& configuration,
                                                    std::uint64_t seed,
                                                    const backends::Limits& limits) {
  const program::DeviceProbe probe = program::make_device_probe(configuration);
  Answer* answer = nullptr;
  {
    const std::lock_guard guard(lock_);
    auto& entry = answers_[probe.configuration];
    if (!entry) entry = std::make_unique<Answer>();
    answer = entry.get();
  }
  std::call_once(answer->asked, [&] { answer->features = ask(backend, probe, seed, limits); });
  return answer->features;
}

}  // namespace hypervet::run
