// SPDX-License-Identifier: Apache-2.0
#include "backends/pv/kvm_host.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include "backends/pv/pv_eoi.h"

namespace hypervet::pv {
namespace {

using violations::FieldWrite;
using violations::Interrupt;
using violations::Source;

constexpr unsigned kMaxFieldSize = 8;
// Between an interrupt and its repetition: at once it would merge with the one that still waits in
// the IRR.
constexpr std::uint64_t kRepetitionGapNs = 20'000;

bool carry_out(Services& services, const FieldWrite& write) {
  std::array<std::uint8_t, kMaxFieldSize> bytes{};
  for (unsigned i = 0; i < write.size; ++i)
    bytes[i] = static_cast<std::uint8_t>(write.value >> (8 * i));
  const auto content = std::span(bytes).first(write.size);
  return write.logged ? services.write(write.address, content)
                      : services.write_unlogged(write.address, content);
}

}  // namespace

std::optional<std::uint64_t> KvmHost::read(std::uint64_t gpa, unsigned size) const {
  std::array<std::uint8_t, kMaxFieldSize> bytes{};
  if (!services.read(gpa, std::span(bytes).first(std::min(size, kMaxFieldSize))))
    return std::nullopt;
  std::uint64_t value = 0;
  for (unsigned i = 0; i < kMaxFieldSize; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

bool KvmHost::is_ram(std::uint64_t gpa, unsigned size) const {
  std::array<std::uint8_t, kvm::steal_time::kSize> bytes;  // the largest structure
  return services.read(gpa, std::span(bytes).first(std::min<std::size_t>(size, bytes.size())));
}

void KvmHost::deliver(const Interrupt& one, Source source) {
  pv_eoi->after_exit(one.cpu);
  services.deliver_interrupt(one.cpu, one.vector, one.mode, source);
}

void KvmHost::send(Source source, const Interrupt& interrupt, unsigned lowest, unsigned highest) {
  std::vector<Interrupt> sent;
  for (const Interrupt& one : interposer.interrupt({source, lowest, highest}, interrupt)) {
    if (one.cpu >= services.cpus()) continue;
    const auto before = static_cast<std::uint64_t>(std::ranges::count(sent, one));
    sent.push_back(one);
    if (before == 0)
      deliver(one, source);
    else
      state.late_interrupts.push_back({one, source, services.now_ns() + before * kRepetitionGapNs});
  }
}

void KvmHost::work() {
  if (state.late_interrupts.empty()) return;
  const auto due = [now = services.now_ns()](const LateInterrupt& one) {
    return one.due_ns <= now;
  };
  const std::vector<LateInterrupt> all = std::exchange(state.late_interrupts, {});
  std::ranges::remove_copy_if(all, std::back_inserter(state.late_interrupts), due);
  for (const LateInterrupt& one : all)
    if (due(one)) deliver(one.interrupt, one.source);
}

std::optional<std::uint64_t> KvmHost::next_event_ns() const {
  if (state.late_interrupts.empty()) return std::nullopt;
  return std::ranges::min(state.late_interrupts, {}, &LateInterrupt::due_ns).due_ns;
}

void KvmHost::kick(unsigned cpu, unsigned lowest, unsigned highest) {
  for (const Interrupt& one :
       interposer.interrupt({Source::kKick, lowest, highest}, {.cpu = cpu})) {
    if (one.cpu >= services.cpus()) continue;
    if (one.vector != 0) services.deliver_interrupt(one.cpu, one.vector, one.mode, Source::kKick);
    if (!services.is_halted(one.cpu) && interposer.switched("kick-forgotten")) continue;
    services.wake(one.cpu);
  }
}

bool GuestArea::put(std::string_view name, kvm::Field field, std::uint64_t value) {
  const std::uint64_t address = context_.area_begin + field.offset;
  if (!host_.is_ram(address, field.size)) return false;
  context_.field = name;
  for (const FieldWrite& write : host_.interposer.memory(context_, {address, value, field.size}))
    carry_out(host_.services, write);
  return true;
}

}  // namespace hypervet::pv
