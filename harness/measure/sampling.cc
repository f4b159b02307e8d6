// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "harness/measure/path_answer.h"
#include "harness/program/observations.h"
#include "harness/program/probe.h"

namespace hypervet::measure {
namespace {

using backends::Outcome;
using backends::Stop;
using program::PathPlan;
using program::PathSizes;
using protocol::PathProof;

// An empty round of the loop is seven instructions. Where it takes longer than this many ticks, an
// instruction of ring 0 is not executed by the processor.
constexpr double kEmulatedRound = 500;

std::string verb_name(protocol::HostVerb verb) {
  const auto* entry = std::ranges::find(protocol::kHostVerbs, verb, &protocol::HostVerbEntry::verb);
  return entry == std::end(protocol::kHostVerbs) ? "?" : std::string(entry->name);
}

// Empty, or why this target does not offer the path.
std::string skip_reason(const run::Session& session, const PathInstance& instance,
                        const PathPlan& plan, const SamplingOptions& options) {
  for (const std::string& feature : instance.path->conditions.requires_) {
    if (!session.offered.contains(feature)) {
      return program::missing_reason(*session.specs, session.offered, feature);
    }
  }
  if (plan.configuration.cpus > session.backend->max_cpus()) {
    return fmt::format("needs {} CPUs, backend {} has at most {}", plan.configuration.cpus,
                       session.backend->name(), session.backend->max_cpus());
  }
  const unsigned processors =
      options.processors != 0 ? options.processors : std::thread::hardware_concurrency();
  // The model's CPUs take turns by the instruction.
  if (plan.operation.loop->spins && !session.target.is_model &&
      plan.configuration.cpus > processors) {
    return fmt::format(
        "{} CPUs spin at once and this host has {} processor{}: the time would be "
        "its scheduler's",
        plan.configuration.cpus, processors, processors == 1 ? "" : "s");
  }
  if (auto refused = session.backend->refuses(plan.configuration)) return *refused;
  for (const auto verb : plan.host_verbs) {
    if (!session.backend->has(verb)) {
      return fmt::format("backend {} does not have the host verb {}", session.backend->name(),
                         verb_name(verb));
    }
  }
  if (plan.operation.loop->proof == PathProof::kHostClock && session.target.is_model) {
    return "measured on the host's clock, which says nothing of a model";
  }
  return {};
}

std::string_view kind_of(Stop stop) {
  switch (stop) {
    case Stop::kDeadlock:
    case Stop::kStuck:
    case Stop::kDeadline:
      return "hang";
    case Stop::kShutdown:
    case Stop::kInternalError:
    case Stop::kDied:
      return "crash";
    default:
      return "error";
  }
}

// Why the machine did not finish, and where it was.
std::string unfinished(const Outcome& outcome) {
  std::string where;
  if (!outcome.cpus.empty() && outcome.cpus.front().op) {
    const std::uint32_t op = *outcome.cpus.front().op;
    if (op == program::kEmptyOp) where = " in the empty loop";
    if (op == program::kLoopOp) where = " in the timed loop";
  }
  return fmt::format("{}{}: {}{}{}", kind_of(outcome.stop), where,
                     backends::to_string(outcome.stop), outcome.detail.empty() ? "" : ": ",
                     outcome.detail);
}

// Of an agent that faulted: where.
std::string fault_of(const std::vector<program::Observation>& observations) {
  for (const auto& seen : observations) {
    const auto* fault = seen.executed();
    if (fault == nullptr || seen.header.kind != protocol::FrameKind::kPanic) continue;
    return fmt::format(" (vector {} at {:#x}, error code {:#x}, cr2 {:#x})", fault->vector,
                       fault->after.rip, fault->error_code, fault->cr2);
  }
  return {};
}

backends::Job job_of(const run::Session& session, const PathPlan& plan,
                     std::span<const std::byte> program) {
  backends::Job job;
  job.configuration = &plan.configuration;
  job.program = program;
  job.seed = session.seed;
  job.limits = session.limits;
  return job;
}

void take_answer(const Outcome& outcome, const PathPlan& plan, const PathSizes& sizes,
                 Sampling& to) {
  const bool finished = outcome.stop == Stop::kFinished;
  const auto observations = program::decode(
      outcome.observations, finished ? program::Ending::kWhole : program::Ending::kCutOff);
  if (!finished) {
    to.failed = unfinished(outcome);
    if (observations) to.failed += fault_of(*observations);
    return;
  }
  if (!observations) {
    to.failed = observations.error();
    return;
  }
  const auto answer = read_answer(plan.operation, sizes, *observations);
  if (!answer) {
    (answer.error().absent ? to.skipped : to.failed) = answer.error().why;
    return;
  }
  to.ticks_per_op = per_operation(answer->loop, answer->empty, sizes.batch);
  to.overhead_ticks_per_op =
      static_cast<double>(lower_median(answer->empty)) / static_cast<double>(sizes.batch);
  to.tsc_khz = outcome.tsc_khz;
}

std::string method_of(const PathInstance& instance, const PathPlan& plan, const PathSizes& sizes,
                      const Sampling& result, bool is_model) {
  std::string text = fmt::format(
      "{}{}: {} operations between two serialised readings of the TSC, {} batches of warm-up, "
      "the empty loop subtracted",
      plan.operation.loop->name, plan.operation.user ? " at CPL 3" : "", sizes.batch, sizes.warmup);
  if (!is_model && !plan.operation.user && result.overhead_ticks_per_op > kEmulatedRound) {
    text += fmt::format("; ring 0 is emulated here: {:.0f} ticks for a round of the empty loop",
                        result.overhead_ticks_per_op);
  }
  if (!instance.path->note.empty()) text += "; " + instance.path->note;
  return text;
}

Sampling sample_in_guest(const run::Session& session, const PathInstance& instance,
                         const PathPlan& plan, const SamplingOptions& options) {
  Sampling result;
  const PathSizes sizes{.samples = options.samples,
                        .warmup = options.warmup,
                        .batch = options.batch != 0 ? options.batch : plan.operation.batch};
  if (sizes.samples == 0 || sizes.samples > protocol::kMaxPathSamples ||
      sizes.warmup > protocol::kMaxPathSamples || sizes.batch > protocol::kMaxPathBatch) {
    result.failed = fmt::format(
        "{} samples after {} batches of {}: there are 1 to {} samples and batches of at most {}",
        sizes.samples, sizes.warmup, sizes.batch, protocol::kMaxPathSamples,
        protocol::kMaxPathBatch);
    return result;
  }
  result.batch = sizes.batch;
  const auto program = program::path_program(plan.operation, sizes);
  const Outcome outcome = session.backend->run(job_of(session, plan, program));
  take_answer(outcome, plan, sizes, result);
  result.method = method_of(instance, plan, sizes, result, session.target.is_model);
  return result;
}

// The one path that is no guest's: nanoseconds of the host's steady clock.
Sampling sample_lives(const run::Session& session, const PathInstance& instance,
                      const PathPlan& plan, const SamplingOptions& options) {
  using Clock = std::chrono::steady_clock;
  constexpr unsigned kWarmup = 2;
  Sampling result;
  result.tsc_khz = 1'000'000;
  result.batch = 1;
  result.method = fmt::format(
      "{}: the backend's run of a program of no steps, on the host's clock, after {} for "
      "warm-up{}{}",
      plan.operation.loop->name, kWarmup, instance.path->note.empty() ? "" : "; ",
      instance.path->note);
  const auto program = program::path_program(plan.operation, {});
  const auto job = job_of(session, plan, program);
  for (std::uint64_t i = 0; i < options.lives + kWarmup; ++i) {
    const auto start = Clock::now();
    const Outcome outcome = session.backend->run(job);
    const std::chrono::duration<double, std::nano> elapsed = Clock::now() - start;
    if (outcome.stop != Stop::kFinished) {
      result.failed = unfinished(outcome);
      result.ticks_per_op.clear();
      return result;
    }
    if (i >= kWarmup) result.ticks_per_op.push_back(elapsed.count());
  }
  if (result.ticks_per_op.empty()) result.failed = "no samples were asked for";
  return result;
}

}  // namespace

Sampling sample(const run::Session& session, const PathInstance& instance,
                const SamplingOptions& options) {
  Sampling result;
  auto plan = program::plan_path(*session.specs, *instance.interface, *instance.path,
                                 *instance.measure, instance.binding);
  if (!plan) {
    result.failed = fmt::format("{}: {}", spec::to_string(plan.error().mark), plan.error().message);
    return result;
  }
  if (session.channel != run::kMemoryChannel) {
    plan->configuration.settings.try_emplace("channel", session.channel);
  }
  if (result.skipped = skip_reason(session, instance, *plan, options); !result.skipped.empty()) {
    return result;
  }
  return plan->operation.loop->proof == PathProof::kHostClock
             ? sample_lives(session, instance, *plan, options)
             : sample_in_guest(session, instance, *plan, options);
}

std::uint64_t lower_median(std::span<const std::uint64_t> values) {
  std::vector<std::uint64_t> copy(values.begin(), values.end());
  const auto middle = copy.begin() + static_cast<std::ptrdiff_t>((copy.size() - 1) / 2);
  std::ranges::nth_element(copy, middle);
  return *middle;
}

std::vector<double> per_operation(std::span<const std::uint64_t> batches,
                                  std::span<const std::uint64_t> empty, std::uint64_t batch) {
  const std::uint64_t own = lower_median(empty);
  std::vector<double> result;
  result.reserve(batches.size());
  for (const std::uint64_t ticks : batches) {
    const double net =
        ticks >= own ? static_cast<double>(ticks - own) : -static_cast<double>(own - ticks);
    result.push_back(net / static_cast<double>(batch));
  }
  return result;
}

}  // namespace hypervet::measure
