// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/batch_machine.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "guest-payloads/protocol/program.h"

namespace hypervet::vmm {
namespace {

using backends::Stop;
using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kBootPatience{60};
constexpr milliseconds kLook{5};  // between looks at the process
// At one that sleeps: each look asks its monitor, which keeps it busy.
constexpr milliseconds kLookAtSleeper{100};
// The shortest windows that cases wait in are 20 ms; of a longer program a share counts.
constexpr milliseconds kStarved{20};
constexpr int kStarvedShare = 5;

// Most programs end within a millisecond; who waits for longer does not mind to be woken late.
microseconds nap(Clock::duration waited) {
  if (waited < milliseconds(3)) return microseconds(40);
  const auto late = std::chrono::duration_cast<microseconds>(waited) / 16;
  return std::min(late, microseconds(1000));
}

}  // namespace

std::expected<std::unique_ptr<BatchMachine>, std::string> BatchMachine::boot(
    const Surroundings& surroundings, const Plan& plan) {
  auto vmm = VmmProcess::start(surroundings, plan, {});
  if (!vmm) return std::unexpected(std::move(vmm.error()));
  std::unique_ptr<BatchMachine> machine(new BatchMachine(std::move(*vmm)));
  if (auto there = machine->await_agent(plan); !there)
    return std::unexpected(std::move(there.error()));
  return machine;
}

std::expected<void, std::string> BatchMachine::await_agent(const Plan& plan) {
  const auto begun = Clock::now();
  while (mailbox_.cpus() == 0) {
    if (const auto ended = vmm_->ended()) {
      const auto said = last_line(vmm_->take_complaints());
      return std::unexpected(fmt::format("{} ended before the agent was there: {}", vmm_->title(),
                                         said.empty() ? ended->words() : said));
    }
    if (Clock::now() - begun > kBootPatience) {
      return std::unexpected(fmt::format("the agent does not come up in {} within {} s",
                                         vmm_->title(), kBootPatience.count()));
    }
    std::this_thread::sleep_for(microseconds(500));
  }
  if (mailbox_.cpus() < plan.cpus) {
    return std::unexpected(
        fmt::format("{} of {} CPUs came up in {}", mailbox_.cpus(), plan.cpus, vmm_->title()));
  }
  vmm_->take_complaints();  // of its start
  return {};
}

std::uint64_t BatchMachine::progress() const {
  std::uint64_t sum = 0;
  for (unsigned cpu = 0; cpu < protocol::kMaxCpus; ++cpu) sum += mailbox_.progress(cpu);
  return sum;
}

void BatchMachine::answer_host() {
  const auto call = mailbox_.host_call();
  // The agent cannot take back what the monitor does: another disk, a link that is down.
  if (call.verb != protocol::HostVerb::kReadClock) as_started_ = false;
  mailbox_.answer(perform(call, vmm_->monitor()));
}

Ending BatchMachine::finished() const {
  switch (static_cast<protocol::Doorbell>(mailbox_.program_ending().why)) {
    case protocol::Doorbell::kFinished:
      return {Stop::kFinished, ""};
    case protocol::Doorbell::kRefused:
      return {Stop::kRefused, ""};
    case protocol::Doorbell::kPanic:
      return {Stop::kPanic, ""};
    default:
      return {Stop::kBackendError, "the agent does not say how the program ended"};
  }
}

// What the program may give its device to work in.
std::span<const std::uint8_t> BatchMachine::arena(const backends::Job& job) const {
  protocol::ProgramHeader header{};
  if (job.program.size() < sizeof header) return {};
  std::memcpy(&header, job.program.data(), sizeof header);
  return vmm_->ram().subspan(protocol::kArenaAddress,
                             std::min<std::uint64_t>(header.arena_size, protocol::kArenaSize));
}

Ending BatchMachine::await_end(const backends::Job& job, double patience) {
  ProgressWatch watch(vmm_->pid(), job.limits, patience);
  const auto memory = arena(job);
  starved_ = std::chrono::nanoseconds(0);
  const auto begun = Clock::now();
  auto next_look = begun + kLook;
  while (mailbox_.finished_program() != number_) {
    if (mailbox_.host_asked()) answer_host();
    const auto now = Clock::now();
    if (now >= next_look) {
      next_look = now + kLook;
      const bool talks = vmm_->listen();
      if (const auto ended = vmm_->ended()) return died(*vmm_, *ended);
      auto state = watch.look(progress(), memory);
      // One that had to wait for its reader does not sleep.
      if (talks && state == ProgressWatch::State::kSleeps) state = ProgressWatch::State::kRuns;
      if (state == ProgressWatch::State::kStands && patience == ProgressWatch::kHaste)
        return {Stop::kStuck, "the program did not get on; a new machine is tried"};
      if (auto ending = standing(*vmm_, watch, state)) {
        // While the monitor was asked the VMM had time to get on.
        if (state != ProgressWatch::State::kStands || watch.look(progress(), memory) == state)
          return std::move(*ending);
      }
      if (state == ProgressWatch::State::kSleeps) next_look = Clock::now() + kLookAtSleeper;
    }
    std::this_thread::sleep_for(nap(now - begun));
  }
  if (const auto all = Clock::now() - begun; all >= kStarved) {
    const auto kept = watch.kept_waiting();
    if (kept >= kStarved && kept >= all / kStarvedShare) starved_ = kept;
  }
  return finished();
}

backends::Outcome BatchMachine::run(const backends::Job& job) {
  backends::Outcome outcome;
  if (job.program.size() > protocol::kProgramMaxSize) {
    outcome.detail = "the program is larger than its place in guest memory";
    return outcome;
  }
  std::memcpy(vmm_->ram().data() + protocol::kProgramAddress, job.program.data(),
              job.program.size());
  const double patience = is_new() ? ProgressWatch::kPatience : ProgressWatch::kHaste;
  mailbox_.give_program(++number_, static_cast<std::uint32_t>(job.program.size()));
  auto ending = await_end(job, patience);
  fit_ = (ending.stop == Stop::kFinished || ending.stop == Stop::kRefused) &&
         mailbox_.program_ending().fit && as_started_;
  outcome.stop = ending.stop;
  outcome.detail = std::move(ending.detail);
  outcome.cpus = std::move(ending.cpus);
  const bool ended = outcome.stop == Stop::kFinished || outcome.stop == Stop::kRefused;
  if (!ended && outcome.cpus.empty()) {
    outcome.cpus.resize(mailbox_.cpus());
    for (auto& cpu : outcome.cpus) cpu.seen = false;
  }
  for (unsigned cpu = 0; cpu < outcome.cpus.size(); ++cpu)
    outcome.cpus[cpu].op = mailbox_.current_op(cpu);
  const auto frames = mailbox_.observations();
  outcome.observations.assign(frames.begin(), frames.end());
  outcome.overflowed = mailbox_.overflowed();
  outcome.log = vmm_->take_complaints();
  if (outcome.stop == Stop::kDied) {
    if (const auto said = last_line(outcome.log); !said.empty()) outcome.detail += "; " + said;
  }
  return outcome;
}

machine::HostAnswer perform(const machine::HostCall& call, Monitor* monitor) {
  if (call.verb == protocol::HostVerb::kReadClock) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return {protocol::HostStatus::kDone, static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
                                             static_cast<std::uint64_t>(now.tv_nsec)};
  }
  if (monitor == nullptr) return {protocol::HostStatus::kUnknownVerb, 0};
  return monitor->perform(call);
}

bool performs(protocol::HostVerb verb, const Recipe& recipe) {
  if (!recipe.no_input.empty() && !recipe.memory) return false;
  return verb == protocol::HostVerb::kReadClock ||
         std::ranges::find(recipe.verbs, verb, &MonitorVerb::verb) != recipe.verbs.end();
}

}  // namespace hypervet::vmm
