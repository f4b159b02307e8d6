// SPDX-License-Identifier: Apache-2.0
#include "harness/program/virtio/queue.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/program/virtio/packed_queue.h"
#include "harness/program/virtio/split_queue.h"

namespace hypervet::program::virtio {

Queue::Result<Submission> Queue::submit(const std::string& chain,
                                        const std::vector<Descriptor>& descriptors,
                                        unsigned count) {
  if (lost_)
    return std::unexpected(
        "the available index was written by hand: bring the device up again first");
  if (descriptors.size() * count > size_ - in_use())
    return std::unexpected(fmt::format("{} descriptors are needed and the queue has {} of {} left",
                                       descriptors.size() * count, size_ - in_use(), size_));
  std::vector<Pending> copies(count);
  for (Pending& each : copies) each.chain = chain;
  Submission submission = lay(descriptors, copies);
  submitted_ += count;
  submission.head = copies.front().descriptors.front();
  submission.id = copies.front().id;
  std::ranges::move(copies, std::back_inserter(pending_));
  return submission;
}

void Queue::written(std::uint16_t, std::optional<std::uint16_t>, std::optional<std::uint16_t>) {}

void Queue::rename(const std::string& from, const std::string& to) {
  for (Pending& each : pending_)
    if (each.chain == from) each.chain = to;
}

std::size_t Queue::in_use() const {
  std::size_t sum = 0;
  for (const Pending& each : pending_) sum += each.descriptors.size();
  return sum;
}

std::uint16_t Queue::take_number() {
  const auto free = std::ranges::find(taken_, false);
  *free = true;
  return static_cast<std::uint16_t>(free - taken_.begin());
}

void Queue::give_back(std::uint16_t number) {
  if (number < taken_.size()) taken_[number] = false;
}

std::vector<std::size_t> Queue::lengths(std::size_t among) const {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < among; ++i)
    if (!pending_[i].passed_over) result.push_back(pending_[i].descriptors.size());
  return result;
}

Queue::Result<Wait> Queue::make_wait(std::vector<std::size_t> of, std::uint64_t completions,
                                     std::size_t among) const {
  if (of.size() < completions) of.resize(completions, of.empty() ? 1 : of.back());
  auto result = wait(completed_, completions, of);
  if (!result) return result;
  result->lengths = std::move(of);
  for (const Pending& each : pending_)
    if (each.chain.empty() || lost_) {
      result->elements.available.clear();
      break;
    } else {
      result->elements.available.push_back(each.id);
    }
  if (lost_) result->most.reset();
  result->completions = completions;
  result->candidates = among;
  return result;
}

Queue::Result<Wait> Queue::wait_for(const std::string& chain) const {
  const auto last = std::ranges::find(pending_.rbegin(), pending_.rend(), chain, &Pending::chain);
  if (last == pending_.rend())
    return std::unexpected(fmt::format("`{}` is not on its way in this queue", chain));
  const auto among = static_cast<std::size_t>(pending_.rend() - last);
  // One that was passed over counts again when it is awaited by name.
  std::vector<std::size_t> of = lengths(among);
  if (last->passed_over) of.push_back(last->descriptors.size());
  std::size_t completions = of.size();
  if (completions <= some_used_)
    return std::unexpected(fmt::format("`{}` may be used already: await it by number", chain));
  completions -= some_used_;
  auto result = make_wait(std::move(of), completions, among);
  if (!result) return result;
  result->named = true;
  result->elements.wanted = last->id;
  result->elements.wanted_name = chain;
  return result;
}

Queue::Result<Wait> Queue::wait_for(std::uint64_t total) const {
  if (total <= completed_) {
    if (total == 0) return std::unexpected("0 are used from the start");
    return element(total - 1);
  }
  return make_wait(lengths(pending_.size()), total - completed_, pending_.size());
}

Queue::Result<Wait> Queue::element(std::uint64_t at) const {
  if (at > completed_)
    return std::unexpected(fmt::format(
        "{} were awaited so far: where completion {} will stand is not known", completed_, at));
  return wait(at, 1, {1});
}

void Queue::used(const Wait& wait) {
  if (wait.completions == 0) return;
  advance(wait.lengths, wait.completions);
  completed_ += wait.completions;
  const std::size_t there = lengths(wait.candidates).size();
  some_used_ += wait.completions;
  // Which ones were used is known when all were, or where the order is.
  std::size_t gone = wait.named || some_used_ >= there ? there : in_order_ ? some_used_ : 0;
  if (gone == 0 && !wait.named) return;
  some_used_ = wait.named ? 0 : some_used_ - std::min(some_used_, gone);
  const auto is_gone = [&](const Pending& each) {
    if (each.passed_over) return wait.named && each.chain == wait.elements.wanted_name;
    return gone != 0 && gone-- != 0;
  };
  const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(wait.candidates);
  std::vector<Pending> left;
  for (auto each = pending_.begin(); each != pending_.end(); ++each) {
    if (each < end && is_gone(*each)) {
      release(*each);
    } else {
      left.push_back(std::move(*each));
    }
  }
  pending_ = std::move(left);
}

void Queue::passed_over(const Wait& wait) {
  for (std::size_t i = 0; i < wait.candidates && i < pending_.size(); ++i)
    pending_[i].passed_over = true;
}

std::unique_ptr<Queue> make_queue(bool packed, const Places& places, unsigned size) {
  if (packed) return std::make_unique<PackedQueue>(places, size);
  return std::make_unique<SplitQueue>(places, size);
}

}  // namespace hypervet::program::virtio
