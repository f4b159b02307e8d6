// SPDX-License-Identifier: Apache-2.0
// KVM's hypercalls (hypercalls.rst): what each does and what RAX then holds.
#pragma once

#include <array>
#include <cstdint>

#include "backends/pv/kvm_host.h"
#include "backends/pv/kvm_model.h"

namespace hypervet::pv {

class KvmHypercalls {
 public:
  KvmHypercalls(KvmHost& host, const backends::Configuration& configuration);

  // A number that the host has, whether or not this machine offers it.
  static bool knows(std::uint64_t number);
  // RAX, not yet cut to 32 bits for callers outside 64-bit mode.
  std::uint64_t perform(const Caller& caller, const violations::HypercallCall& call);

 private:
  using Arguments = std::array<std::uint64_t, 4>;

  std::uint64_t kick_cpu(const Caller& caller, const violations::HypercallCall& call,
                         std::uint64_t apic_id);
  std::uint64_t clock_pairing(const Caller& caller, const violations::HypercallCall& call,
                              const Arguments& a);
  std::uint64_t send_ipi(const Caller& caller, const violations::HypercallCall& call,
                         const Arguments& a);
  std::uint64_t map_gpa_range(const Caller& caller, const violations::HypercallCall& call,
                              const Arguments& a);
  void yield(const Caller& caller, std::uint64_t apic_id);

  KvmHost& host_;
  bool exits_;     // KVM_CAP_EXIT_HYPERCALL
  bool host_tsc_;  // the host keeps time with its TSC
};

}  // namespace hypervet::pv
