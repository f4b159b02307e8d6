// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/exit_handler.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "backends/machine/platform_clocks.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::kvm {
namespace {

using backends::Stop;
using Why = protocol::Doorbell;

constexpr std::uint32_t kOpenBus = 0xffff'ffff;

// The time that the machine's own clocks show.
std::uint64_t now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

std::string_view name_of_suberror(std::uint32_t suberror) {
  switch (suberror) {
    case KVM_INTERNAL_ERROR_EMULATION:
      return "emulation failed";
    case KVM_INTERNAL_ERROR_SIMUL_EX:
      return "simultaneous exceptions";
    case KVM_INTERNAL_ERROR_DELIVERY_EV:
      return "exit during event delivery";
    case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
      return "unexpected exit reason";
    default:
      return "unknown";
  }
}

// The instruction that KVM could not emulate, where it says so
// (KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES).
std::string refused_instruction(const kvm_run& run) {
  const auto& failure = run.emulation_failure;
  if (run.internal.suberror != KVM_INTERNAL_ERROR_EMULATION || failure.ndata < 4 ||
      (failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) == 0) {
    return "";
  }
  const auto size = std::min<std::size_t>(failure.insn_size, sizeof(failure.insn_bytes));
  return fmt::format(", instruction bytes {:02x}",
                     fmt::join(failure.insn_bytes, failure.insn_bytes + size, " "));
}

Ending internal_error(unsigned cpu, const kvm_run& run) {
  const std::uint32_t suberror = run.internal.suberror;
  return {Stop::kInternalError,
          fmt::format("CPU {}: KVM_EXIT_INTERNAL_ERROR, suberror {} ({}){}", cpu, suberror,
                      name_of_suberror(suberror), refused_instruction(run))};
}

}  // namespace

struct ExitHandler::Access {
  std::uint16_t port;
  unsigned size;
  std::uint32_t value;
};

bool ExitHandler::handle(VcpuThreads& threads, unsigned cpu) {
  if (threads.vcpu(cpu).state().exit_reason == KVM_EXIT_IO) [[likely]]
    return port_io(threads, cpu);
  return rare(threads, cpu);
}

bool ExitHandler::port_io(VcpuThreads& threads, unsigned cpu) {
  Vcpu& vcpu = threads.vcpu(cpu);
  kvm_run& run = vcpu.state();
  const auto io = run.io;
  // The kernel is under test as well: what it says of its own buffer is bounded.
  const std::uint64_t bytes = std::uint64_t{io.size} * io.count;
  if (io.size > 4 || io.data_offset > vcpu.state_size() ||
      bytes > vcpu.state_size() - io.data_offset) {
    threads.end(
        {Stop::kInternalError, fmt::format("CPU {}: KVM_EXIT_IO with {} x {} bytes at offset {}",
                                           cpu, io.count, io.size, io.data_offset)});
    return false;
  }
  auto* data = reinterpret_cast<std::uint8_t*>(&run) + io.data_offset;
  for (std::uint32_t i = 0; i < io.count; ++i, data += io.size) {
    Access access{.port = io.port, .size = io.size, .value = 0};
    if (io.direction == KVM_EXIT_IO_IN) {
      access.value = port_in(access);
      std::memcpy(data, &access.value, io.size);
      continue;
    }
    std::memcpy(&access.value, data, io.size);
    if (!port_out(threads, cpu, access)) return false;
  }
  return true;
}

bool ExitHandler::port_out(VcpuThreads& threads, unsigned cpu, const Access& access) {
  if (access.port == protocol::kDoorbellPort && access.size == 4) {
    return doorbell(threads, cpu, access.value);
  }
  if (access.port == protocol::kDebugExitPort) return debug_exit(threads, access.value);
  const std::uint32_t offset = std::uint32_t{access.port} - protocol::kSerialPort;
  if (offset < SerialLine::kPorts) {
    const auto call = serial_.out(static_cast<std::uint16_t>(offset), access.size, access.value);
    if (call) serial_.answer(actions_.perform(*call, cpu, threads));
  } else if (!device_.port_out(access.port, access.size, access.value) && irqchip_ != nullptr) {
    irqchip_->port_out(access.port, access.size, access.value);
    if (irqchip_->wants_cpu() && cpu != 0) threads.poke(0);
  }
  return true;
}

