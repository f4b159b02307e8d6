// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/event_doorbells.h"

#include <utility>

#include "guest-payloads/protocol/layout.h"

namespace hypervet::kvm {
namespace {

constexpr std::uint32_t kGsi = 24;  // the first behind the IOAPIC's pins
constexpr std::uint8_t kBootCpu = 0;

}  // namespace

EventDoorbells::EventDoorbells(Doorbell port, Doorbell memory, EventInterrupt interrupt,
                               Doorbell raising)
    : port_(std::move(port)),
      memory_(std::move(memory)),
      interrupt_(std::move(interrupt)),
      raising_(std::move(raising)) {}

EventDoorbells::EventDoorbells(EventDoorbells&& other) noexcept
    : port_(std::move(other.port_)),
      memory_(std::move(other.memory_)),
      interrupt_(std::move(other.interrupt_)),
      raising_(std::move(other.raising_)),
      rings_(other.rings_.load()) {}

Result<EventDoorbells> EventDoorbells::create(Vm& vm) {
  using Space = DoorbellPlace::Space;
  auto routes = routes_of_kernel_chips();
  routes.push_back(
      {.gsi = kGsi,
       .to = Route::To::kMessage,
       .message = fixed_message(static_cast<std::uint8_t>(protocol::kEventVector), kBootCpu)});
  if (auto done = vm.set_routes(routes); !done) return std::unexpected(done.error());
  auto port = Doorbell::create(vm, {.space = Space::kPort, .address = protocol::kEventPort});
  if (!port) return std::unexpected(port.error());
  auto memory = Doorbell::create(vm, {.space = Space::kMemory, .address = protocol::kEventAddress});
  if (!memory) return std::unexpected(memory.error());
  auto interrupt = EventInterrupt::create(vm, kGsi);
  if (!interrupt) return std::unexpected(interrupt.error());
  auto trigger = interrupt->trigger().share();
  if (!trigger) return std::unexpected(trigger.error());
  auto raising = Doorbell::create(
      vm, {.space = Space::kPort, .address = protocol::kEventInterruptPort}, *std::move(trigger));
  if (!raising) return std::unexpected(raising.error());
  return EventDoorbells(*std::move(port), *std::move(memory), *std::move(interrupt),
                        *std::move(raising));
}

std::uint64_t EventDoorbells::rings() {
  const std::uint64_t since = port_.event().take() + memory_.event().take();
  return rings_.fetch_add(since) + since;
}

}  // namespace hypervet::kvm
