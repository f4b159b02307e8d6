// SPDX-License-Identifier: Apache-2.0
// Asynchronous page faults: a page that the host has taken away does not stop the guest (msr.rst,
// MSR_KVM_ASYNC_PF_EN, _INT, _ACK).
//
// Touching it raises #PF with a token in CR2 and flags = 1 in the shared structure; when the page
// is back the token appears there and an interrupt comes. Where that cannot be done the CPU just
// waits for the page.
#pragma once

#include <cstdint>
#include <optional>

#include "backends/pv/kvm_host.h"
#include "backends/pv/kvm_model.h"

namespace hypervet::pv {

class AsyncPageFault {
 public:
  explicit AsyncPageFault(KvmHost& host) : host_(host) {}

  // False: #GP(0).
  bool write_enable(unsigned cpu, std::uint64_t value);
  bool write_vector(unsigned cpu, std::uint64_t value);
  void write_ack(unsigned cpu, std::uint64_t value);

  AbsentAnswer touched(unsigned cpu, std::uint64_t gpa);
  // False: not RAM. Bringing back a page that is there does nothing.
  bool page_out(std::uint64_t page);
  bool page_in(std::uint64_t page);

  void before_entry(unsigned cpu);
  void init_cpu(unsigned cpu);

 private:
  bool is_absent(std::uint64_t page) const;
  AbsentAnswer inject(unsigned cpu, AwaitedPage& awaited);
  bool can_tell_guest(unsigned cpu) const;
  void page_is_back(unsigned cpu, std::uint64_t page);
  void tell_ready(unsigned cpu);
  void queue_done(unsigned cpu, const AwaitedPage& awaited);

  KvmHost& host_;
};

}  // namespace hypervet::pv
