// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/local_execution.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "harness/run/records.h"
#include "harness/run/runner.h"

namespace hypervet::cli {

LocalExecution::LocalExecution(Application& application, const spec::Specs& specs,
                               const ExecutionOptions& options)
    : application_(application),
      specs_(specs),
      options_(options),
      backend_(application.make_backend(options.backend)) {
  if (options_.jobs == 0) {
    options_.jobs =
        std::max(1u, std::thread::hardware_concurrency()) * backend_->machines_per_processor();
  }
}

std::vector<std::string> LocalExecution::words() const {
  auto words = options_.backend.words();
  words.insert(words.begin(), {"--backend", options_.backend.name});
  return words;
}

std::vector<run::Instance> LocalExecution::possible(std::vector<run::Instance> instances) const {
  return run::without_absent_devices(std::move(instances), run::devices_of(*backend_));
}

Executed LocalExecution::run(const std::vector<run::Instance>& instances, std::size_t planned,
                             bool fail_fast, const Listener& listener) {
  auto invocation = application_.invocation(options_.jobs);
  invocation.options = options_.backend.words();
  backends::Limits limits;
  limits.deadline = std::chrono::nanoseconds(static_cast<long long>(options_.timeout * 1e9));
  auto session = run::open_session(specs_, *backend_, options_.seed, limits);
  if (!session) throw Exit{kBroken, session.error()};
  session->channel = options_.channel;
  listener.begun(run::run_record(*session, invocation, planned), session->target.is_model);
  const auto result = run::run_all(
      *session, invocation, instances,
      {options_.jobs, fail_fast, &Application::interrupt(), listener.mark}, listener.judged);
  Executed executed;
  executed.interrupted = result.interrupted;
  return executed;
}

}  // namespace hypervet::cli
