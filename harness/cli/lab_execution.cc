// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/lab_execution.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "backends/devices/make_device.h"
#include "harness/cli/inner_stream.h"
#include "harness/cli/lab_job.h"

namespace hypervet::cli {
namespace {

constexpr std::size_t kLastLines = 12;
constexpr std::size_t kMostComplaints = 4000;
constexpr const char* kCaseList = "cases";

}  // namespace

lab::Job LabExecution::job(const lab::Recipe& recipe,
                           const std::vector<run::Instance>& instances) const {
  lab::Job job;
  auto& list = job.files[kCaseList];
  for (const auto& instance : instances) list += instance.id + "\n";
  job.arguments = {"run",
                   "--cases",
                   kCaseList,
                   "--backend",
                   recipe.backend,
                   "--jobs",
                   "1",
                   "--seed",
                   std::to_string(options_.seed),
                   "--channel",
                   options_.channel,
                   "--timeout",
                   fmt::format("{}", options_.timeout),
                   "--results",
                   "-"};
  std::ranges::copy(recipe.options, std::back_inserter(job.arguments));
  std::ranges::copy(options_.backend.words(), std::back_inserter(job.arguments));
  add_specs(application_, job);
  return job;
}

std::vector<run::Instance> LabExecution::possible(std::vector<run::Instance> instances) const {
  return run::without_absent_devices(std::move(instances),
                                     [](const std::string& device, const std::string& transport) {
                                       return !devices::refuses_device(device, transport, "plain");
                                     });
}

Executed LabExecution::run(const std::vector<run::Instance>& instances, std::size_t planned,
                           bool fail_fast, const Listener& listener) {
  const InnerStream* watched = nullptr;
  auto machine = prepare_lab(application_, options_.lab, options_.timeout, [&watched] {
    return Application::interrupt().load() ||
           (watched != nullptr && (watched->satisfied() || watched->flaw()));
  });
  auto translation = translation_for(application_, specs_, options_, machine);
  translation.planned = planned;
  InnerStream stream(instances, translation, fail_fast, listener);
  watched = &stream;
  std::string complaints;
  const auto ending =
      machine.run(job(machine.recipe(), instances),
                  {[&](std::string_view bytes) { stream.add(bytes); },
                   [&](std::string_view bytes) {
                     complaints += bytes.substr(
                         0, kMostComplaints - std::min(kMostComplaints, complaints.size()));
                   }});
  Executed executed;
  if (stream.begun() && !ending.log.empty())
    executed.logs.push_back({fmt::format("kernel log of the lab {}", name()), ending.log});
  executed.interrupted = Application::interrupt().load();
  if (options_.lab.exact) executed.wall_ns = stream.wall_ns();
  if (executed.interrupted || stream.satisfied()) return executed;
  if (stream.flaw()) {
    executed.broken = *stream.flaw();
  } else if (!ending.complete) {
    executed.broken = explain(ending, kLastLines);
  } else if (stream.judged() < instances.size()) {
    executed.broken =
        fmt::format("the hypervet inside ended with status {} after {} of {} cases: {}",
                    ending.status, stream.judged(), instances.size(), complaints);
  } else {
    return executed;
  }
  executed.broken = fmt::format("lab {}: {}", name(), *executed.broken);
  if (!stream.begun()) throw Exit{kBroken, *executed.broken};
  const auto reason = executed.broken->substr(0, executed.broken->find('\n'));
  if (auto record = stream.unfinished(reason, *executed.broken)) listener.judged(*record);
  return executed;
}

}  // namespace hypervet::cli
