// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/lab_launcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

#include "harness/measure/paths.h"
#include "reports/stream/decode.h"
#include "reports/stream/reader.h"

namespace hypervet::cli {
namespace {

constexpr std::size_t kLastLines = 12;
constexpr std::size_t kMostComplaints = 4000;

std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const auto end = text.rfind('\n');
  return end == std::string_view::npos ? text : text.substr(end + 1);
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
      if (pending_.size() > reports::kMaxLine) flaw_ = "a line of its stream has no end";
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

lab::Lab prepare(Application& application, const spec::Specs& specs, const BenchOptions& options) {
  to_be_timed(specs, options.globs);  // a mistake in a glob is told before anything boots
  return prepare_lab(application, options.where.lab, options.where.timeout,
                     [] { return Application::interrupt().load(); });
}

}  // namespace

LabLauncher::LabLauncher(Application& application, const spec::Specs& specs,
                         const BenchOptions& options)
    : application_(application),
      options_(options),
      machine_(prepare(application, specs, options)),
      translation_(translation_for(application, specs, options.where, machine_)) {}

lab::Job LabLauncher::job(std::size_t launches) const {
  const auto& recipe = machine_.recipe();
  lab::Job job;
  job.arguments = {"bench"};
  std::ranges::copy(options_.globs, std::back_inserter(job.arguments));
  const auto add = [&](const char* name, const std::string& value) {
    job.arguments.insert(job.arguments.end(), {name, value});
  };
  add("--backend", recipe.backend);
  add("--samples", std::to_string(options_.sampling.samples));
  if (options_.sampling.batch != 0) add("--batch", std::to_string(options_.sampling.batch));
  add("--warmup", std::to_string(options_.sampling.warmup));
  add("--lives", std::to_string(options_.sampling.lives));
  add("--launches", std::to_string(launches));
  add("--seed", std::to_string(options_.where.seed));
  add("--timeout", fmt::format("{}", options_.where.timeout));
  add("--results", "-");
  job.arguments.emplace_back("--no-preflight");  // it is the outer machine that counts
  std::ranges::copy(recipe.options, std::back_inserter(job.arguments));
  std::ranges::copy(options_.where.backend.words(), std::back_inserter(job.arguments));
  add_specs(application_, job);
  return job;
}

void LabLauncher::launch(std::size_t launches, Benched& to, const BenchProgress& progress) {
  const auto& lab = options_.where.lab.lab;
  progress(fmt::format("in the lab {}", lab));
  Benched inner;
  InnerBench stream(translation_, inner);
  std::string complaints;
  const auto ending =
      machine_.run(job(launches), {[&](std::string_view bytes) { stream.add(bytes); },
                                   [&](std::string_view bytes) {
                                     complaints += bytes;
                                     if (complaints.size() > kMostComplaints)
                                       complaints.erase(0, complaints.size() - kMostComplaints);
                                     progress(last_line(complaints));
                                   }});
  if (ending.interrupted) {
    to.interrupted = true;
    return;
  }
  if (!stream.flaw().empty()) throw Exit{kBroken, fmt::format("lab {}: {}", lab, stream.flaw())};
  if (!ending.complete)
    throw Exit{kBroken, fmt::format("lab {}: {}", lab, explain(ending, kLastLines))};
  if (inner.paths.empty()) {
    throw Exit{kBroken, fmt::format("lab {}: the hypervet inside ended with status {}: {}", lab,
                                    ending.status, last_line(complaints))};
  }
  to.is_model = inner.is_model;
  if (to.launches == 0) {
    to.run = std::move(inner.run);
    to.logs.push_back({fmt::format("kernel log of the lab {}", lab), ending.log});
  }
  measure::add_launch(to.paths, std::move(inner.paths), to.launches + 1);
  to.launches += launches;
}

}  // namespace hypervet::cli
