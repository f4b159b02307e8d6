// SPDX-License-Identifier: Apache-2.0
//
// The inside of one processor, shared by the files of this folder: registers, lazy flags,
// translation caches, the run loop and what an instruction handler may call. Nothing outside the
// folder includes it.
//
// Handlers never throw for a guest fault: a function that can fault returns false after fault(),
// and its caller returns false in turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "backends/machine/guest_memory.h"
#include "backends/sim/cpu/code_cache.h"
#include "backends/sim/cpu/cpu.h"
#include "backends/sim/cpu/flags.h"
#include "backends/sim/cpu/op.h"
#include "backends/sim/cpu/platform.h"
#include "backends/sim/cpu/state.h"
#include "backends/sim/cpu/tlb.h"

namespace hypervet::sim {

enum class Access : std::uint8_t { read, write, fetch };

// Reasons to leave straight execution, as bits of Core::attention.
namespace attention {
inline constexpr std::uint32_t kCodeChanged = CodeCache::kChanged;
inline constexpr std::uint32_t kFault =
    2;  // deliver Core::pending; the instruction did not complete
inline constexpr std::uint32_t kAbort = 4;    // stop; the instruction did not complete
inline constexpr std::uint32_t kStop = 8;     // stop; the instruction completed
inline constexpr std::uint32_t kEvents = 16;  // an interrupt, NMI or injection may be deliverable
inline constexpr std::uint32_t kSingle = 32;  // execute one instruction by itself: shadow or TF
inline constexpr std::uint32_t kInit = 64;
}  // namespace attention

struct PendingFault {
  std::uint8_t vector = 0;
  bool has_error = false;
  std::uint32_t error = 0;
};

enum class EventSource : std::uint8_t { exception, trap, software, external };

class Core {
 public:
  Core(Cpu& owner, Platform& platform_in, machine::GuestMemory& memory_in, CodeCache& code_in)
      : cpu(owner), platform(platform_in), memory(memory_in), code(code_in) {}

  // --- Registers ------------------------------------------------------------------------------
  // Everything an effective address may be made of lies in one frame, addressed by byte offset.
  struct Frame {
    CpuState state;
    std::uint64_t zero = 0;
    std::uint64_t ip_base = 0;  // RIP of offset 0 of the page that is executing
  };
  Frame frame;
  CpuState& s = frame.state;  // rip, status flags, ticks and instructions: see synchronise()
  LazyFlags flags;
  CodeWidth width = CodeWidth::bits16;
  std::uint8_t cpl = 0;

  template <typename T>
  T reg(unsigned offset) const {
    T value;
    std::memcpy(&value, reinterpret_cast<const char*>(&frame.state.gpr) + offset, sizeof(T));
    return value;
  }
  // A 32-bit write clears the upper half.
  template <typename T>
  void set_reg(unsigned offset, T value) {
    if constexpr (sizeof(T) == 4) {
      const std::uint64_t wide = value;
      std::memcpy(reinterpret_cast<char*>(&frame.state.gpr) + offset, &wide, 8);
    } else {
      std::memcpy(reinterpret_cast<char*>(&frame.state.gpr) + offset, &value, sizeof(T));
    }
  }
  // The same with the size as a value; size 1 with the offset form only.
  std::uint64_t reg_sized(unsigned offset, unsigned size) const;
  void set_reg_sized(unsigned offset, unsigned size, std::uint64_t value);

  bool real_mode() const { return !(s.cr0 & cr0::kPe); }
  bool lma() const { return s.efer & efer::kLma; }
  unsigned iopl() const { return (s.rflags >> 12) & 3; }
  std::uint64_t rflags_value() const { return (s.rflags & ~rflags::kStatus) | flags.bits(); }
  // Loads every flag from `value`; notices TF and IF.
  void set_rflags(std::uint64_t value);
  // What POPF and IRET make of an image of `size` bytes at this privilege.
  std::uint64_t merged_flags(std::uint64_t image, unsigned size) const;
  // No interrupt before the end of the next instruction.
  void cast_shadow();
  // Recomputes width, CPL and the translation bank after CS, SS, CR0 or EFER changed.
  void update_mode();

