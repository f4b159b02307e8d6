// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/bench_launches.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "harness/cli/lab_choice.h"
#include "harness/cli/lab_translation.h"
#include "harness/measure/path_selection.h"
#include "harness/measure/paths.h"
#include "harness/run/records.h"
#include "reports/stream/decode.h"

namespace hypervet::cli {
namespace {

constexpr std::size_t kLastLines = 12;
constexpr std::size_t kMostComplaints = 4000;

std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const auto end = text.rfind('\n');
  return end == std::string_view::npos ? text : text.substr(end + 1);
}

// One thing to time, and what stands against it.
struct Timed {
  measure::PathInstance instance;
  std::string contrast;  // id
};

// The paths asked for, each followed by its contrast where that is not among them already.
std::vector<Timed> to_be_timed(const spec::Specs& specs, const std::vector<std::string>& globs) {
  const auto selected = measure::select_paths(specs, globs);
  if (!selected) throw Exit{kUsage, selected.error()};
  if (selected->empty()) throw Exit{kUsage, "there is no path in the specs"};
  std::set<std::string> known;
  for (const auto& instance : *selected) known.insert(instance.id);
  std::vector<Timed> timed;
  for (const auto& instance : *selected) {
    const auto contrast = measure::contrast_of(specs, instance);
    timed.push_back({instance, contrast ? contrast->id : ""});
    if (contrast && known.insert(contrast->id).second) timed.push_back({*contrast, ""});
  }
  return timed;
}

reports::Path record(const run::Session& session, const Timed& timed,
                     const measure::Sampling& sampling) {
  reports::Path path;
  path.id = timed.instance.id;
  path.interface = timed.instance.interface->id;
  path.what = timed.instance.path->what;
  path.backend = session.backend->name();
  path.target = session.target.name;
  path.provider = session.target.provider;
  path.contrast = timed.contrast;
  path.method = sampling.method;
  if (!sampling.skipped.empty()) path.reason = "skipped: " + sampling.skipped;
  if (!sampling.failed.empty()) path.reason = "failed: " + sampling.failed;
  // The model's clock counts instructions, and no time passes in it.
  path.unit = session.target.is_model ? "instructions" : sampling.tsc_khz == 0 ? "ticks" : "ns";
  const double scale = path.unit == "ns" ? 1e6 / static_cast<double>(sampling.tsc_khz) : 1.0;
  path.overhead = sampling.overhead_ticks_per_op * scale;
  if (path.reason.empty()) {
    auto& samples = path.launches.emplace_back(sampling.ticks_per_op);
    for (auto& sample : samples) sample *= scale;
  }
  return path;
}

Benched bench_here(Application& application, const spec::Specs& specs, const BenchOptions& options,
                   const std::function<void(std::string_view)>& progress) {
  const auto timed = to_be_timed(specs, options.globs);
  const auto backend = application.make_backend(options.where.backend);
  backends::Limits limits;
  limits.deadline = std::chrono::nanoseconds(static_cast<long long>(options.where.timeout * 1e9));
  auto session = run::open_session(specs, *backend, options.where.seed, limits);
  if (!session) throw Exit{kBroken, session.error()};
  session->channel = options.where.channel;
  Benched benched;
  benched.is_model = session->target.is_model;
  benched.run = run::run_record(*session, application.invocation(1), 0);
  for (std::size_t launch = 1; launch <= options.launches; ++launch) {
    std::vector<reports::Path> paths;
    for (const auto& each : timed) {
      if (Application::interrupt().load()) {
        benched.interrupted = true;
        return benched;
      }
      progress(options.launches == 1 ? each.instance.id
                                     : fmt::format("launch {} of {}: {}", launch, options.launches,
                                                   each.instance.id));
      paths.push_back(
          record(*session, each, measure::sample(*session, each.instance, options.sampling)));
    }
    measure::add_launch(benched.paths, std::move(paths), launch);
  }
  return benched;
}

// The stream of the inner hypervet: one run record, then the paths.
class InnerBench {
 public:
  InnerBench(const Translation& translation, Benched& benched)
      : translation_(translation), benched_(benched) {}

