// SPDX-License-Identifier: Apache-2.0
// One simulated machine: 1 to 8 interpreted CPUs with their local APICs, the platform's devices,
// the KVM model and the interposer, and the scheduler that makes them one deterministic sequence of
// instructions. Time is a count of ticks of 1 ns: one per instruction, whichever CPU executes it,
// and the rest by skipping while all CPUs are halted or spin.
//
// A machine belongs to one thread at a time; different machines share nothing that is written.
// Everything that a run can change is in guest memory or in State, so memory restore plus restore()
// is a fresh machine.
//
// machine.cc: construction, state, the guest's doorbells. machine_run.cc: scheduler.
// machine_platform.cc: what the CPUs ask. machine_services.cc: what the KVM model asks.
// machine_interrupts.cc: who gets which interrupt. machine_devices.cc: the virtio device.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/devices/slot.h"
#include "backends/machine/bus.h"
#include "backends/machine/clock.h"
#include "backends/machine/guest_memory.h"
#include "backends/machine/io_apic.h"
#include "backends/machine/local_apic.h"
#include "backends/machine/pic.h"
#include "backends/machine/serial.h"
#include "backends/machine/serial_channel.h"
#include "backends/pv/kvm_model.h"
#include "backends/pv/services.h"
#include "backends/sim/base_cpuid.h"
#include "backends/sim/cpu/code_cache.h"
#include "backends/sim/cpu/cpu.h"
#include "backends/sim/cpu/platform.h"
#include "backends/sim/declared_costs.h"
#include "backends/sim/event_doorbell.h"
#include "backends/sim/machine_devices.h"
#include "backends/sim/mailbox_view.h"
#include "backends/sim/pc_clocks.h"
#include "backends/sim/prng.h"
#include "backends/violations/interposer.h"