  // --- Where we are ---------------------------------------------------------------------------
  std::uint64_t rip = 0;        // valid between runs of straight code
  const Op* current = nullptr;  // the record that is executing
  const Op* first = nullptr;    // the first record of this run of straight code
  bool inside_op = false;       // current and first count
  std::uint64_t truncate_ip(std::uint64_t ip) const;
  std::uint64_t ip_of(const Op& op) const { return truncate_ip(frame.ip_base + op.offset); }
  std::uint64_t next_ip(const Op& op) const {
    return truncate_ip(frame.ip_base + op.offset + op.length);
  }
  // For handlers of 64-bit code only.
  std::uint64_t next_ip64(const Op& op) const { return frame.ip_base + op.offset + op.length; }
  // Near transfer; #GP(0) if the target is not canonical or beyond the CS limit.
  bool jump(std::uint64_t target);
  // Ends the run of straight code after this instruction.
  bool leave(const Op& op) {
    rip = next_ip(op);
    return false;
  }

  std::uint64_t ticks() const;
  std::uint64_t instructions() const;
  void charge(std::uint64_t extra) { s.ticks += extra; }
  // Makes s.rip and the status flags in s.rflags true; called before anybody outside looks.
  void synchronise();

  // --- Leaving --------------------------------------------------------------------------------
  std::uint32_t attention = 0;
  PendingFault pending;
  StopReason stop = StopReason::budget;
  Unimplemented unknown;

  bool fault(std::uint8_t vector);
  bool fault(std::uint8_t vector, std::uint32_t error);
  bool general_protection(std::uint32_t error = 0) { return fault(kGeneralProtection, error); }
  bool page_fault(std::uint64_t address, std::uint32_t error);
  bool not_implemented(const char* what);  // stops the run, RIP at the instruction
  bool stop_after(const Op& op, StopReason reason);
  bool privileged() { return cpl == 0 ? true : general_protection(); }
  // To be called after every call of the platform: host pointers may be stale now.
  void after_platform() {
    if (memory.epoch() != epoch) [[unlikely]]
      flush_translations();
  }

  // --- Memory: linear addresses ---------------------------------------------------------------
  std::uint64_t address(const Op& op) const {
    const std::uint64_t plain = word(op.base) + (word(op.index) << op.scale) +
                                static_cast<std::uint64_t>(std::int64_t{op.displacement});
    if (op.address == AddressKind::plain64) [[likely]]
      return plain + word(op.segment);
    return truncated_address(op, plain);
  }
  // The same with `delta` added before truncation, for bit strings.
  std::uint64_t address_plus(const Op& op, std::uint64_t delta) const {
    const std::uint64_t plain = word(op.base) + (word(op.index) << op.scale) + delta +
                                static_cast<std::uint64_t>(std::int64_t{op.displacement});
    return op.address == AddressKind::plain64 ? plain + word(op.segment)
                                              : truncated_address(op, plain);
  }
  std::uint64_t truncated_address(const Op& op, std::uint64_t plain) const;
  // Linear address of a truncated offset; `segment` is the byte offset of a base in the frame.
  std::uint64_t segmented(const Op& op, std::uint16_t segment, std::uint64_t offset) const;
  static std::uint64_t left_in_page(std::uint64_t at) {
    return machine::kPageSize - (at & (machine::kPageSize - 1));
  }

