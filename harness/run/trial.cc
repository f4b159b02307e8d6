// SPDX-License-Identifier: Apache-2.0
#include "harness/run/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "guest-payloads/protocol/host_verbs.h"
#include "harness/program/compile.h"
#include "harness/program/device_probe.h"
#include "harness/program/observations.h"
#include "harness/program/probe.h"

namespace hypervet::run {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t nanoseconds_since(Clock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}

std::string_view verb_name(protocol::HostVerb verb) {
  const auto* entry = std::ranges::find(protocol::kHostVerbs, verb, &protocol::HostVerbEntry::verb);
  return entry == std::end(protocol::kHostVerbs) ? "?" : entry->name;
}

}  // namespace

std::expected<Session, std::string> open_session(const spec::Specs& specs,
                                                 const backends::Backend& backend,
                                                 std::uint64_t seed,
                                                 const backends::Limits& limits) {
  Session session;
  session.specs = &specs;
  session.backend = &backend;
  session.target = backend.target();
  session.seed = seed;
  session.limits = limits;
  const auto probe = program::make_probe(specs);
  backends::Job job;
  job.configuration = &probe.configuration;
  job.program = probe.program;
  job.seed = seed;
  job.limits = limits;
  const auto outcome = backend.run(job);
  if (outcome.stop != backends::Stop::kFinished) {
    return std::unexpected(fmt::format("cannot ask the target what it offers: {}{}{}",
                                       backends::to_string(outcome.stop),
                                       outcome.detail.empty() ? "" : ": ", outcome.detail));
  }
  const auto observations = program::decode(outcome.observations, program::Ending::kWhole);
  if (!observations)
    return std::unexpected("cannot ask the target what it offers: " + observations.error());
  auto offered = program::offered_features(specs, probe, *observations);
  if (!offered) return std::unexpected("cannot ask the target what it offers: " + offered.error());
  session.offered = std::move(*offered);
  return session;
}

namespace {

// Why the device of the case, which the backend has, does not offer what the case needs.
std::string device_reason(const Session& session, const Instance& instance,
                          const backends::Configuration& configuration) {
  const auto bits =
      session.devices->features(*session.backend, configuration, session.seed, session.limits);
  if (!bits) return {};
  return program::missing_of_device(*session.specs, *instance.the_case, instance.binding,
                                    configuration, *bits);
}

bool is_of_device(const spec::Specs& specs, const std::string& feature) {
  const auto found = specs.features.find(feature);
  return found != specs.features.end() && found->second.virtio.has_value();
}

}  // namespace

std::string skip_reason(const Session& session, const Instance& instance,
                        const program::CompiledCase& compiled) {
  for (const auto& feature : instance.the_case->requires_) {
    if (!is_of_device(*session.specs, feature) && !session.offered.contains(feature)) {
      return program::missing_reason(*session.specs, session.offered, feature);
    }
  }
  const auto& configuration = compiled.configuration;
  if (configuration.cpus > session.backend->max_cpus()) {
    return fmt::format("needs {} CPUs, backend {} has at most {}", configuration.cpus,
                       session.backend->name(), session.backend->max_cpus());
  }
  if (auto refused = session.backend->refuses(configuration)) return *refused;
  for (const auto verb : compiled.host_verbs) {
    if (!session.backend->has(verb)) {
      return fmt::format("backend {} does not have the host verb {}", session.backend->name(),
                         verb_name(verb));
    }
  }
  if (instance.the_case->on_device) return device_reason(session, instance, configuration);
  return {};
}

Trial attempt(const Session& session, const program::CompiledCase& compiled,
              std::span<const violations::Rule> violations) {
  const auto start = Clock::now();
  backends::Job job;
  job.configuration = &compiled.configuration;
  job.program = compiled.program;
  job.violations = violations;
  job.seed = session.seed;
  job.limits = session.limits;
  const auto outcome = session.backend->run(job);
  Trial trial{judge::judge(compiled, outcome), 0, outcome.committed};
  trial.duration_ns = nanoseconds_since(start);
  return trial;
}

Trial attempt(const Session& session, const Instance& instance) {
  const auto start = Clock::now();
  Trial trial;
  auto compiled = program::compile(*session.specs, *instance.interface, *instance.clause,
                                   *instance.the_case, instance.binding);
  if (compiled && session.channel != kMemoryChannel) {
    compiled->configuration.settings.try_emplace("channel", session.channel);
  }
  if (!compiled) {
    trial.judgement.verdict = judge::Verdict::kError;
    trial.judgement.reason =
        fmt::format("{}: {}", spec::to_string(compiled.error().mark), compiled.error().message);
    trial.judgement.mark = compiled.error().mark;
  } else if (auto reason = skip_reason(session, instance, *compiled); !reason.empty()) {
    trial.judgement.verdict = judge::Verdict::kSkip;
    trial.judgement.reason = std::move(reason);
    trial.judgement.mark = instance.the_case->mark;
  } else {
    trial = attempt(session, *compiled, {});
  }
  trial.duration_ns = nanoseconds_since(start);
  return trial;
}

}  // namespace hypervet::run
