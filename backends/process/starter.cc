// SPDX-License-Identifier: Apache-2.0
#include "backends/process/starter.h"

#include <utility>

namespace hypervet::process {

Starter::Starter() : thread_([this] { serve(); }) {}

Starter::~Starter() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::expected<Child, std::string> Starter::start(const Command& command) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !busy_; });
  busy_ = true;
  wanted_ = &command;
  changed_.notify_all();
  changed_.wait(lock, [&] { return started_.has_value(); });
  auto child = std::move(*started_);
  started_.reset();
  busy_ = false;
  changed_.notify_all();
  return child;
}

void Starter::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return wanted_ != nullptr || stopped_; });
    if (wanted_ == nullptr) return;
    started_.emplace(Child::start(*std::exchange(wanted_, nullptr)));
    changed_.notify_all();
  }
}

}  // namespace hypervet::process
