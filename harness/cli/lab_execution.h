// SPDX-License-Identifier: Apache-2.0
// Cases judged by a hypervet inside a lab. Its stream is taken apart as it comes out; each record
// is told whose machine it was, and how to repeat it from here. What comes out of a lab is not
// trusted: records must be whole, of the cases asked for, in their order.
// Main thread only.
#pragma once

#include <string_view>

#include "harness/cli/execution.h"

namespace hypervet::cli {

class LabExecution : public Execution {
 public:
  LabExecution(Application& application, const spec::Specs& specs, const ExecutionOptions& options)
      : application_(application), specs_(specs), options_(options) {}

  std::string name() const override { return options_.lab.name(); }
  std::vector<std::string> words() const override { return options_.lab.words(); }
  // The hypervet inside brings its virtio devices along: hypervet's own.
  std::vector<run::Instance> possible(std::vector<run::Instance> instances) const override;
  Executed run(const std::vector<run::Instance>& instances, std::size_t planned, bool fail_fast,
               const Listener& listener) override;

 private:
  lab::Job job(const lab::Recipe& recipe, const std::vector<run::Instance>& instances) const;

  Application& application_;
  const spec::Specs& specs_;
  ExecutionOptions options_;
};

}  // namespace hypervet::cli
