// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/sim/cpu/native_processor.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

extern "C" {
void hv_run_native();
void hv_native_exit_next();
void hv_native_exit_taken();
void hv_native_return();
struct NativeState {
  std::uint64_t gpr[16];
  std::uint64_t flags;
  std::uint64_t taken;
};
extern NativeState hv_native_state;
extern std::uint64_t hv_native_code;
}

namespace hypervet::sim::testing {
namespace {

// What the handler saw; written and read in the same thread.
volatile sig_atomic_t g_caught = 0;
Outcome g_fault;

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
constexpr std::size_t kSignalStack = 1 << 16;

// Order of ucontext's registers for the instruction encoding's numbers 0 to 15.
constexpr int kOrder[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                            REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

int vector_of(int signal, long long trap_number) {
  if (trap_number != 0) return static_cast<int>(trap_number);
  return signal == SIGFPE ? 0 : signal == SIGILL ? 6 : signal == SIGTRAP ? 3 : 13;
}

void on_signal(int signal, siginfo_t* info, void* raw) {
  auto* context = static_cast<ucontext_t*>(raw);
  auto& registers = context->uc_mcontext.gregs;
  const auto rip = static_cast<std::uint64_t>(registers[REG_RIP]);
  if (rip < kCode || rip >= kCode + 4096) {
    // Not the instruction under test: die as without a handler.
    ::signal(signal, SIG_DFL);
    return;
  }
  for (int i = 0; i < 16; ++i) {
    g_fault.registers.gpr[static_cast<std::size_t>(i)] =
        static_cast<std::uint64_t>(registers[kOrder[i]]);
  }
  g_fault.registers.flags = static_cast<std::uint64_t>(registers[REG_EFL]);
  g_fault.rip = rip;
  g_fault.vector = vector_of(signal, registers[REG_TRAPNO]);
  g_fault.fault_address = reinterpret_cast<std::uint64_t>(info->si_addr);
  g_caught = 1;
  registers[REG_RIP] = static_cast<greg_t>(reinterpret_cast<std::uint64_t>(&hv_native_return));
  registers[REG_EFL] = 0x202;
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// jmp *0(%rip); .quad target
void put_jump(std::uint8_t* at, void (*target)()) {
  const std::uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
  std::memcpy(at, jump, sizeof jump);
  const auto address = reinterpret_cast<std::uint64_t>(target);
  std::memcpy(at + sizeof jump, &address, sizeof address);
}

}  // namespace

NativeProcessor::NativeProcessor() {
  const int fd = memfd_create("hypervet-code", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, 4096) != 0) fail("code page");
  void* alias = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  void* code = mmap(reinterpret_cast<void*>(kCode), 4096, PROT_READ | PROT_EXEC,
                    MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
  void* window = mmap(reinterpret_cast<void*>(kWindow), kWindowSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (alias == MAP_FAILED || code == MAP_FAILED || window == MAP_FAILED) fail("mapping");
  close(fd);
  code_ = static_cast<std::uint8_t*>(alias);

  signal_stack_ = new std::uint8_t[kSignalStack];
  stack_t stack{};
  stack.ss_sp = signal_stack_;
  stack.ss_size = kSignalStack;
  if (sigaltstack(&stack, nullptr) != 0) fail("sigaltstack");
  struct sigaction action{};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int signal : kSignals) {
    if (sigaction(signal, &action, nullptr) != 0) fail("sigaction");
  }
}

NativeProcessor::~NativeProcessor() {
  for (int signal : kSignals) ::signal(signal, SIG_DFL);
  stack_t off{};
  off.ss_flags = SS_DISABLE;
  sigaltstack(&off, nullptr);
  delete[] signal_stack_;
  munmap(code_, 4096);
  munmap(reinterpret_cast<void*>(kCode), 4096);
  munmap(reinterpret_cast<void*>(kWindow), kWindowSize);
}

Outcome NativeProcessor::execute(std::span<const std::uint8_t> code, const UserRegisters& in) {
  std::memset(code_, 0xcc, 0x80);
  std::memcpy(code_, code.data(), code.size());
  put_jump(code_ + code.size(), hv_native_exit_next);
  put_jump(code_ + (kBranchTarget - kCode), hv_native_exit_taken);
  std::memcpy(hv_native_state.gpr, in.gpr.data(), sizeof hv_native_state.gpr);
  hv_native_state.flags = in.flags;
  hv_native_state.taken = 0;
  hv_native_code = kCode;
  g_caught = 0;
  hv_run_native();
  if (g_caught) return g_fault;
  Outcome out;
  std::memcpy(out.registers.gpr.data(), hv_native_state.gpr, sizeof hv_native_state.gpr);
  out.registers.flags = hv_native_state.flags;
  out.rip = hv_native_state.taken ? kBranchTarget : kCode + code.size();
  return out;
}

}  // namespace hypervet::sim::testing
