// SPDX-License-Identifier: Apache-2.0
// Many independent pieces of work on a few threads, their results taken in order: what makes a run
// with eight jobs write the same stream as a run with one.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace hypervet::run {

// Which piece a thread takes next: the first that is of the group of its last one, as what the two
// share need not be set up again; else of a group that no thread is at; else the first. None is
// further ahead of the first unfinished one than a window. Not thread-safe.
class Turns {
 public:
  static constexpr std::size_t kWindow = 2048;

  // `groups` holds that of each piece, or nothing: all are of one.
  Turns(std::size_t count, const std::vector<std::uint32_t>& groups)
      : groups_(groups), taken_(count, false) {}

  bool all_taken() const { return first_ == taken_.size(); }

  // Behind `consumed` pieces; a thread's first call has no `last`. nullopt: not now.
  std::optional<std::size_t> take(std::size_t consumed, std::optional<std::size_t> last) {
    const auto end = std::min(taken_.size(), consumed + kWindow);
    std::optional<std::size_t> same, fresh;
    for (auto i = first_; i < end && !same; ++i) {
      if (taken_[i]) continue;
      if (last && group(i) == group(*last)) same = i;
      if (!fresh && std::ranges::find(at_work_, group(i)) == at_work_.end()) fresh = i;
    }
    const auto next = same ? same : fresh ? fresh : first_ < end ? std::optional(first_) : same;
    if (next) begin(*next);
    return next;
  }
  void finished(std::size_t piece) { at_work_.erase(std::ranges::find(at_work_, group(piece))); }

 private:
  std::uint32_t group(std::size_t i) const { return groups_.empty() ? 0 : groups_[i]; }
  void begin(std::size_t piece) {
    taken_[piece] = true;
    at_work_.push_back(group(piece));
    while (first_ < taken_.size() && taken_[first_]) ++first_;
  }

  const std::vector<std::uint32_t>& groups_;
  std::vector<bool> taken_;
  std::size_t first_ = 0;  // not taken; all before it are
  std::vector<std::uint32_t> at_work_;
};

// Calls produce(i) for 0 <= i < count on `jobs` threads, and consume(i, result) for each in
// ascending order, one at a time. consume returns false to stop: work begun is finished and
// dropped. Workers do not run further ahead of the consumer than a window, so memory stays bounded.
// `groups`: see Turns. Returns how many results were consumed.
template <typename Result, typename Produce, typename Consume>
std::size_t in_order(std::size_t count, unsigned jobs, const std::vector<std::uint32_t>& groups,
                     Produce produce, Consume consume) {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::size_t, Result> ready;
  Turns turns(count, groups);
  std::size_t next_to_consume = 0;
  bool stop = false;

  const auto worker = [&] {
    std::optional<std::size_t> last;  // what this thread did before
    std::optional<std::size_t> piece;
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] {
        if (stop || turns.all_taken()) return true;
        piece = turns.take(next_to_consume, last);
        return piece.has_value();
      });
      if (!piece) return;
      last = std::exchange(piece, std::nullopt);
      lock.unlock();
      Result result = produce(*last);
      lock.lock();
      turns.finished(*last);
      ready.emplace(*last, std::move(result));
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
