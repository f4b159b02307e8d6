// SPDX-License-Identifier: Apache-2.0
#include "backends/sim/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backends/machine/pvh_boot.h"
#include "backends/pv/dirty_log.h"
#include "backends/sim/vcpu.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::sim {
namespace {

constexpr unsigned kSerialIrq = 4;

bool is_set(const backends::Configuration& configuration, std::string_view setting,
            std::string_view value) {
  const auto found = configuration.settings.find(setting);
  return found != configuration.settings.end() && found->second == value;
}

Segment flat(std::uint16_t attributes) {
  return {.selector = 0, .attributes = attributes, .limit = 0xffff'ffff, .base = 0};
}

}  // namespace

Machine::Machine(const backends::Configuration& configuration, CpuVendor vendor,
                 std::unique_ptr<machine::GuestMemory> memory)
    : configuration_(configuration),
      vendor_(vendor),
      memory_(std::move(memory)),
      code_(*memory_),
      io_apic_(*this),
      clocks_([this] { return now(); }),
      doorbell_([this] {
        deliver({.mode = machine::DeliveryMode::fixed,
                 .vector = protocol::kEventVector,
                 .destination = 0,
                 .origin = machine::Origin::msi});
      }),
      device_board_(*this, devices::slot_gsi(configuration.settings)),
      slot_(configuration_.settings, device_board_, *memory_, interposer_),
      vcpus_(make_vcpus()),
      model_(configuration_, *this, interposer_),
      serial_calls_(is_set(configuration, "channel", "serial")) {
  pic_.attach(bus_);
  bus_.map_ports(protocol::kSerialPort, 8, serial_);
  bus_.map_mmio(machine::kIoApicBase, machine::kIoApicSize, io_apic_);
  if (is_set(configuration_, "platform-timers", "on")) clocks_.attach(bus_);
  if (is_set(configuration_, "doorbell", "on")) doorbell_.attach(bus_);
  slot_.attach(bus_);
  slot_.power_on();
}

Machine::~Machine() = default;

// CPU 0 is the boot processor, the others wait for their start-up IPI.
std::vector<std::unique_ptr<Machine::Vcpu>> Machine::make_vcpus() {
  std::vector<std::unique_ptr<Vcpu>> result;
  for (unsigned i = 0; i < configuration_.cpus; ++i) {
    result.push_back(std::make_unique<Vcpu>(*this, i));
    if (i == 0) continue;
    CpuState waiting = result[i]->cpu.state();
    waiting.activity = Activity::wait_for_sipi;
    result[i]->cpu.set_state(waiting);
  }
  return result;
}

void Machine::enter_pvh(std::uint32_t entry, std::uint64_t start_info) {
  Cpu& cpu = vcpus_[0]->cpu;
  CpuState state = cpu.state();
  state.gpr.fill(0);
  state.gpr[kRbx] = start_info;
  state.rip = entry;
  state.rflags = rflags::kFixed;
  state.cr0 = cr0::kPe | cr0::kEt;
  state.cr4 = 0;
  state.efer = 0;
  // 4 GiB, 32-bit, present, accessed: data 0xc093, code 0xc09b; TSS of 32 bits, busy.
  for (Segment& segment : state.segment) segment = flat(0xc093);
  state.segment[kCs] = flat(0xc09b);
  state.tr = {.selector = 0, .attributes = 0x008b, .limit = 0x67, .base = 0};
  state.activity = Activity::running;
  cpu.set_state(state);
}

Machine::State Machine::save() const {
  State state;
  for (const auto& vcpu : vcpus_) {
    state.vcpus.push_back({vcpu->cpu.state(), vcpu->apic.save(), vcpu->unhalt, vcpu->waits_for_page,
                           vcpu->retry_at, vcpu->stalled_until, vcpu->tsc_offset});
  }
  state.io_apic = io_apic_.save();
  state.pic = pic_.save();
  state.serial = serial_.save();
  state.model = model_.state();
  state.events = events_;
  state.now = now_;
  state.dirty_log = dirty_log_;
  state.clocks = clocks_.save();
  state.rings = doorbell_.rings();
  return state;
}

void Machine::restore(const State& state) {
  slot_.power_on();  // no device is touched before a snapshot
  now_ = state.now;
  dirty_log_ = state.dirty_log;
  clocks_.restore(state.clocks);
  doorbell_.set_rings(state.rings);
  events_ = state.events;
  io_apic_.restore(state.io_apic);
  pic_.restore(state.pic);
  serial_.restore(state.serial);
  serial_channel_.reset();
  model_.restore(state.model);
  for (std::size_t i = 0; i < vcpus_.size(); ++i) {
    Vcpu& vcpu = *vcpus_[i];
    const VcpuState& saved = state.vcpus.at(i);
    vcpu.cpu.set_state(saved.cpu);
    vcpu.apic.restore(saved.apic);
    vcpu.unhalt = saved.unhalt;
    vcpu.waits_for_page = saved.waits_for_page;
    vcpu.retry_at = saved.retry_at;
    vcpu.stalled_until = saved.stalled_until;
    vcpu.tsc_offset = saved.tsc_offset;
    vcpu.attention = false;
    vcpu.flush = false;
    vcpu.has_rflags_to_set = false;
    vcpu.hypercall_repeats = 0;
  }
  yielded_.reset();
  spinning_ = 0;
  preferred_.reset();
  stop_.reset();
}

void Machine::declare(const DeclaredCosts& costs) {
  for (const auto& vcpu : vcpus_) charge(costs, vcpu->cpu.costs());
}

std::uint64_t Machine::now() const {
  if (current_ == nullptr) return now_;
  return now_ + (current_->cpu.ticks() - slice_ticks_);
}

std::uint64_t Machine::instructions() const {
  std::uint64_t sum = 0;
  for (const auto& vcpu : vcpus_) sum += vcpu->cpu.instructions();
  return sum;
}

unsigned Machine::index_of(const Cpu& cpu) const {
  if (current_ != nullptr && &current_->cpu == &cpu) return current_->index;
  const auto found = std::ranges::find_if(vcpus_, [&](const auto& v) { return &v->cpu == &cpu; });
  return (*found)->index;
}

void Machine::stop(backends::Stop why, std::string detail) {
  if (!stop_) stop_ = MachineStop{.stop = why, .detail = std::move(detail)};
  end_slice();
}

// --- Doorbells
// ------------------------------------------------------------------------------------

void Machine::ring(unsigned cpu, std::uint32_t value) {
  switch (static_cast<protocol::Doorbell>(value)) {
    case protocol::Doorbell::kReady:
      if (!stop_) stop_ = MachineStop{.why = MachineStop::Why::ready, .detail = "booted"};
      end_slice();
      return;
    case protocol::Doorbell::kFinished:
      return stop(backends::Stop::kFinished, "the program ended");
    case protocol::Doorbell::kRefused:
      return stop(backends::Stop::kRefused, "the agent refused the program");
    case protocol::Doorbell::kPanic:
      return stop(backends::Stop::kPanic, "the agent faulted");
    case protocol::Doorbell::kHost: {
      MailboxView view = mailbox();
      const pv::HostAnswer answer = perform(cpu, view.host_call());
      view.answer(answer.status, answer.result);
      return;
    }
  }
  stop(backends::Stop::kPanic, fmt::format("the guest rang the doorbell with {:#x}", value));
}

bool Machine::has(protocol::HostVerb verb) {
  using enum protocol::HostVerb;
  return verb == kRaiseMsi || verb == kSetLine || verb == kReadDirtyLog || verb == kDirtyPage ||
         verb == kCountRings || protocol::is_device_verb(verb) || pv::KvmModel::has(verb);
}

pv::HostAnswer Machine::perform(unsigned cpu, const machine::HostCall& call) {
  using protocol::HostStatus;
  using protocol::HostVerb;
  constexpr pv::HostAnswer kBadArgument{HostStatus::kBadArgument, 0};
  const auto [first, second, unused1, unused2] = call.arguments;
  switch (call.verb) {
    case HostVerb::kRaiseMsi:
      if (first > 0xff || second > 0xff || first < 16) return kBadArgument;
      deliver({.mode = machine::DeliveryMode::fixed,
               .vector = static_cast<std::uint8_t>(first),
               .destination = static_cast<std::uint32_t>(second),
               .origin = machine::Origin::msi});
      return {};
    case HostVerb::kSetLine:
      if (first >= machine::IoApic::kPins || second > 1) return kBadArgument;
      set_line(static_cast<unsigned>(first), second != 0);
      return {};
    case HostVerb::kReadDirtyLog:
      return {HostStatus::kDone, read_dirty_log()};
    case HostVerb::kCountRings:
      return {HostStatus::kDone, doorbell_.rings()};
    case HostVerb::kDirtyPage: {
      const std::uint64_t page = first >> machine::kPageShift;
      if (first % machine::kPageSize != 0 || page >= memory_->page_count()) return kBadArgument;
      return {HostStatus::kDone, std::ranges::binary_search(dirty_log_, page) ? 1u : 0u};
    }
    default:
      break;
  }
  if (protocol::is_device_verb(call.verb)) {
    const devices::Slot::Answer answer = slot_.act(call.verb, call.arguments);
    return {answer.status, answer.result};
  }
  if (!pv::KvmModel::has(call.verb)) return {HostStatus::kUnknownVerb, 0};
  return model_.host_verb(cpu, call.verb, call.arguments);
}

std::uint64_t Machine::read_dirty_log() {
  dirty_log_ =
      pv::read_dirty_log(interposer_, memory_->take_log(), dirty_log_, memory_->page_count());
  return dirty_log_.size();
}

void Machine::serial_written(unsigned cpu) {
  set_line(kSerialIrq, serial_.interrupt());
  if (!serial_calls_) return;
  const auto call = serial_channel_.advance(serial_.output());
  if (!call) return;
  const pv::HostAnswer answer = perform(cpu, *call);
  serial_.receive(machine::SerialChannel::answer(answer.status, answer.result));
}

// A hypercall that executes again and again with nothing between is stuck in the instruction: that
// is what a hypervisor looks like which patches the opcode for ever or does not move RIP.
void Machine::note_hypercall(unsigned cpu) {
  constexpr std::uint64_t kTooOften = 100'000;
  Vcpu& vcpu = *vcpus_[cpu];
  const std::uint64_t rip = vcpu.cpu.state().rip;
  const std::uint64_t count = vcpu.cpu.instructions();
  const bool again = rip == vcpu.hypercall_rip && count - vcpu.hypercall_instructions <= 1;
  vcpu.hypercall_repeats = again ? vcpu.hypercall_repeats + 1 : 0;
  vcpu.hypercall_rip = rip;
  vcpu.hypercall_instructions = count;
  if (vcpu.hypercall_repeats >= kTooOften) {
    stop(backends::Stop::kStuck,
         fmt::format("the hypercall at {:#x} on CPU {} executes for ever", rip, cpu));
  }
}

// --- Report
// ---------------------------------------------------------------------------------------

std::vector<backends::CpuState> Machine::describe() const {
  constexpr std::uint64_t kMaxCode = 15;
  const MailboxView view(*memory_);
  std::vector<backends::CpuState> result;
  for (const auto& vcpu : vcpus_) {
    const CpuState& from = vcpu->cpu.state();
    backends::CpuState to;
    protocol::RegisterFile& r = to.registers;
    std::uint64_t* const order[] = {&r.rax, &r.rcx, &r.rdx, &r.rbx, &r.rsp, &r.rbp, &r.rsi, &r.rdi,
                                    &r.r8,  &r.r9,  &r.r10, &r.r11, &r.r12, &r.r13, &r.r14, &r.r15};
    for (std::size_t i = 0; i < from.gpr.size(); ++i) *order[i] = from.gpr[i];
    r.rip = from.rip;
    r.rflags = from.rflags;
    to.cr0 = from.cr0;
    to.cr2 = from.cr2;
    to.cr3 = from.cr3;
    to.cr4 = from.cr4;
    to.efer = from.efer;
    to.cs = from.segment[kCs].selector;
    to.halted = from.activity != Activity::running;
    const std::uint64_t linear = from.segment[kCs].base + from.rip;
    for (std::uint64_t i = 0; i < kMaxCode; ++i) {
      const auto physical = vcpu->cpu.translate(linear + i);
      const auto byte = physical ? memory_->load<std::uint8_t>(*physical) : std::nullopt;
      if (!byte) break;
      to.code.push_back(*byte);
    }
    if (agent_) to.op = view.current_op(vcpu->index);
    result.push_back(std::move(to));
  }
  return result;
}

}  // namespace hypervet::sim
