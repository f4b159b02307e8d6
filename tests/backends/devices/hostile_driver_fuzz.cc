// SPDX-License-Identifier: Apache-2.0
// A driver that writes registers, rings and memory at random, now and then in an order that makes
// sense, while any of the devices runs behind either transport: no crash, no access outside memory
// (the sanitizers), no work without end.
//
// The input's first byte picks device and transport; then come commands of one byte, each with its
// arguments behind it. What is missing at the end is zero.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "backends/devices/slot.h"
#include "guest-payloads/protocol/host_verbs.h"

namespace hypervet::devices {
namespace {

constexpr std::uint64_t kMemory = 1 << 20;
constexpr std::uint64_t kBar = kPciWindow;

class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  std::uint64_t take(unsigned size) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size && !rest_.empty(); ++i, rest_ = rest_.subspan(1)) {
      value |= std::uint64_t{rest_[0]} << (8 * i);
    }
    return value;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

// The line, the messages: nobody looks. Work must come to an end.
class Board final : public devices::Board {
 public:
  void pass(Slot& slot, std::uint64_t nanoseconds) {
    const std::uint64_t end = clock_ + nanoseconds;
    for (unsigned rounds = 0; wake_ && *wake_ <= end; ++rounds) {
      if (rounds > 100'000) std::abort();
      if (clock_ < *wake_) clock_ = *wake_;
      slot.work();
    }
    clock_ = end;
  }
  std::uint64_t now() const override { return clock_; }
  void wake_at(std::optional<std::uint64_t> when) override { wake_ = when; }
  void set_line(bool) override {}
  void send_msi(std::uint64_t, std::uint32_t) override {}
  void hang() override {}

 private:
  std::uint64_t clock_ = 0;
  std::optional<std::uint64_t> wake_;
};

class Machine {
 public:
  Machine(std::string_view device, bool pci, std::string_view variant, machine::GuestMemory& memory)
      : memory_(memory),
        pci_(pci),
        slot_({{"device", std::string(device)},
               {"transport", pci ? "pci" : "mmio"},
               {"variant", std::string(variant)}},
              board_, memory, interposer_) {
    if (!slot_.occupied()) std::abort();
    slot_.attach(bus_);
    slot_.power_on();
    if (!pci_) return;
    bus_.mmio_write(function(0x10), 4, kBar);
    bus_.mmio_write(function(0x14), 4, kBar + 0x4000);
    bus_.mmio_write(function(0x04), 2, 6);
  }

  void command(Input& input) {
    switch (input.take(1) % 12) {
      case 0:
        return write(input.take(2) & 0x7fff, 1u << (input.take(1) & 3), input.take(4));
      case 1:
        (void)bus_.mmio_read(base() + (input.take(2) & 0x7fff), 1u << (input.take(1) & 3));
        return;
      case 2:
        memory_.store<std::uint32_t>(input.take(3) % kMemory,
                                     static_cast<std::uint32_t>(input.take(4)));
        return;
      case 3:
        return notify(input.take(1) & 7);
      case 4:
        return board_.pass(slot_, input.take(3));
      case 5:
        return bring_up(input.take(8), input.take(1));
      case 6:
        return describe(input);
      case 7:
        return make_available(input.take(1) & 7, static_cast<std::uint16_t>(input.take(1) & 31));
      case 8:
        return host_verb(input);
      case 9:
        if (pci_)
          bus_.mmio_write(function(input.take(1)), 1u << (input.take(1) % 3), input.take(4));
        return;
      case 10:
        return request(input);
      default:
        return set_status(input.take(1));
    }
  }
  void finish() { board_.pass(slot_, 10'000'000); }

