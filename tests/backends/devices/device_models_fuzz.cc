// SPDX-License-Identifier: Apache-2.0
// Devices behind sound rings, whose driver and host do anything: buffers of any content and shape,
// some of them outside memory, configuration writes, host verbs, resets. (Rings that are not sound
// are the business of the queues' own fuzzing.)
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "backends/devices/balloon.h"
#include "backends/devices/console.h"
#include "backends/devices/net.h"
#include "backends/devices/vsock.h"
#include "guest-payloads/protocol/host_verbs.h"
#include "tests/backends/devices/device_driver.h"

namespace hypervet::devices {
namespace {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool more() const { return at_ < size_; }
  std::uint8_t byte() { return more() ? data_[at_++] : std::uint8_t{0}; }
  std::uint64_t number(unsigned bytes) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value = value << 8 | byte();
    return value;
  }
  test::Bytes bytes(std::size_t count) {
    test::Bytes all(count);
    for (std::size_t i = 0; i < count && more(); ++i) all[i] = byte();
    return all;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

std::unique_ptr<Device> device_of(std::uint8_t choice) {
  switch (choice % 4) {
    case 0:
      return std::make_unique<Console>();
    case 1:
      return std::make_unique<Balloon>();
    case 2:
      return std::make_unique<Vsock>();
    default:
      return std::make_unique<Net>();
  }
}

void submit(test::DeviceDriver& driver, Device& device, Input& input) {
  const unsigned queue = input.byte() % device.queue_count();
  if (driver.waiting(queue) > 8) return;
  const std::uint8_t shape = input.byte();
  std::vector<Segment> readable, writable;
  for (unsigned i = 0; i < (shape & 3u); ++i)
    readable.push_back(driver.machine.piece(input.bytes(input.byte())));
  for (unsigned i = 0; i < (shape >> 2 & 3u); ++i)
    writable.push_back(driver.machine.piece(static_cast<std::uint32_t>(input.number(2) % 3000)));
  if ((shape & 0xf0) == 0xf0) {
    std::vector<Segment>& wild = (shape & 1) != 0 ? readable : writable;
    wild.push_back({input.number(8), static_cast<std::uint32_t>(input.number(4) >> 1)});
  }
  if (!readable.empty() || !writable.empty()) driver.submit_segments(queue, readable, writable);
}

void act(test::DeviceDriver& driver, const Device& device, Input& input) {
  const auto& verb = protocol::kHostVerbs[input.byte() % std::size(protocol::kHostVerbs)];
  if (!device.has_verb(verb.name)) return;
  const bool tame = (input.byte() & 1) != 0;
  const std::uint64_t first =
      tame ? driver.machine.piece(input.bytes(64)).address : input.number(8);
  driver.act(verb.name, {tame ? first : input.byte(), tame ? 64 : input.number(2)});
}

void run(Input& input) {
  const auto device = device_of(input.byte());
  const std::uint64_t rings = (input.byte() & 1) != 0 ? bit(kRingPacked) : 0;
  const std::uint64_t features = device->own_features() & input.number(8);
  if (!device->accepts(features)) return;
  test::DeviceDriver driver(*device, features | rings);
  for (unsigned step = 0; step < 100 && input.more(); ++step) {
    switch (input.byte() % 8) {
      case 0: {
        const std::uint64_t at = input.byte() % device->config().size();
        device->write_config(at, input.bytes(input.byte() % 8 + 1u));
        break;
      }
      case 1:
        act(driver, *device, input);
        break;
      case 2:
        if (input.byte() < 32) driver.restart(features | rings);
        break;
      case 3:
        if (const unsigned queue = input.byte(); queue < device->queue_count()) {
          driver.reset_queue(queue);
          driver.machine.enable_queue(queue);
        }
        driver.machine.pass(input.number(4));
        break;
      default:
        submit(driver, *device, input);
    }
  }
}

}  // namespace
}  // namespace hypervet::devices

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hypervet::devices::Input input(data, size);
  hypervet::devices::run(input);
  if (testing::Test::HasFailure()) std::abort();  // a buffer used that was never made available
  return 0;
}
