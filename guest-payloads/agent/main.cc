// SPDX-License-Identifier: Apache-2.0
// The agent from the first C++ on: boot, say hello, take the program, run it, say how it ended.
#include "guest-payloads/agent/check.h"
#include "guest-payloads/agent/execute.h"
#include "guest-payloads/agent/fresh.h"
#include "guest-payloads/agent/jobs.h"
#include "guest-payloads/boot/boot_params.h"
#include "guest-payloads/boot/options.h"
#include "guest-payloads/boot/processors.h"
#include "guest-payloads/boot/start_info.h"
#include "guest-payloads/drivers/device_options.h"
#include "guest-payloads/runtime/apic.h"
#include "guest-payloads/runtime/clock.h"
#include "guest-payloads/runtime/cpu.h"
#include "guest-payloads/runtime/nap.h"
#include "guest-payloads/runtime/traps.h"

namespace hypervet::guest {

namespace {

using protocol::Doorbell;
using protocol::FrameKind;

Stamp now(std::uint32_t op) {
  const std::uint64_t tsc = rdtsc();
  return {.op = op, .context = this_cpu().context, .tsc = tsc, .tsc_end = tsc};
}

void panic(const protocol::ExecutedPayload& state) {
  end(Doorbell::kPanic, FrameKind::kPanic, now(current_op()), &state, sizeof state);
}

[[noreturn]] void refuse(protocol::RefusedPayload why) {
  end(Doorbell::kRefused, FrameKind::kRefused, now(why.op), &why, sizeof why);
}

void say_hello() {
  protocol::HelloPayload hello{};
  hello.version = protocol::kProgramVersion;
  hello.cpus = cpu_count;
  for (std::uint32_t i = 0; i < cpu_count; ++i) hello.apic_ids[i] = cpus[i]->apic_id;
  mailbox().cpus = cpu_count;
  send_frame(FrameKind::kHello, now(protocol::kNoOp), &hello, sizeof hello);
}

Verdict take_program(const Module& module) {
  if (!is_free(module.address, module.size) || module.address % 8 != 0) {
    return {.accepted = false,
            .refused = {.op = protocol::kNoOp, .reason = protocol::Refusal::kPlace}};
  }
  const auto* data = reinterpret_cast<const void*>(module.address);
  const Verdict verdict = check_program(data, module.size, cpu_count);
  if (!verdict.accepted) return verdict;
  program.header = static_cast<const protocol::ProgramHeader*>(data);
  program.ops = reinterpret_cast<const protocol::Op*>(program.header + 1);
  program.data = reinterpret_cast<const std::uint8_t*>(program.ops + program.header->op_count);
  return verdict;
}

void run_program() {
  run_range(0, program.header->op_count);
  resume_op(protocol::kNoOp);
}

Doorbell run_and_end(const Module& module) {
  begin_program();
  say_hello();
  const Verdict verdict = take_program(module);
  if (!verdict.accepted) {
    end_program(FrameKind::kRefused, now(verdict.refused.op), &verdict.refused,
                sizeof verdict.refused);
    return Doorbell::kRefused;
  }
  clear_arena(program.header->arena_size);
  run_program();
  end_program(FrameKind::kFinished, now(protocol::kNoOp), nullptr, 8);
  return Doorbell::kFinished;
}

// What a polling host gives, until it ends the VMM.
[[noreturn]] void serve_programs(bool x2apic) {
  const volatile protocol::Mailbox& box = mailbox();
  clear_first_page();
  for (std::uint32_t number = 1;; ++number) {
    while (box.program_given != number) pause();
    const std::uint32_t size = box.program_size;
    const Doorbell why = run_and_end({.address = protocol::kProgramAddress, .size = size});
    tell_finished(why, make_fresh(x2apic));
  }
}

ChannelKind channel_of(const Options& options) {
  if (options.batch) return ChannelKind::kPolled;
  return options.serial ? ChannelKind::kSerial : ChannelKind::kMemory;
}

}  // namespace

extern "C" [[noreturn]] void hv_boot_cpu(const StartInfo* info) {
  load_descriptor_tables(hv_cpus[0], 0);
  on_interrupt = handle_interrupt;
  on_panic = panic;
  const Options options = parse_options(command_line(info));
  device_options = options.devices;
  set_tsc_khz(options.tsc_khz);
  start_apic(options.x2apic);
  start_channel(channel_of(options), options.debug_exit);
  if (options.batch) prepare_naps();
  start_processors(options.cpus, options.x2apic, serve_jobs);
  say_hello();
  if (options.batch) serve_programs(options.x2apic);
  ring(Doorbell::kReady);
  if (const Verdict verdict = take_program(module0(info)); !verdict.accepted) {
    refuse(verdict.refused);
  }
  run_program();
  end(Doorbell::kFinished, FrameKind::kFinished, now(protocol::kNoOp), nullptr, 8);
}

extern "C" [[noreturn]] void hv_linux_cpu(const BootParams* params) {
  static ModuleEntry module;  // stays: the module list is read anew each time
  const StartInfo info = start_info_of(params, module);
  hv_boot_cpu(&info);
}

}  // namespace hypervet::guest
