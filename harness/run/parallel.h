// SPDX-License-Identifier: Apache-2.0
// Many independent pieces of work on a few threads, their results taken in order: what makes a run
// with eight jobs write the same stream as a run with one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace hypervet::run {

// Calls produce(i) for 0 <= i < count on `jobs` threads, and consume(i, result) for each in
// ascending order, one at a time. consume returns false to stop: work begun is finished and
// dropped. Workers do not run further ahead of the consumer than a window, so memory stays bounded.
// Returns how many results were consumed.
template <typename Result, typename Produce, typename Consume>
std::size_t in_order(std::size_t count, unsigned jobs, Produce produce, Consume consume) {
  constexpr std::size_t kWindow = 256;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::size_t, Result> ready;
  std::size_t next_to_start = 0, next_to_consume = 0;
  bool stop = false;

  const auto worker = [&] {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] {
        return stop || next_to_start >= count || next_to_start < next_to_consume + kWindow;
      });
      if (stop || next_to_start >= count) return;
      const std::size_t index = next_to_start++;
      lock.unlock();
      Result result = produce(index);
      lock.lock();
      ready.emplace(index, std::move(result));
      changed.notify_all();
    }
  };

  std::vector<std::jthread> threads;
  threads.reserve(jobs);
  for (unsigned i = 0; i < jobs && i < count; ++i) threads.emplace_back(worker);

  std::unique_lock lock(mutex);
  while (next_to_consume < count) {
    changed.wait(lock, [&] { return ready.contains(next_to_consume); });
    auto node = ready.extract(next_to_consume);
    lock.unlock();
    const bool go_on = consume(node.key(), std::move(node.mapped()));
    lock.lock();
    ++next_to_consume;
    changed.notify_all();
    if (!go_on) break;
  }
  stop = true;
  changed.notify_all();
  return next_to_consume;
}

}  // namespace hypervet::run