std::uint32_t ExitHandler::port_in(const Access& access) {
  const std::uint32_t offset = std::uint32_t{access.port} - protocol::kSerialPort;
  if (offset < SerialLine::kPorts) {
    return serial_.in(static_cast<std::uint16_t>(offset), access.size);
  }
  if (has_clocks_ && access.port == protocol::kPmTimerPort && access.size == 4) {
    return machine::pm_timer_at(now_ns());
  }
  if (const auto value = device_.port_in(access.port, access.size)) return *value;
  return irqchip_ != nullptr ? irqchip_->port_in(access.port, access.size) : kOpenBus;
}

bool ExitHandler::doorbell(VcpuThreads& threads, unsigned cpu, std::uint32_t why) {
  switch (static_cast<Why>(why)) {
    case Why::kReady:
      ready_at_.store(__rdtsc(), std::memory_order_relaxed);
      return true;
    case Why::kHost:
      mailbox_.answer(actions_.perform(mailbox_.host_call(), cpu, threads));
      return true;
    case Why::kFinished:
      threads.end({Stop::kFinished, "the program ended"});
      return false;
    case Why::kRefused:
      threads.end({Stop::kRefused, "the agent refused the program"});
      return false;
    case Why::kPanic:
      threads.end({Stop::kPanic, fmt::format("the agent faulted on CPU {}", cpu)});
      return false;
  }
  return true;  // a number of no meaning, as at a port where nobody listens
}

bool ExitHandler::debug_exit(VcpuThreads& threads, std::uint32_t value) {
  const auto last = serial_.last_frame();
  Ending ending{Stop::kFinished, fmt::format("debug exit with {:#x}", value)};
  if (last == protocol::FrameKind::kRefused) {
    ending = {Stop::kRefused, "the agent refused the program"};
  } else if (last == protocol::FrameKind::kPanic) {
    ending = {Stop::kPanic, "the agent faulted"};
  }
  threads.end(std::move(ending));
  return false;
}

// Outside RAM nobody but the virtio device, the IOAPIC and the HPET answers: reads give all ones,
// writes are lost.
void ExitHandler::memory_io(kvm_run& run) {
  const auto size = std::min<std::uint32_t>(run.mmio.len, sizeof(run.mmio.data));
  std::uint64_t value = ~std::uint64_t{0};
  if (run.mmio.is_write == 0) {
    const std::uint64_t offset = run.mmio.phys_addr - protocol::kHpetAddress;
    if (has_clocks_ && offset < machine::kHpetSize && offset % 4 == 0) {
      value = machine::hpet_at(now_ns(), offset, size);
    } else if (const auto read = device_.read_memory(run.mmio.phys_addr, size)) {
      value = *read;
    } else if (irqchip_ != nullptr) {
      value = irqchip_->mmio_read(run.mmio.phys_addr, size);
    }
    std::memcpy(run.mmio.data, &value, sizeof(value));
  } else {
    value = 0;
    std::memcpy(&value, run.mmio.data, size);
    if (!device_.write_memory(run.mmio.phys_addr, size, value) && irqchip_ != nullptr) {
      irqchip_->mmio_write(run.mmio.phys_addr, size, value);
    }
  }
}

bool ExitHandler::rare(VcpuThreads& threads, unsigned cpu) {
  kvm_run& run = threads.vcpu(cpu).state();
  switch (run.exit_reason) {
    case KVM_EXIT_MMIO:
      memory_io(run);
      return true;
    case KVM_EXIT_IOAPIC_EOI:
      if (irqchip_ != nullptr) irqchip_->end_of_interrupt(run.eoi.vector);
      return true;
    case KVM_EXIT_HYPERCALL:
      records_.hypercall(run);
      return true;
    case KVM_EXIT_X86_RDMSR:
    case KVM_EXIT_X86_WRMSR:
      records_.msr(run);
      return true;
    case KVM_EXIT_DEBUG:
      threads.stepped(cpu);
      return true;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
      return true;
    case KVM_EXIT_SHUTDOWN:
      threads.end({Stop::kShutdown, fmt::format("CPU {}: triple fault", cpu)});
      return false;
    case KVM_EXIT_INTERNAL_ERROR:
      threads.end(internal_error(cpu, run));
      return false;
    case KVM_EXIT_FAIL_ENTRY:
      threads.end(
          {Stop::kInternalError, fmt::format("CPU {}: KVM_EXIT_FAIL_ENTRY, hardware reason {:#x}",
                                             cpu, run.fail_entry.hardware_entry_failure_reason)});
      return false;
    default:
      threads.end(
          {Stop::kInternalError, fmt::format("CPU {}: exit reason {}, which nothing here asked for",
                                             cpu, run.exit_reason)});
      return false;
  }
}

}  // namespace hypervet::kvm
