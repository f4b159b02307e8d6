// SPDX-License-Identifier: Apache-2.0
// A device with neither ring nor transport around it: queues are lists of chains, guest memory is a
// vector, time stands until it is moved.
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "backends/devices/device.h"
#include "backends/devices/queue.h"

namespace hypervet::devices {

using Bytes = std::vector<std::uint8_t>;

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

struct FakeMemory {
  std::vector<std::uint8_t> ram = std::vector<std::uint8_t>(std::size_t{4} << 20);
  std::uint64_t next = 0x1000;

  bool contains(std::uint64_t address, std::uint64_t length) const {
    return address <= ram.size() && length <= ram.size() - address;
  }
  std::uint64_t place(const Bytes& bytes) {
    const std::uint64_t address = next;
    if (!contains(address, bytes.size())) throw std::logic_error("the test's memory is full");
    std::ranges::copy(bytes, ram.begin() + static_cast<std::ptrdiff_t>(address));
    next += (bytes.size() + 63) / 64 * 64;
    return address;
  }
  Bytes at(std::uint64_t address, std::size_t size) const {
    const auto begin = ram.begin() + static_cast<std::ptrdiff_t>(address);
    return {begin, begin + static_cast<std::ptrdiff_t>(size)};
  }
};

class FakeQueue final : public Queue {
 public:
  struct Used {
    std::uint16_t id = 0;
    std::uint32_t written = 0;
    Bytes bytes;  // the written ones
  };

  FakeQueue(FakeMemory& memory, std::uint16_t size) : memory_(memory), size_(size) {}

  bool usable() const override { return enabled; }
  std::uint16_t size() const override { return size_; }
  std::optional<Chain> take() override {
    if (!enabled || available.empty()) return std::nullopt;
    Chain chain = available.front();
    available.pop_front();
    return chain;
  }
  void give_back(const Chain& chain, std::uint32_t written) override {
    Used one{.id = chain.id, .written = written, .bytes = Bytes(written)};
    transfer(chain.writable, 0, one.bytes, false);
    used.push_back(std::move(one));
  }
  void give_back_together(std::span<const Done> chains) override {
    together.push_back(chains.size());
    for (const Done& each : chains) give_back(*each.chain, each.written);
  }
  void untake(const Chain& chain) override { available.push_front(chain); }
  std::size_t read(const Chain& chain, std::uint64_t offset, std::span<std::uint8_t> to) override {
    return transfer(chain.readable, offset, to, false);
  }
  std::size_t write(const Chain& chain, std::uint64_t offset,
                    std::span<const std::uint8_t> from) override {
    Bytes copy(from.begin(), from.end());
    return transfer(chain.writable, offset, copy, true);
  }

  std::deque<Chain> available;
  std::deque<Used> used;
  std::vector<std::size_t> together;  // sizes of what came back in one step
  bool enabled = true;
  std::uint16_t next_id = 0;

 private:
  std::size_t transfer(const std::vector<Segment>& segments, std::uint64_t offset,
                       std::span<std::uint8_t> bytes, bool to_memory) {
    std::size_t done = 0;
    for (const Segment& each : segments) {
      if (offset >= each.length) {
        offset -= each.length;
        continue;
      }
      const std::size_t part = std::min<std::uint64_t>(each.length - offset, bytes.size() - done);
      if (!memory_.contains(each.address + offset, part)) return done;
      std::uint8_t* place = memory_.ram.data() + each.address + offset;
      if (to_memory)
        std::memcpy(place, bytes.data() + done, part);
      else
        std::memcpy(bytes.data() + done, place, part);
      done += part;
      offset = 0;
      if (done == bytes.size()) break;
    }
    return done;
  }

  FakeMemory& memory_;
  std::uint16_t size_;
};

class FakeDeviceHost final : public DeviceHost {
 public:
  // Running at once with these features of the device's own, which it must accept.
  FakeDeviceHost(Device& device, std::uint64_t features) : device_(device), features_(features) {
    for (unsigned i = 0; i < device.queue_count(); ++i)
      queues_.push_back(std::make_unique<FakeQueue>(memory, device.queue_size_max(i)));
    device.attach(*this);
    if (!device.accepts(features)) throw std::logic_error("the device does not accept these");
    device.started();
  }

