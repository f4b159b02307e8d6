// SPDX-License-Identifier: Apache-2.0
// A driver of one device on real rings, for tests of what devices do with buffers: it submits bytes
// and sizes, notifies, and takes what came back; and it is the host that acts by verbs.
#pragma once

#include <deque>
#include <map>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "tests/backends/devices/fake_host.h"

namespace hypervet::devices::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

class DeviceDriver {
 public:
  struct Done {
    std::uint32_t written = 0;
    Bytes bytes;  // the written ones
  };

  DeviceDriver(Device& device, std::uint64_t features, std::uint16_t queue_size = 64)
      : machine(device, features, queue_size), device_(device) {
    if (!device.accepts(features)) throw std::logic_error("the device does not accept these");
  }

  // One piece for each; empty ones are left out. The device is notified.
  void submit(unsigned queue, const std::vector<Bytes>& readable,
              const std::vector<std::size_t>& writable = {}) {
    std::vector<Segment> from, to;
    for (const Bytes& each : readable)
      if (!each.empty()) from.push_back(machine.piece(each));
    for (const std::size_t each : writable)
      if (each != 0) to.push_back(machine.piece(static_cast<std::uint32_t>(each)));
    submit_segments(queue, from, to);
  }
  void submit_segments(unsigned queue, const std::vector<Segment>& readable,
                       const std::vector<Segment>& writable) {
    if (readable.empty() && writable.empty()) throw std::logic_error("a buffer has a descriptor");
    reap(queue);
    const std::uint16_t id = machine.ring(queue).submit(readable, writable);
    out_[queue][id] = writable;
    machine.notify(queue);
    reap(queue);
  }
  // Buffers that the device has not given back.
  std::size_t waiting(unsigned queue) {
    reap(queue);
    return out_[queue].size();
  }
  std::size_t done(unsigned queue) {
    reap(queue);
    return done_[queue].size();
  }
  // The next buffer that came back; throws if there is none.
  Done used(unsigned queue) {
    if (done(queue) == 0) throw std::logic_error("no buffer was used");
    Done one = done_[queue].front();
    done_[queue].pop_front();
    return one;
  }
  bool idle(unsigned queue) { return done(queue) == 0; }

  Device::Answer act(std::string_view verb, const std::vector<std::uint64_t>& arguments = {}) {
    return device_.act(verb, arguments);
  }
  // A host verb with address and size of these bytes; one that fills a buffer, and what it put
  // there.
  Device::Answer give(std::string_view verb, const Bytes& bytes) {
    return act(verb, {machine.piece(bytes).address, bytes.size()});
  }
  Bytes take(std::string_view verb, std::uint32_t room = 8192) {
    const Segment to = machine.piece(room);
    const std::uint64_t count = act(verb, {to.address, room}).result;
    return machine.bytes(
        {to.address, static_cast<std::uint32_t>(std::min<std::uint64_t>(room, count))});
  }

  void restart(std::uint64_t features) {
    out_.clear();
    done_.clear();
    machine.restart(features);
  }
  void reset_queue(unsigned queue) {
    reap(queue);
    out_.erase(queue);
    machine.reset_queue(queue);
  }
  bool broken() const { return machine.resets_needed != 0; }

  FakeHost machine;

 private:
  void reap(unsigned queue) {
    auto& out = out_[queue];
    if (out.empty()) return;
    while (const auto used = machine.ring(queue).take_used()) {
      const auto mine = out.extract(static_cast<std::uint16_t>(used->id));
      Done one{.written = used->length, .bytes = {}};
      for (const Segment& each : mine.mapped()) {
        const Bytes part = machine.bytes(each);
        one.bytes.insert(one.bytes.end(), part.begin(), part.end());
      }
      one.bytes.resize(std::min<std::size_t>(one.bytes.size(), used->length));
      done_[queue].push_back(std::move(one));
    }
  }

  Device& device_;
  std::map<unsigned, std::map<std::uint16_t, std::vector<Segment>>> out_;
  std::map<unsigned, std::deque<Done>> done_;
};

}  // namespace hypervet::devices::test