  template <typename T>
  [[gnu::always_inline]] bool load(std::uint64_t at, T& value) {
    const TlbEntry& e = tlb->at(at);
    if (e.read_tag == (at + sizeof(T) - 1) >> 12) [[likely]] {
      std::memcpy(&value, reinterpret_cast<const void*>(e.addend + at), sizeof(T));
      return true;
    }
    std::uint64_t wide;
    if (!load_slow(at, sizeof(T), cpl == 3, wide)) return false;
    value = static_cast<T>(wide);
    return true;
  }
  template <typename T>
  [[gnu::always_inline]] bool store(std::uint64_t at, T value) {
    const TlbEntry& e = tlb->at(at);
    if (e.write_tag == (at + sizeof(T) - 1) >> 12) [[likely]] {
      std::memcpy(reinterpret_cast<void*>(e.addend + at), &value, sizeof(T));
      return true;
    }
    return store_slow(at, sizeof(T), cpl == 3, value);
  }
  // Reads, lets `change` compute, writes. Write permission is checked before `change` runs, so
  // `change` may set flags and registers. Returns false before `change` or not at all.
  template <typename T, typename Change>
  [[gnu::always_inline]] bool modify(std::uint64_t at, Change change) {
    const TlbEntry& e = tlb->at(at);
    if (e.write_tag == (at + sizeof(T) - 1) >> 12) [[likely]] {
      void* host = reinterpret_cast<void*>(e.addend + at);
      T value;
      std::memcpy(&value, host, sizeof(T));
      value = change(value);
      std::memcpy(host, &value, sizeof(T));
      return true;
    }
    std::uint64_t wide;
    if (!probe_write(at, sizeof(T)) || !load_slow(at, sizeof(T), cpl == 3, wide)) return false;
    store_slow(at, sizeof(T), cpl == 3, change(static_cast<T>(wide)));
    return true;
  }
  bool load_slow(std::uint64_t at, unsigned size, bool user, std::uint64_t& value);
  bool store_slow(std::uint64_t at, unsigned size, bool user, std::uint64_t value);
  // False with a fault pending if a store of `size` bytes would fault.
  bool probe_write(std::uint64_t at, unsigned size) { return probe_write(at, size, cpl == 3); }
  bool probe_write(std::uint64_t at, unsigned size, bool user);
  // Implicit supervisor accesses: descriptor tables, TSS.
  bool load_system(std::uint64_t at, unsigned size, std::uint64_t& value) {
    return load_slow(at, size, false, value);
  }
  bool store_system(std::uint64_t at, unsigned size, std::uint64_t value) {
    return store_slow(at, size, false, value);
  }
  bool load_sized(std::uint64_t at, unsigned size, std::uint64_t& value) {
    return load_slow(at, size, cpl == 3, value);
  }
  bool store_sized(std::uint64_t at, unsigned size, std::uint64_t value) {
    return store_slow(at, size, cpl == 3, value);
  }
  // Host pointers of the longest part of [at, at + length) that lies in one page of plain RAM;
  // nullptr if the slow way must be taken (it finds out why). For repeated string instructions.
  const std::uint8_t* readable(std::uint64_t at) const {
    const TlbEntry& e = tlb->at(at);
    return e.read_tag == at >> 12 ? reinterpret_cast<const std::uint8_t*>(e.addend + at) : nullptr;
  }
  std::uint8_t* writable(std::uint64_t at) const {
    const TlbEntry& e = tlb->at(at);
    return e.write_tag == at >> 12 ? reinterpret_cast<std::uint8_t*>(e.addend + at) : nullptr;
  }
  bool translate(std::uint64_t at, Access access, bool user, std::uint64_t& gpa);
  // Without side effects; supervisor rights.
  std::optional<std::uint64_t> inspect(std::uint64_t at) const;
  void flush_translations();
  bool canonical(std::uint64_t at) const {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(at << 16) >> 16) == at;
  }

  // --- Stack ----------------------------------------------------------------------------------
  // In the current stack width; the operand is `size` bytes. RSP changes only on success.
  bool push(unsigned size, std::uint64_t value);
  bool pop(unsigned size, std::uint64_t& value);
  std::uint64_t stack_address(std::uint64_t offset) const;
  std::uint64_t stack_mask() const;
  void set_stack_pointer(std::uint64_t value);

  // --- Segments (segment.cc) ------------------------------------------------------------------
  struct Descriptor {
    std::uint64_t low = 0, high = 0;
    std::uint64_t at = 0;  // linear address
    unsigned type() const { return (low >> 40) & 15; }
    bool system() const { return !((low >> 44) & 1); }
    bool code() const { return !system() && (type() & 8); }
    bool conforming() const { return type() & 4; }
    bool readable() const { return !(type() & 8) || (type() & 2); }
    bool writable() const { return !(type() & 8) && (type() & 2); }
    unsigned dpl() const { return (low >> 45) & 3; }
    bool present() const { return (low >> 47) & 1; }
    Segment segment(std::uint16_t selector) const;
  };
  // Reads the descriptor of a selector that is not null; #GP(selector) beyond the table.
  bool read_descriptor(std::uint16_t selector, Descriptor& to, std::uint32_t external = 0,
                       std::uint8_t vector = kGeneralProtection);
  bool mark_accessed(const Descriptor& d);
  // MOV and POP to ES, SS, DS, FS, GS.
  bool load_segment(unsigned name, std::uint16_t selector);
  // The selector, base and nothing else, as real mode does.
  void load_real_segment(unsigned name, std::uint16_t selector);
  bool load_task_register(std::uint16_t selector);
  bool load_local_table(std::uint16_t selector);
  // Far JMP and CALL to a code segment (no gates); checks, then commits CS and RIP.
  bool far_jump(std::uint16_t selector, std::uint64_t target, bool push_return, unsigned size,
                std::uint64_t return_ip);