  std::uint64_t features() const override { return features_; }
  bool running() const override { return is_running && !broken; }
  Queue* queue(unsigned index) override {
    return index < queues_.size() ? queues_[index].get() : nullptr;
  }
  void config_changed() override { ++config_changes; }
  void needs_reset() override { broken = true; }
  void after(std::uint64_t nanoseconds, std::function<void()> then) override {
    timers_.emplace(time_ + nanoseconds, std::move(then));
  }
  std::uint64_t now() const override { return time_; }
  bool read_memory(std::uint64_t address, std::span<std::uint8_t> to) override {
    if (!memory.contains(address, to.size())) return false;
    std::ranges::copy(memory.at(address, to.size()), to.begin());
    return true;
  }
  bool write_memory(std::uint64_t address, std::span<const std::uint8_t> from) override {
    if (!memory.contains(address, from.size())) return false;
    std::ranges::copy(from, memory.ram.begin() + static_cast<std::ptrdiff_t>(address));
    return true;
  }
  bool switched(std::string_view name) override { return switches.contains(std::string(name)); }

  // A chain of these readable bytes and writable sizes, one segment each, is made available and the
  // device told. Returns its ID.
  std::uint16_t submit(unsigned index, const std::vector<Bytes>& readable,
                       const std::vector<std::size_t>& writable = {}) {
    Chain chain;
    for (const Bytes& each : readable)
      chain.readable.push_back({memory.place(each), static_cast<std::uint32_t>(each.size())});
    for (const std::size_t each : writable)
      chain.writable.push_back({memory.place(Bytes(each)), static_cast<std::uint32_t>(each)});
    return submit(index, std::move(chain));
  }
  std::uint16_t submit(unsigned index, Chain chain) {
    FakeQueue& to = fake(index);
    chain.id = to.next_id++;
    chain.descriptors = static_cast<std::uint16_t>(chain.readable.size() + chain.writable.size());
    to.available.push_back(chain);
    device_.notified(index);
    return chain.id;
  }
  FakeQueue& fake(unsigned index) { return *queues_.at(index); }
  // The next used chain of the queue; throws if there is none.
  FakeQueue::Used used(unsigned index) {
    FakeQueue& from = fake(index);
    if (from.used.empty()) throw std::logic_error("no chain was used");
    FakeQueue::Used one = from.used.front();
    from.used.pop_front();
    return one;
  }
  bool idle(unsigned index) { return fake(index).used.empty(); }

  Device::Answer act(std::string_view verb, const std::vector<std::uint64_t>& arguments = {}) {
    return device_.act(verb, arguments);
  }
  // A host verb with address and size of these bytes.
  Device::Answer give(std::string_view verb, const Bytes& bytes) {
    return act(verb, {memory.place(bytes), bytes.size()});
  }
  // A host verb that fills a buffer; what it put there.
  Bytes take(std::string_view verb, std::size_t room = 70'000) {
    const std::uint64_t address = memory.place(Bytes(room));
    const auto answer = act(verb, {address, room});
    return memory.at(address, std::min<std::size_t>(room, answer.result));
  }

  void reset(std::uint64_t features) {
    timers_.clear();
    broken = false;
    for (auto& each : queues_) each->available.clear(), each->used.clear();
    device_.reset();
    features_ = features;
    device_.started();
  }
  void pass(std::uint64_t nanoseconds) {
    const std::uint64_t until = time_ + nanoseconds;
    while (!timers_.empty() && timers_.begin()->first <= until) {
      auto node = timers_.extract(timers_.begin());
      time_ = node.key();
      node.mapped()();
    }
    time_ = until;
  }

  FakeMemory memory;
  unsigned config_changes = 0;
  bool is_running = true;
  bool broken = false;
  std::set<std::string> switches;

 private:
  Device& device_;
  std::uint64_t features_;
  std::vector<std::unique_ptr<FakeQueue>> queues_;
  std::multimap<std::uint64_t, std::function<void()>> timers_;
  std::uint64_t time_ = 0;
};

}  // namespace hypervet::devices