  void add(std::string_view bytes) {
    while (flaw_.empty() && !bytes.empty()) {
      const auto end = bytes.find('\n');
      pending_.append(bytes.substr(0, end));
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
      line(std::exchange(pending_, {}));
    }
  }
  const std::string& flaw() const { return flaw_; }

 private:
  void line(const std::string& text) {
    auto record = reports::decode_record(text);
    if (!record) {
      flaw_ = fmt::format("its stream has a bad line: {}", record.error().message);
    } else if (auto* run = std::get_if<reports::Run>(&*record)) {
      benched_.is_model = reports::is_reference_model(run->provider);
      benched_.run = translated(std::move(*run), translation_);
    } else if (auto* path = std::get_if<reports::Path>(&*record)) {
      path->target = emulated(path->target, translation_);
      // In an exact lab a nanosecond is an instruction.
      if (translation_.exact && path->unit == "ns") path->unit = "instructions";
      benched_.paths.push_back(std::move(*path));
    }
  }

  const Translation& translation_;
  Benched& benched_;
  std::string pending_;
  std::string flaw_;
};

lab::Job bench_job(const lab::Recipe& recipe, const BenchOptions& options) {
  lab::Job job;
  job.arguments = {"bench"};
  std::ranges::copy(options.globs, std::back_inserter(job.arguments));
  const auto add = [&](const char* name, const std::string& value) {
    job.arguments.insert(job.arguments.end(), {name, value});
  };
  add("--backend", recipe.backend);
  add("--samples", std::to_string(options.sampling.samples));
  add("--warmup", std::to_string(options.sampling.warmup));
  add("--lives", std::to_string(options.sampling.lives));
  add("--launches", std::to_string(options.launches));
  add("--seed", std::to_string(options.where.seed));
  add("--timeout", fmt::format("{}", options.where.timeout));
  add("--results", "-");
  job.arguments.emplace_back("--no-preflight");  // it is the outer machine that counts
  std::ranges::copy(recipe.options, std::back_inserter(job.arguments));
  std::ranges::copy(options.where.backend.words(), std::back_inserter(job.arguments));
  return job;
}

Benched bench_in_lab(Application& application, const spec::Specs& specs,
                     const BenchOptions& options,
                     const std::function<void(std::string_view)>& progress) {
  to_be_timed(specs, options.globs);  // a mistake in a glob is told before anything boots
  auto machine = prepare_lab(application, options.where.lab, options.where.timeout,
                             [] { return Application::interrupt().load(); });
  const auto translation = translation_for(application, specs, options.where, machine);
  auto job = bench_job(machine.recipe(), options);
  add_specs(application, job);
  progress(fmt::format("in the lab {}", options.where.lab.name()));
  Benched benched;
  InnerBench stream(translation, benched);
  std::string complaints;
  const auto ending =
      machine.run(job, {[&](std::string_view bytes) { stream.add(bytes); },
                        [&](std::string_view bytes) {
                          complaints += bytes;
                          if (complaints.size() > kMostComplaints)
                            complaints.erase(0, complaints.size() - kMostComplaints);
                          progress(last_line(complaints));
                        }});
  benched.interrupted = ending.interrupted;
  if (benched.interrupted) return benched;
  const auto lab = options.where.lab.name();
  if (!stream.flaw().empty()) throw Exit{kBroken, fmt::format("lab {}: {}", lab, stream.flaw())};
  if (!ending.complete)
    throw Exit{kBroken, fmt::format("lab {}: {}", lab, explain(ending, kLastLines))};
  if (benched.paths.empty()) {
    throw Exit{kBroken, fmt::format("lab {}: the hypervet inside ended with status {}: {}", lab,
                                    ending.status, last_line(complaints))};
  }
  benched.logs.push_back({fmt::format("kernel log of the lab {}", lab), ending.log});
  return benched;
}

}  // namespace

Benched bench(Application& application, const spec::Specs& specs, const BenchOptions& options,
              const std::function<void(std::string_view)>& progress) {
  return options.where.lab ? bench_in_lab(application, specs, options, progress)
                           : bench_here(application, specs, options, progress);
}

}  // namespace hypervet::cli
