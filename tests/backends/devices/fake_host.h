// SPDX-License-Identifier: Apache-2.0
// A machine around one device without any transport: guest memory, real queues, time that a test
// moves by hand, and counts of what the device asked for.
//
//   Entropy device;
//   FakeHost host(device, bit(kRingPacked));      // negotiated features; the device runs
//   const auto buffer = host.allocate(64);
//   host.ring(0).submit({}, {{buffer, 64}});
//   host.notify(0);
//   EXPECT_EQ(host.ring(0).take_used()->length, 64u);
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "backends/devices/device.h"
#include "backends/devices/virtqueue.h"
#include "backends/machine/guest_memory.h"
#include "backends/violations/interposer.h"
#include "tests/backends/devices/driver_ring.h"

namespace hypervet::devices::test {

class FakeHost final : public DeviceHost, private QueueOwner {
 public:
  // Powers the device on and starts it with these features (VERSION_1 is added) and all its queues,
  // of `queue_size` where they may be so large.
  explicit FakeHost(Device& device, std::uint64_t features = 0, std::uint16_t queue_size = 16)
      : device_(device), queue_size_(queue_size) {
    device.attach(*this);
    device.power_on();
    start(features);
  }
  ~FakeHost() override = default;

  // The driver resets the device and brings it up again, with fresh rings.
  void restart(std::uint64_t features) {
    stop();
    start(features);
  }
  void stop() {
    running_ = false;
    features_ = 0;
    waiting_.clear();
    device_.reset();
    queues_.clear();
  }
  // A queue alone (2.6.1), and its new beginning.
  void reset_queue(unsigned index) {
    queues_.erase(index);
    device_.queue_reset(index);
  }
  void enable_queue(unsigned index) {
    const auto size = std::min(queue_size_, device_.queue_size_max(index));
    const bool packed = negotiated(kRingPacked);
    const std::uint64_t bytes = DriverRing(memory, next_, size, packed).bytes();
    rings_.erase(index);
    rings_.emplace(std::piecewise_construct, std::forward_as_tuple(index),
                   std::forward_as_tuple(memory, take(bytes), size, packed));
    queues_[index] = make_virtqueue(ring(index).setup(index, features_), dma_, *this);
  }

  DriverRing& ring(unsigned index) { return rings_.at(index); }
  void notify(unsigned index) { device_.notified(index); }
  // Lets time pass, with what is due in it.
  void pass(std::uint64_t nanoseconds) {
    const std::uint64_t end = now_ + nanoseconds;
    while (!waiting_.empty() && waiting_.begin()->first <= end) {
      const auto first = waiting_.begin();
      now_ = first->first;
      const auto then = std::move(first->second);
      waiting_.erase(first);
      then();
    }
    now_ = end;
  }
  // Zeroed guest memory, on a page of its own.
  std::uint64_t allocate(std::uint64_t size) { return take(size); }
  // Guest memory with these bytes, as a readable piece.
  Segment piece(const std::vector<std::uint8_t>& bytes) {
    const std::uint64_t at = take(bytes.size());
    memory.write(at, bytes);
    return {at, static_cast<std::uint32_t>(bytes.size())};
  }
  Segment piece(std::uint32_t size) { return {take(size), size}; }
  std::vector<std::uint8_t> bytes(const Segment& from) {
    const auto view = memory.bytes(from.address, from.length);
    return {view.begin(), view.end()};
  }

  machine::GuestMemory memory{16 << 20};
  violations::Interposer interposer;
  unsigned config_changes = 0;
  unsigned resets_needed = 0;
  std::map<unsigned, unsigned> interrupts;  // by queue; those that the driver wants
  std::set<std::string, std::less<>> switches;

  // DeviceHost.
  std::uint64_t features() const override { return features_; }
  bool running() const override { return running_; }
  Queue* queue(unsigned index) override {
    if (index >= device_.queue_count()) return nullptr;
    const auto found = queues_.find(index);
    return found == queues_.end() ? static_cast<Queue*>(&none_) : found->second.get();
  }
  void config_changed() override { ++config_changes; }
  void needs_reset() override {
    ++resets_needed;
    running_ = false;
  }
  void after(std::uint64_t nanoseconds, std::function<void()> then) override {
    waiting_.emplace(now_ + nanoseconds, std::move(then));
  }
  std::uint64_t now() const override { return now_; }
  bool read_memory(std::uint64_t address, std::span<std::uint8_t> to) override {
    return memory.read(address, to);
  }
  bool write_memory(std::uint64_t address, std::span<const std::uint8_t> from) override {
    return memory.write(address, from);
  }
  bool switched(std::string_view name) override { return switches.contains(name); }

 private:
  class None final : public Queue {
    bool usable() const override { return false; }
    std::uint16_t size() const override { return 0; }
    std::optional<Chain> take() override { return std::nullopt; }
    void give_back(const Chain&, std::uint32_t) override {}
    void untake(const Chain&) override {}
    std::size_t read(const Chain&, std::uint64_t, std::span<std::uint8_t>) override { return 0; }
    std::size_t write(const Chain&, std::uint64_t, std::span<const std::uint8_t>) override {
      return 0;
    }
  };

  void start(std::uint64_t features) {
    features_ = features | bit(kVersion1);
    for (unsigned i = 0; i < device_.queue_count(); ++i) enable_queue(i);
    running_ = true;
    device_.started();
  }
  std::uint64_t take(std::uint64_t size) {
    const std::uint64_t at = next_;
    next_ += (size + 4095) / 4096 * 4096 + 4096;  // a gap, so that an overrun meets nothing
    EXPECT_LE(next_, memory.size()) << "the test's memory is full";
    memory.fill(at, size, 0);
    return at;
  }

  void queue_broken(unsigned) override { needs_reset(); }
  void buffer_used(unsigned index, bool wanted) override { interrupts[index] += wanted ? 1 : 0; }

  Device& device_;
  std::uint16_t queue_size_;
  Dma dma_{memory, interposer,
           [this](std::uint64_t ns, std::function<void()> then) { after(ns, std::move(then)); }};
  None none_;
  std::map<unsigned, DriverRing> rings_;
  std::map<unsigned, std::unique_ptr<Virtqueue>> queues_;
  std::multimap<std::uint64_t, std::function<void()>> waiting_;
  std::uint64_t features_ = 0;
  std::uint64_t next_ = 0x10'0000;
  std::uint64_t now_ = 0;
  bool running_ = false;
};

}  // namespace hypervet::devices::test