  // --- Events (exception.cc, legacy_exception.cc) ---------------------------------------------
  // Delivers through the IDT or the real-mode vector table; RIP to return to is `return_ip`.
  // False: delivery itself faulted (a fault is pending).
  bool deliver(std::uint8_t vector, std::optional<std::uint32_t> error, EventSource source,
               std::uint64_t return_ip);
  bool deliver_long(std::uint8_t vector, std::optional<std::uint32_t> error, EventSource source,
                    std::uint64_t return_ip);
  bool deliver_protected(std::uint8_t vector, std::optional<std::uint32_t> error,
                         EventSource source, std::uint64_t return_ip);
  bool deliver_real(std::uint8_t vector, std::uint64_t return_ip);
  // deliver() with what follows when it faults: a second exception, #DF, shutdown.
  void deliver_event(std::uint8_t vector, std::optional<std::uint32_t> error, EventSource source);
  bool gate_code(std::uint16_t selector, std::uint32_t external, Segment& cs);
  bool trap_suppressed = false;  // an event was delivered during this instruction

  // --- Far returns and system calls (far.cc) ----------------------------------------------------
  struct FarReturn {
    unsigned size;              // of each slot, bytes
    std::uint32_t release = 0;  // bytes of arguments to drop
    bool with_flags = false;    // IRET
  };
  bool far_return(const FarReturn& r);
  void system_call(std::uint64_t next);
  void system_return(bool to_long);

  // --- Ports (system.cc) -----------------------------------------------------------------------
  bool port_allowed(std::uint16_t port, unsigned size);
  std::uint32_t port_in(std::uint16_t port, unsigned size);
  void port_out(std::uint16_t port, unsigned size, std::uint32_t value);

  // --- Control registers (control_register.cc) ---------------------------------------------------
  bool write_cr0(std::uint64_t value);
  bool write_cr3(std::uint64_t value);
  bool write_cr4(std::uint64_t value);

  // --- Running (run.cc) -------------------------------------------------------------------------
  RunResult run(std::uint64_t budget);
  bool running = false;
  std::uint64_t deadline = 0;
  void adopt(const CpuState& state);
  void reset_to_init();
  void start_at(std::uint8_t vector);
  bool event_deliverable() const;
  void notice_events() { attention |= attention::kEvents; }

  Cpu& cpu;
  Platform& platform;
  machine::GuestMemory& memory;
  CodeCache& code;
  Costs costs;
  unsigned physical_bits = 46;
  std::optional<PendingFault> injected;
  std::uint64_t injected_cr2 = 0;
  std::uint64_t epoch = 0;

  TlbBank banks[2];
  CodeTlbBank code_banks[2];
  TlbBank* tlb = &banks[0];
  CodePage* code_page = nullptr;

 private:
  std::uint64_t word(std::uint16_t offset) const {
    std::uint64_t value;
    std::memcpy(&value, reinterpret_cast<const char*>(&frame) + offset, 8);
    return value;
  }
  const Op* find() {
    const std::uint64_t offset = rip - frame.ip_base;
    if (code_page != nullptr && offset < machine::kPageSize) [[likely]] {
      const std::uint16_t index = code_page->entry[offset];
      if (index != 0) [[likely]]
        return &code_page->ops[index - 1u];
    }
    return find_slow();
  }
  const Op* find_slow();
  const Op* crossing(unsigned offset);
  bool fetch_page(std::uint64_t linear);
  void execute(const Op* op);
  void step();
  void flush_stale_code();
  bool service();
  bool take_events();
  bool walk(std::uint64_t at, Access access, bool user, std::uint64_t& gpa, bool& may_write);
  bool page_present(std::uint64_t gpa, bool write);
  bool target_valid(const Segment& cs, std::uint64_t& target) const;
  bool returned_stack(std::uint16_t selector, unsigned level, bool to_long, Segment& ss);
  bool returned_code(std::uint16_t selector, Segment& cs);
  bool return_to_real(const FarReturn& r, std::uint64_t ip, std::uint64_t cs, std::uint64_t image);
  void forget_inner_segments();
};

}  // namespace hypervet::sim
