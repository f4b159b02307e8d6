// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/local_launcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "harness/measure/paths.h"
#include "harness/run/records.h"
#include "harness/spec/describe.h"

namespace hypervet::cli {
namespace {

bool is_given_up(const Benched& benched, const std::string& id) {
  const auto path = std::ranges::find(benched.paths, id, &reports::Path::id);
  return path != benched.paths.end() && !path->reason.empty();
}

}  // namespace

LocalLauncher::LocalLauncher(Application& application, const spec::Specs& specs,
                             const BenchOptions& options)
    : application_(application),
      sampling_(options.sampling),
      timed_(to_be_timed(specs, options.globs)),
      backend_(application.make_backend(options.where.backend)) {
  backends::Limits limits;
  limits.deadline = std::chrono::nanoseconds(static_cast<long long>(options.where.timeout * 1e9));
  auto session = run::open_session(specs, *backend_, options.where.seed, limits);
  if (!session) throw Exit{kBroken, session.error()};
  session_ = std::move(*session);
  session_.channel = options.where.channel;
}

void LocalLauncher::launch(std::size_t launches, Benched& to, const BenchProgress& progress) {
  to.is_model = session_.target.is_model;
  if (to.launches == 0) to.run = run::run_record(session_, application_.invocation(1), 0);
  for (std::size_t i = 1; i <= launches; ++i) {
    std::vector<reports::Path> paths;
    for (const auto& each : timed_) {
      if (is_given_up(to, each.instance.id)) continue;
      if (Application::interrupt().load()) {
        to.interrupted = true;
        return;
      }
      progress(launches == 1 ? each.instance.id
                             : fmt::format("launch {} of {}: {}", i, launches, each.instance.id));
      paths.push_back(record(each, measure::sample(session_, each.instance, sampling_)));
    }
    measure::add_launch(to.paths, std::move(paths), ++to.launches);
  }
}

reports::Path LocalLauncher::record(const Timed& timed, const measure::Sampling& sampling) const {
  reports::Path path;
  path.id = timed.instance.id;
  path.interface = timed.instance.interface->id;
  const auto& of = *timed.instance.path;
  const bool is_contrast = timed.instance.measure != &of.measure;
  path.what = is_contrast ? "The contrast: " + spec::describe(*timed.instance.measure) : of.what;
  path.backend = session_.backend->name();
  path.target = session_.target.name;
  path.provider = session_.target.provider;
  path.contrast = timed.contrast;
  path.method = sampling.method;
  if (!sampling.skipped.empty()) path.reason = "skipped: " + sampling.skipped;
  if (!sampling.failed.empty()) path.reason = "failed: " + sampling.failed;
  // The model's clock counts instructions, and no time passes in it.
  path.unit = session_.target.is_model ? "instructions" : sampling.tsc_khz == 0 ? "ticks" : "ns";
  const double scale = path.unit == "ns" ? 1e6 / static_cast<double>(sampling.tsc_khz) : 1.0;
  path.overhead = sampling.overhead_ticks_per_op * scale;
  if (path.reason.empty()) {
    auto& samples = path.launches.emplace_back(sampling.ticks_per_op);
    for (auto& sample : samples) sample *= scale;
  }
  return path;
}

}  // namespace hypervet::cli
