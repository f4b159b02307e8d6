// SPDX-License-Identifier: Apache-2.0
//
// The run loop: finding decoded code, walking runs of straight code, and what happens between two
// instructions: faults, interrupts, shadows, single steps, INIT.
#include <algorithm>

#include "backends/sim/cpu/core.h"
#include "backends/sim/cpu/decode.h"

namespace hypervet::sim {
namespace {

constexpr std::uint64_t kPageMask = machine::kPageSize - 1;
constexpr unsigned kLongestInstruction = 15;
constexpr unsigned kLongestRun = 64;

// Ends a run of straight code that has no branch at its end. Not an instruction.
bool end_of_run(Core& core, const Op& op) {
  core.rip = core.ip_of(op);
  --core.s.ticks;
  --core.s.instructions;
  return false;
}

Op end_of_run_at(std::size_t offset) {
  Op op;
  op.handler = end_of_run;
  op.offset = static_cast<std::uint16_t>(offset);
  return op;
}

// Decodes straight code from `offset` on. Returns false if the first instruction does not end in
// this page.
bool decode_run(CodePage& page, const std::uint8_t* bytes, unsigned offset, CodeWidth width) {
  const std::size_t begin = page.ops.size();
  unsigned at = offset;
  bool open = true;
  while (open && at < machine::kPageSize && page.entry[at] == 0 &&
         page.ops.size() - begin < kLongestRun) {
    Op op;
    op.offset = static_cast<std::uint16_t>(at);
    const std::size_t available =
        std::min<std::size_t>(kLongestInstruction, machine::kPageSize - at);
    const Decoding decoding = decode({bytes + at, available}, width, op);
    if (decoding == Decoding::truncated) break;
    page.ops.push_back(op);
    page.entry[at] = static_cast<std::uint16_t>(page.ops.size());
    for (unsigned i = 0; i < op.length; ++i) page.decoded.set(at + i);
    at += op.length;
    open = decoding == Decoding::straight;
  }
  const std::size_t end = page.ops.size();
  if (end == begin) return false;
  if (open) page.ops.push_back(end_of_run_at(at));
  for (std::size_t i = begin; i < end; ++i) {
    page.ops[i].run = static_cast<std::uint8_t>(end - i);
  }
  return true;
}

}  // namespace

std::uint64_t Core::truncate_ip(std::uint64_t ip) const {
  return width == CodeWidth::bits64 ? ip : ip & 0xffffffff;
}

std::uint64_t Core::ticks() const {
  return s.ticks + (inside_op ? static_cast<std::uint64_t>(current - first) : 0);
}

std::uint64_t Core::instructions() const {
  return s.instructions + (inside_op ? static_cast<std::uint64_t>(current - first) : 0);
}

void Core::synchronise() {
  s.rip = inside_op ? ip_of(*current) : rip;
  s.rflags = rflags_value();
}

bool Core::fault(std::uint8_t vector) {
  pending = {.vector = vector, .has_error = false, .error = 0};
  attention |= attention::kFault;
  return false;
}

bool Core::fault(std::uint8_t vector, std::uint32_t error) {
  pending = {.vector = vector, .has_error = true, .error = error};
  attention |= attention::kFault;
  return false;
}

bool Core::not_implemented(const char* what) {
  unknown = {};
  unknown.what = what;
  if (inside_op) {
    for (unsigned i = 0; i < current->length; ++i) {
      const std::uint64_t linear =
          ip_of(*current) + i + (lma() && width == CodeWidth::bits64 ? 0 : s.segment[kCs].base);
      const auto gpa = inspect(linear);
      const auto byte = gpa ? memory.load<std::uint8_t>(*gpa) : std::nullopt;
      if (!byte) break;
      unknown.bytes[unknown.length++] = *byte;
    }
  }
  stop = StopReason::unimplemented;
  attention |= attention::kAbort;
  return false;
}

bool Core::stop_after(const Op& op, StopReason reason) {
  stop = reason;
  attention |= attention::kStop;
  return leave(op);
}

bool Core::fetch_page(std::uint64_t linear) {
  CodeTlbEntry& cached = code_banks[cpl == 3].at(linear);
  if (cached.tag != linear >> machine::kPageShift) {
    std::uint64_t gpa;
    if (!translate(linear, Access::fetch, cpl == 3, gpa)) return false;
    if (!memory.contains(gpa, 1)) return not_implemented("code outside RAM");
    CodePage& page = code.page(gpa >> machine::kPageShift, width);
    // The page may just have become a code page: stores to it must be noticed from now on.
    if (memory.epoch() != epoch) flush_translations();
    page.host = memory.data() + (gpa & ~kPageMask);
    cached = {.tag = linear >> machine::kPageShift, .page = &page};
  }
  code_page = cached.page;
  return true;
}

const Op* Core::find_slow() {
  const bool wide = width == CodeWidth::bits64;
  if (!wide && rip > s.segment[kCs].limit) {
    general_protection();
    return nullptr;
  }
  std::uint64_t linear = rip;
  if (!wide) linear = (rip + s.segment[kCs].base) & 0xffffffff;
  if (!fetch_page(linear)) return nullptr;
  const unsigned offset = linear & kPageMask;
  frame.ip_base = rip - offset;
  if (code_page->entry[offset] == 0 && !decode_run(*code_page, code_page->host, offset, width)) {
    return crossing(offset);
  }
  return &code_page->ops[code_page->entry[offset] - 1u];
}

// The instruction at `offset` of code_page ends in the next page. Its record is good as long as
// the bytes are what they were.
const Op* Core::crossing(unsigned offset) {
  CodePage& page = *code_page;
  const unsigned here = static_cast<unsigned>(machine::kPageSize) - offset;
  std::uint8_t bytes[kLongestInstruction];
  std::memcpy(bytes, page.host + offset, here);
  std::uint64_t next = rip + here;
  if (width != CodeWidth::bits64) next = (next + s.segment[kCs].base) & 0xffffffff;
  std::uint64_t gpa;
  if (!translate(next, Access::fetch, cpl == 3, gpa)) return nullptr;
  if (!memory.contains(gpa, kLongestInstruction)) {
    not_implemented("code outside RAM");
    return nullptr;
  }
  std::memcpy(bytes + here, memory.data() + gpa, kLongestInstruction - here);
  auto& slot = page.crossing[here];
  if (slot == nullptr) slot = std::make_unique<CrossingCode>();
  if (slot->length == 0 || std::memcmp(bytes, slot->bytes.data(), slot->length) != 0) {
    Op op;
    op.offset = static_cast<std::uint16_t>(offset);
    decode(bytes, width, op);
    op.run = 1;
    slot->ops = {op, end_of_run_at(offset + op.length)};
    slot->length = op.length;
    std::copy_n(bytes, op.length, slot->bytes.begin());
    for (unsigned i = 0; i < here; ++i) page.decoded.set(offset + i);
  }
  return slot->ops.data();
}

void Core::execute(const Op* op) {
  first = op;
  inside_op = true;
  for (;; ++op) {
    current = op;
    const bool more = op->handler(*this, *op);
    if (more && attention == 0) [[likely]]
      continue;
    if (attention & (attention::kFault | attention::kAbort)) [[unlikely]] {
      rip = ip_of(*op);
      break;
    }
    if (more) rip = next_ip(*op);
    ++op;
    break;
  }
  const auto completed = static_cast<std::uint64_t>(op - first);
  s.ticks += completed;
  s.instructions += completed;
  inside_op = false;
}

// One instruction, with what a shadow or TF asks for afterwards.
void Core::step() {
  const Op* op = find();
  if (op == nullptr) return;
  const bool trap = s.rflags & rflags::kTf;
  s.interrupt_shadow = false;
  attention |= attention::kSingle;
  trap_suppressed = false;
  execute(op);
  if (!(s.rflags & rflags::kTf) && !s.interrupt_shadow) {
    attention &= ~attention::kSingle;
  }
  if (attention & (attention::kFault | attention::kAbort)) return;
  if (trap && !trap_suppressed) {
    s.dr[6] |= 1u << 14;  // BS
    deliver_event(kDebug, std::nullopt, EventSource::trap);
  }
}

bool Core::event_deliverable() const {
  if (injected) return true;
  if (s.nmi_pending && !s.nmi_blocked) return true;
  return s.interrupt_line && (s.rflags & rflags::kIf);
}

// Delivers at most one event. True if one was delivered.
bool Core::take_events() {
  if (injected) {
    const PendingFault event = *injected;
    injected.reset();
    if (event.vector == kPageFault) s.cr2 = injected_cr2;
    deliver_event(event.vector,
                  event.has_error ? std::optional<std::uint32_t>(event.error) : std::nullopt,
                  EventSource::exception);
    return true;
  }
  if (s.nmi_pending && !s.nmi_blocked) {
    s.nmi_pending = false;
    s.nmi_blocked = true;
    deliver_event(kNmi, std::nullopt, EventSource::external);
    return true;
  }
  if (s.interrupt_line && (s.rflags & rflags::kIf)) {
    synchronise();
    const auto vector = platform.acknowledge_interrupt(cpu);
    after_platform();
    if (!vector) {
      s.interrupt_line = false;
      return false;
    }
    deliver_event(*vector, std::nullopt, EventSource::external);
    return true;
  }
  return false;
}

// Looks at everything that asked for attention. False: leave run() with `stop`.
bool Core::service() {
  if (attention & attention::kCodeChanged) {
    attention &= ~attention::kCodeChanged;
    for (CodeTlbBank& bank : code_banks) bank.flush();
    code_page = nullptr;
    code.collect();
  }
  if (attention & attention::kAbort) {
    attention &= ~(attention::kAbort | attention::kFault | attention::kStop);
    return false;
  }
  if (attention & attention::kFault) {
    attention &= ~attention::kFault;
    const PendingFault f = pending;
    deliver_event(f.vector, f.has_error ? std::optional<std::uint32_t>(f.error) : std::nullopt,
                  EventSource::exception);
    if (s.activity == Activity::shutdown) return false;
  }
  if (attention & attention::kInit) {
    attention &= ~attention::kInit;
    reset_to_init();
  }
  if (s.activity == Activity::wait_for_sipi) {
    stop = StopReason::wait_for_sipi;
    return false;
  }
  if (s.activity == Activity::shutdown) {
    stop = StopReason::shutdown;
    return false;
  }
  // Between STI or MOV SS and the end of the next instruction nothing is delivered.
  if ((attention & attention::kEvents) && !s.interrupt_shadow) {
    if (event_deliverable()) s.activity = Activity::running;
    if (!take_events()) attention &= ~attention::kEvents;
    if (s.activity == Activity::shutdown) return false;
  }
  if (attention & attention::kStop) {
    attention &= ~attention::kStop;
    // An interrupt that was already waiting ends HLT at once.
    if (stop != StopReason::halted || s.activity == Activity::halted) return false;
  }
  if (s.activity == Activity::halted) {
    stop = StopReason::halted;
    return false;
  }
  return true;
}

RunResult Core::run(std::uint64_t budget) {
  const std::uint64_t ticks_before = s.ticks, instructions_before = s.instructions;
  running = true;
  code.set_active(&attention);
  flush_stale_code();
  deadline = s.ticks + std::min(budget, ~s.ticks);
  rip = s.rip;
  attention |= attention::kEvents;
  if (s.interrupt_shadow || (s.rflags & rflags::kTf)) attention |= attention::kSingle;
  for (;;) {
    if (attention != 0) [[unlikely]] {
      if (!service()) break;
    }
    if (s.ticks >= deadline) [[unlikely]] {
      stop = StopReason::budget;
      break;
    }
    if (attention & attention::kSingle) [[unlikely]] {
      step();
      continue;
    }
    const Op* op = find();
    if (op == nullptr) [[unlikely]]
      continue;
    if (op->run > deadline - s.ticks) [[unlikely]] {
      attention |= attention::kSingle;
      step();
      continue;
    }
    execute(op);
  }
  code.set_active(nullptr);
  running = false;
  synchronise();
  return {.ticks = s.ticks - ticks_before,
          .instructions = s.instructions - instructions_before,
          .reason = stop};
}

// Other processors or the host may have dropped records since this processor last ran.
void Core::flush_stale_code() {
  attention |= attention::kCodeChanged;
  if (memory.epoch() != epoch) flush_translations();
}

}  // namespace hypervet::sim
