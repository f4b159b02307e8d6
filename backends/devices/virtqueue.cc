// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/virtqueue.h"

#include <algorithm>

#include "backends/devices/packed_queue.h"
#include "backends/devices/split_queue.h"

namespace hypervet::devices {
namespace {

constexpr std::uint64_t kMaxChain = std::uint64_t{1} << 32;  // 2.7.5.1

std::uint64_t total(const std::vector<Segment>& segments) {
  std::uint64_t sum = 0;
  for (const Segment& segment : segments) sum += segment.length;
  return sum;
}

// Calls `copy(address, bytes, end of the segment, index into the data)` for every piece from
// `offset` on, until it fails or `wanted` bytes are through.
template <typename Copy>
std::size_t walk(const std::vector<Segment>& segments, std::uint64_t offset, std::size_t wanted,
                 Copy copy) {
  std::size_t done = 0;
  for (const Segment& segment : segments) {
    if (done == wanted) break;
    if (offset >= segment.length) {
      offset -= segment.length;
      continue;
    }
    const auto part = std::min<std::uint64_t>(segment.length - offset, wanted - done);
    if (segment.address > UINT64_MAX - segment.length) break;
    if (!copy(segment.address + offset, part, segment.address + segment.length, done)) break;
    done += part;
    offset = 0;
  }
  return done;
}

}  // namespace

std::uint64_t Chain::readable_size() const { return total(readable); }
std::uint64_t Chain::writable_size() const { return total(writable); }

std::unique_ptr<Virtqueue> make_virtqueue(const QueueSetup& setup, Dma& dma, QueueOwner& owner) {
  if ((setup.features & bit(kRingPacked)) != 0) {
    return std::make_unique<PackedQueue>(setup, dma, owner);
  }
  return std::make_unique<SplitQueue>(setup, dma, owner);
}

std::nullopt_t Virtqueue::broken() {
  if (!broken_) {
    broken_ = true;
    owner_.queue_broken(setup_.index);
  }
  return std::nullopt;
}

std::optional<Chain> Virtqueue::take() {
  if (broken_) return std::nullopt;
  std::optional<Chain> chain = next();
  if (!chain) return std::nullopt;
  if (chain->readable_size() + chain->writable_size() > kMaxChain) return broken();
  in_flight_ += chain->descriptors;
  if (negotiated(kInOrder)) order_.push_back({chain->id, chain->descriptors, 0, false});
  return chain;
}

void Virtqueue::untake(const Chain& chain) {
  if (broken_) return;
  in_flight_ -= chain.descriptors;
  if (negotiated(kInOrder)) order_.pop_back();
  rewind(chain);
}

void Virtqueue::give_back(const Chain& chain, std::uint32_t written) {
  const Done one{&chain, written};
  give_back_together({&one, 1});
}

void Virtqueue::give_back_together(std::span<const Done> chains) {
  if (broken_) return;
  std::vector<Completion> completions;
  for (const Done& one : chains) {
    const Completion done{one.chain->id, one.chain->descriptors, one.written, true};
    completions.push_back(done);
    if (!negotiated(kInOrder)) continue;
    const auto mine = std::ranges::find_if(
        order_, [&](const Completion& taken) { return taken.id == done.id && !taken.done; });
    if (mine != order_.end()) *mine = done;
  }
  if (negotiated(kInOrder)) {
    completions.clear();
    for (; !order_.empty() && order_.front().done; order_.pop_front()) {
      completions.push_back(order_.front());
    }
  }
  if (completions.empty()) return;
  for (const Completion& one : completions) in_flight_ -= one.descriptors;
  const bool wanted = use(completions);
  owner_.buffer_used(setup_.index, wanted);
}

bool Virtqueue::append(Chain& chain, const Segment& segment, bool writable) {
  // An empty piece is no error (nothing forbids it), and adds nothing.
  if (segment.length == 0) return true;
  if (!writable && !chain.writable.empty()) return false;
  if (chain.readable.size() + chain.writable.size() >= kMaxSegments) return false;
  (writable ? chain.writable : chain.readable).push_back(segment);
  return true;
}

std::size_t Virtqueue::read(const Chain& chain, std::uint64_t offset, std::span<std::uint8_t> to) {
  return walk(chain.readable, offset, to.size(),
              [&](std::uint64_t address, std::size_t part, std::uint64_t, std::size_t done) {
                return dma_.read(setup_.index, address, to.subspan(done, part));
              });
}

std::size_t Virtqueue::write(const Chain& chain, std::uint64_t offset,
                             std::span<const std::uint8_t> from) {
  return walk(chain.writable, offset, from.size(),
              [&](std::uint64_t address, std::size_t part, std::uint64_t end, std::size_t done) {
                return dma_.write(setup_.index, address, from.subspan(done, part), end);
              });
}

}  // namespace hypervet::devices