 private:
  static constexpr unsigned kQueues = 8;
  static constexpr std::uint16_t kSize = 16;
  // Each queue has its areas on a page of its own from here on, its buffers elsewhere.
  static std::uint64_t area(std::uint64_t queue) { return 0x1'0000 + queue * 0x1000; }
  static std::uint64_t function(std::uint64_t offset) { return kEcamBase + (1 << 15) + offset; }
  std::uint64_t base() const { return pci_ ? kBar : kMmioBase; }

  void write(std::uint64_t offset, unsigned size, std::uint64_t value) {
    bus_.mmio_write(base() + offset, size, value);
  }
  void set_status(std::uint64_t value) { pci_ ? write(0x14, 1, value) : write(0x70, 4, value); }
  void notify(std::uint64_t queue) { pci_ ? write(0x3000, 2, queue) : write(0x50, 4, queue); }

  void bring_up(std::uint64_t features, std::uint64_t how) {
    for (const std::uint8_t status : {0, 1, 3}) set_status(status);
    features |= bit(kVersion1);
    packed_ = (features & bit(kRingPacked)) != 0;
    for (unsigned half = 0; half < 2; ++half) {
      write(pci_ ? 0x08 : 0x24, 4, half);
      // What is offered, all of it or some.
      write(pci_ ? 0x00 : 0x14, 4, half);
      const std::uint64_t offered = bus_.mmio_read(base() + (pci_ ? 0x04 : 0x10), 4);
      write(pci_ ? 0x0c : 0x20, 4, features >> (32 * half) & offered);
    }
    set_status(11);
    for (unsigned queue = 0; queue < kQueues; ++queue) set_up(queue);
    set_status(15);
    if ((how & 1) != 0) board_.pass(slot_, 10'000);
  }
  void set_up(unsigned queue) {
    write(pci_ ? 0x16 : 0x30, pci_ ? 2 : 4, queue);
    write(pci_ ? 0x18 : 0x38, pci_ ? 2 : 4, kSize);
    const std::uint64_t areas[] = {area(queue), area(queue) + 0x400, area(queue) + 0x800};
    const std::uint64_t places[] = {pci_ ? 0x20u : 0x80u, pci_ ? 0x28u : 0x90u,
                                    pci_ ? 0x30u : 0xa0u};
    for (unsigned i = 0; i < 3; ++i) {
      write(places[i], 4, areas[i]);
      write(places[i] + 4, 4, 0);
    }
    memory_.fill(area(queue), 0x1000, 0);
    next_[queue] = 0;
    write(pci_ ? 0x1c : 0x44, pci_ ? 2 : 4, 1);
  }

  void put(std::uint64_t at, std::uint64_t address, std::uint32_t length, std::uint16_t flags,
           std::uint16_t last) {
    memory_.store(at, address);
    memory_.store(at + 8, length);
    memory_.store<std::uint16_t>(at + (packed_ ? 14 : 12), flags);
    memory_.store<std::uint16_t>(at + (packed_ ? 12 : 14), last);
  }
  // A descriptor as it comes, with addresses that are often memory.
  void describe(Input& input) {
    const std::uint64_t queue = input.take(1) & 7, slot = input.take(1) % 32;
    const std::uint64_t address = input.take(3);
    const auto length = static_cast<std::uint32_t>(input.take(2));
    put(area(queue) + 16 * slot, address, length, static_cast<std::uint16_t>(input.take(2)),
        static_cast<std::uint16_t>(input.take(1) & 31));
  }
  void make_available(std::uint64_t queue, std::uint16_t head) {
    if (packed_) return;
    const std::uint64_t driver = area(queue) + 0x400;
    memory_.store<std::uint16_t>(driver + 4 + 2 * (next_[queue] % kSize), head);
    memory_.store<std::uint16_t>(driver + 2, static_cast<std::uint16_t>(++next_[queue]));
  }
  // A sound chain: a readable and a writable piece whose bytes are whatever the input says.
  void request(Input& input) {
    const std::uint64_t queue = input.take(1) & 7;
    const auto bytes = static_cast<std::uint32_t>(input.take(1) & 63);
    const auto writable = static_cast<std::uint32_t>(input.take(2));
    for (std::uint32_t i = 0; i < bytes; ++i) {
      memory_.store<std::uint8_t>(0x4'0000 + i, static_cast<std::uint8_t>(input.take(1)));
    }
    const unsigned slot = 2 * next_[queue] % kSize;
    const unsigned wrapped = packed_ && 2 * next_[queue] / kSize % 2 != 0;
    const unsigned flags = !packed_ ? 0u : wrapped ? 0x8000u : 0x80u;
    const std::uint64_t at = area(queue) + 16 * std::uint64_t{slot};
    put(at + 16, 0x5'0000, writable, static_cast<std::uint16_t>(flags | 2),
        static_cast<std::uint16_t>(slot));
    put(at, 0x4'0000, bytes, static_cast<std::uint16_t>(flags | 1),
        static_cast<std::uint16_t>(slot + 1));
    if (packed_) {
      ++next_[queue];
    } else {
      make_available(queue, static_cast<std::uint16_t>(slot));
    }
    notify(queue);
  }
  void host_verb(Input& input) {
    const auto verb = static_cast<protocol::HostVerb>(input.take(1) & 63);
    const std::uint64_t arguments[4] = {input.take(3), input.take(2), input.take(1), 0};
    (void)slot_.act(verb, arguments);
  }

  machine::GuestMemory& memory_;
  const bool pci_;
  bool packed_ = false;
  std::array<unsigned, kQueues> next_{};
  violations::Interposer interposer_;
  Board board_;
  machine::Bus bus_;
  Slot slot_;
};

}  // namespace
}  // namespace hypervet::devices

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hypervet;
  struct Kind {
    std::string_view device, variant;
  };
  static constexpr Kind kKinds[] = {
      {"entropy", "plain"}, {"blk", "plain"},   {"blk", "multiqueue"},   {"blk", "read-only"},
      {"blk", "zoned"},     {"net", "plain"},   {"net", "multiqueue"},   {"console", "plain"},
      {"balloon", "plain"}, {"vsock", "plain"}, {"vsock", "small-queue"}};
  static machine::GuestMemory memory(devices::kMemory);
  memory.fill(0, memory.size(), 0);
  devices::Input input({data, size});
  const std::uint64_t what = input.take(1);
  const Kind& kind = kKinds[(what >> 1) % std::size(kKinds)];
  devices::Machine machine(kind.device, (what & 1) != 0, kind.variant, memory);
  while (!input.empty()) machine.command(input);
  machine.finish();
  return 0;
}
