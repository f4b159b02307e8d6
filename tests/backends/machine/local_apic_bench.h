// SPDX-License-Identifier: Apache-2.0
// A machine of nothing but local APICs and a clock that the test moves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "backends/machine/local_apic.h"

namespace hypervet::machine {

class LocalApicBench : public ApicHost {
 public:
  explicit LocalApicBench(unsigned cpus = 1) {
    for (unsigned i = 0; i < cpus; ++i) {
      apics.push_back(std::make_unique<LocalApic>(*this, i));
      apics.back()->mmio_write(apic::kSvr, 0x1ff);
    }
  }
  LocalApic& operator[](unsigned cpu) { return *apics[cpu]; }

  // Moves the clock, letting timers expire on the way.
  void advance(std::uint64_t ticks) {
    const std::uint64_t end = now + ticks;
    while (true) {
      auto next = timers.end();
      for (auto it = timers.begin(); it != timers.end(); ++it) {
        if (it->second <= end && (next == timers.end() || it->second < next->second)) next = it;
      }
      if (next == timers.end()) break;
      const unsigned cpu = next->first;
      now = std::max(now, next->second);
      timers.erase(next);
      apics[cpu]->timer_expired();
    }
    now = end;
  }

  std::uint64_t apic_now() const override { return now; }
  std::uint64_t apic_tsc(unsigned) const override { return now + tsc_offset; }
  void apic_set_timer(unsigned cpu, std::optional<std::uint64_t> when) override {
    if (when) {
      timers[cpu] = *when;
    } else {
      timers.erase(cpu);
    }
  }
  void apic_changed(unsigned) override {}
  void apic_send(unsigned cpu, const InterruptMessage& message) override {
    sent.push_back(message);
    for (unsigned i = 0; i < apics.size(); ++i) {
      const bool hit = message.shorthand == Shorthand::self     ? i == cpu
                       : message.shorthand == Shorthand::all    ? true
                       : message.shorthand == Shorthand::others ? i != cpu
                                                                : apics[i]->addressed_by(message);
      if (hit && message.mode == DeliveryMode::fixed) apics[i]->accept(message.vector, false);
    }
  }
  bool apic_may_end(unsigned, std::uint8_t) override { return may_end; }
  void apic_eoi(unsigned, std::uint8_t vector) override { level_eois.push_back(vector); }

  std::vector<std::unique_ptr<LocalApic>> apics;
  std::map<unsigned, std::uint64_t> timers;
  std::vector<InterruptMessage> sent;
  std::vector<std::uint8_t> level_eois;
  std::uint64_t now = 1000;
  std::uint64_t tsc_offset = 0;
  bool may_end = true;
};

}  // namespace hypervet::machine