namespace hypervet::sim {

// When a run is given up. All but `time`, which is the thread's CPU time, are deterministic.
struct RunLimits {
  std::chrono::nanoseconds time = std::chrono::seconds(10);
  std::uint64_t instructions = 400'000'000;       // of all CPUs together
  std::uint64_t ticks = 10'000'000'000;           // virtual time, also skipped
  std::uint64_t still_instructions = 30'000'000;  // without progress of the agent; 0: do not look
};

// Why run() returned. kReady and kExit are no ends of a program.
struct MachineStop {
  enum class Why : std::uint8_t { ready, exit_port, stop };
  Why why = Why::stop;
  backends::Stop stop = backends::Stop::kBackendError;
  std::string detail;
  std::uint32_t exit_value = 0;  // written to the debug-exit port
};

class Machine final : public Platform,
                      public pv::Services,
                      private machine::ApicHost,
                      private machine::InterruptSink {
 public:
  // What a CPU is beyond its registers.
  struct VcpuState {
    CpuState cpu;
    machine::LocalApic::State apic;
    bool unhalt = false;  // a kick came before the HLT
    bool waits_for_page = false;
    std::uint64_t retry_at = 0;       // waits_for_page: when to try again by itself
    std::uint64_t stalled_until = 0;  // its processor does other work
    std::uint64_t tsc_offset = 0;     // what the guest has added to its TSC, modulo 2^64
  };
  struct State {
    std::vector<VcpuState> vcpus;
    machine::IoApic::State io_apic;
    machine::Pic::State pic;
    machine::Serial::State serial;
    pv::KvmState model;
    machine::EventQueue events;
    std::uint64_t now = 0;
    std::vector<std::uint32_t> dirty_log;  // pages of the last reading, ascending
    PcClocks::State clocks;
    std::uint64_t rings = 0;
  };

  // A machine after RESET. `memory` is the guest's RAM, empty or a clone of a snapshot.
  // `configuration` is copied.
  Machine(const backends::Configuration& configuration, CpuVendor vendor,
          std::unique_ptr<machine::GuestMemory> memory);
  ~Machine() override;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  machine::GuestMemory& memory() { return *memory_; }
  violations::Interposer& interposer() { return interposer_; }
  machine::Serial& serial() { return serial_; }
  MailboxView mailbox() { return MailboxView(*memory_); }

  static bool has(protocol::HostVerb verb);

  // Puts CPU 0 at a PVH entry (protected mode, flat segments, EBX = start info).
  void enter_pvh(std::uint32_t entry, std::uint64_t start_info);
  // The agent's doorbell port means something; off for other payloads.
  void listen_to_agent(bool on) { agent_ = on; }

  State save() const;
  // Memory is the caller's affair; violations stay armed.
  void restore(const State& state);
  // What operations cost from now on.
  void declare(const DeclaredCosts& costs);
  // Seed of the schedule from now on.
  void seed(std::uint64_t value) { prng_ = Prng(value); }

  // Executes until something ends it. May be called again after `ready`.
  MachineStop run(const RunLimits& limits);

  std::uint64_t now() const;  // ticks
  std::uint64_t instructions() const;
  std::vector<backends::CpuState> describe() const;

  // --- Platform
  // -----------------------------------------------------------------------------------
  std::uint64_t mmio_read(Cpu& cpu, std::uint64_t gpa, unsigned size) override;
  void mmio_write(Cpu& cpu, std::uint64_t gpa, unsigned size, std::uint64_t value) override;
  std::uint32_t port_in(Cpu& cpu, std::uint16_t port, unsigned size) override;
  void port_out(Cpu& cpu, std::uint16_t port, unsigned size, std::uint32_t value) override;
  std::optional<std::uint64_t> rdmsr(Cpu& cpu, std::uint32_t msr) override;
  bool wrmsr(Cpu& cpu, std::uint32_t msr, std::uint64_t value) override;
  CpuidResult cpuid(Cpu& cpu, std::uint32_t leaf, std::uint32_t subleaf) override;
  HypercallResult hypercall(Cpu& cpu, HypercallInstruction instruction) override;
  std::optional<std::uint8_t> acknowledge_interrupt(Cpu& cpu) override;
  std::uint8_t read_cr8(Cpu& cpu) override;
  void write_cr8(Cpu& cpu, std::uint8_t value) override;
  std::uint64_t tsc(Cpu& cpu) override;
  AbsentPage page_absent(Cpu& cpu, std::uint64_t gpa, bool write) override;

  // --- pv::Services
  // -------------------------------------------------------------------------------
  bool read(std::uint64_t gpa, std::span<std::uint8_t> to) override;
  bool write(std::uint64_t gpa, std::span<const std::uint8_t> from) override;
  bool write_unlogged(std::uint64_t gpa, std::span<const std::uint8_t> from) override;
  std::optional<violations::Fault> write_linear(unsigned cpu, std::uint64_t address,
                                                std::span<const std::uint8_t> from) override;
  unsigned cpus() const override;
  std::uint32_t apic_id(unsigned cpu) const override;
  std::optional<unsigned> cpu_of(std::uint32_t apic_id) const override;
  pv::HypercallOpcode native_opcode() const override;
  unsigned cpl(unsigned cpu) const override;
  bool interrupts_open(unsigned cpu) const override;
  bool is_halted(unsigned cpu) const override;
  void flush_tlb(unsigned cpu) override;
  void deliver_interrupt(unsigned cpu, std::uint8_t vector, violations::DeliveryMode mode,
                         violations::Source source) override;
  void wake(unsigned cpu) override;
  void yield_to(unsigned cpu) override;
  void stall(unsigned cpu, std::uint64_t ns) override;
  pv::ApicView apic(unsigned cpu) const override;
  void end_of_interrupt(unsigned cpu) override;
  std::uint64_t now_ns() const override { return now(); }
  std::uint64_t tsc(unsigned cpu) const override;
  std::uint64_t tsc_offset(unsigned cpu) const override;
  std::uint64_t tsc_khz() const override { return kTscKhz; }
  std::uint64_t wall_clock_ns() const override;
  bool set_absent(std::uint64_t page_gpa, bool absent) override;

 private:
  struct Vcpu;
  class Trap;
  friend class DeviceBoard;
  enum EventKind : std::uint32_t { kApicTimer, kStallEnds, kDeviceWork };

  // ApicHost and InterruptSink.
  std::uint64_t apic_now() const override { return now(); }
  std::uint64_t apic_tsc(unsigned cpu) const override;
  void apic_set_timer(unsigned cpu, std::optional<std::uint64_t> when) override;
  void apic_changed(unsigned cpu) override;
  void apic_send(unsigned cpu, const machine::InterruptMessage& message) override;
  bool apic_may_end(unsigned cpu, std::uint8_t vector) override;
  void apic_eoi(unsigned cpu, std::uint8_t vector) override;
  void deliver(const machine::InterruptMessage& message) override;

  std::vector<std::unique_ptr<Vcpu>> make_vcpus();
  unsigned index_of(const Cpu& cpu) const;
  // Interrupts (machine_interrupts.cc). `targets` is a set of CPUs, one bit each.
  void send(std::uint32_t targets, const machine::InterruptMessage& message);
  void deliver_to(unsigned cpu, std::uint8_t vector, machine::DeliveryMode mode, bool level);
  void set_line(unsigned gsi, bool level);
  void update_line(unsigned cpu);
  // The running CPU's slice ends soon: something may have become runnable or due.
  void end_slice();
  void attract_attention(unsigned cpu);

  // The virtio device (machine_devices.cc).
  void set_device_work(std::optional<std::uint64_t> when);

  // Scheduler (machine_run.cc).
  bool runnable(unsigned cpu) const;
  std::optional<unsigned> pick();
  void run_slice(unsigned cpu);
  void after_slice(unsigned cpu, const RunResult& result);
  void take_due_events();
  std::optional<std::uint64_t> next_event() const;
  bool can_wake(const machine::Event& event) const;
  void skip_idle();
  void skip_spinning();
  void check_limits(const RunLimits& limits);
  void stop(backends::Stop why, std::string detail);

  // Doorbells and host verbs (machine.cc).
  void ring(unsigned cpu, std::uint32_t value);
  pv::HostAnswer perform(unsigned cpu, const machine::HostCall& call);
  std::uint64_t read_dirty_log();
  void serial_written(unsigned cpu);
  void note_hypercall(unsigned cpu);

  std::optional<std::uint64_t> machine_rdmsr(unsigned cpu, std::uint32_t msr);
  bool machine_wrmsr(unsigned cpu, std::uint32_t msr, std::uint64_t value);

  backends::Configuration configuration_;
  CpuVendor vendor_;
  std::unique_ptr<machine::GuestMemory> memory_;
  CodeCache code_;
  violations::Interposer interposer_;
  machine::Bus bus_;
  machine::IoApic io_apic_;
  machine::Pic pic_;
  machine::Serial serial_;
  PcClocks clocks_;
  EventDoorbell doorbell_;
  DeviceBoard device_board_;
  devices::Slot slot_;
  machine::SerialChannel serial_channel_;
  // The model asks for time and CPUs while it is made, so these come before it.
  std::uint64_t now_ = 0;  // outside a slice
  Vcpu* current_ = nullptr;
  std::uint64_t slice_ticks_ = 0;  // the current CPU's tick count when its slice began
  std::uint64_t slice_end_ = 0;
  std::vector<std::unique_ptr<Vcpu>> vcpus_;
  machine::EventQueue events_;
  pv::KvmModel model_;
  Prng prng_;
  bool agent_ = true;
  std::vector<std::uint32_t> dirty_log_;
  bool serial_calls_ = false;  // host calls come over the serial line

  std::optional<unsigned> yielded_;  // executed PAUSE last: another one first
  std::uint32_t spinning_ = 0;       // CPUs whose last slice ended by PAUSE, one bit each
  std::uint64_t spinning_since_ = 0;
  std::optional<unsigned> preferred_;  // KVM_HC_SCHED_YIELD
  std::optional<MachineStop> stop_;

  // Bookkeeping of one run().
  struct Watch {
    std::chrono::nanoseconds end{0};  // in the thread's CPU time
    std::uint64_t start = 0;
    std::uint64_t instructions = 0;
    std::uint64_t since_clock = 0;  // work since the clock was looked at
    std::uint64_t since_look = 0;   // instructions since the progress counters were looked at
    std::uint64_t still = 0;        // instructions since they moved
    std::uint64_t progress = 0;
    unsigned idle_skips = 0;    // in a row, none of which made a CPU execute
    unsigned empty_slices = 0;  // in a row
  } watch_;
};

}  // namespace hypervet::sim
