// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/serial_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "backends/machine/serial_channel.h"
#include "backends/vmm/batch_machine.h"
#include "backends/vmm/ending.h"

namespace hypervet::vmm {
namespace {

using backends::Stop;
using Clock = std::chrono::steady_clock;
using protocol::FrameKind;
using std::chrono::milliseconds;

constexpr std::size_t kMostBytes = 64 << 20;
constexpr milliseconds kLook{20};
constexpr std::chrono::seconds kBootPatience{60};
// Limits::no_progress of each CPU: the agent says nothing in the midst of a wait, which goes on for
// a second, and such waits spin.
constexpr milliseconds kNoProgress{1250};
constexpr milliseconds kExitPatience{2000};  // for a VMM that ends by itself

class SerialRun {
 public:
  SerialRun(VmmProcess& vmm, const backends::Limits& limits, unsigned cpus)
      : vmm_(vmm), limits_(limits) {
    limits_.no_progress =
        std::max<std::chrono::nanoseconds>(limits.no_progress, kNoProgress * cpus);
  }

  Ending run() {
    backends::Limits boot = limits_;
    boot.deadline = std::max<std::chrono::nanoseconds>(boot.deadline, kBootPatience);
    boot.no_progress = boot.deadline;
    ProgressWatch watch(vmm_.pid(), boot);
    bool up = false;
    for (;;) {
      const bool more = receive();
      if (auto ending = told()) return std::move(*ending);
      if (sent_.size() > kMostBytes) return {Stop::kBackendError, "the serial line never ends"};
      if (!up && channel_.frames() != 0) {
        up = true;
        watch = ProgressWatch(vmm_.pid(), limits_);
      }
      if (more) continue;
      if (const auto ended = vmm_.ended()) {
        while (receive()) {
        }
        if (auto ending = told()) return std::move(*ending);
        return up ? died(vmm_, *ended) : absent(ended->words());
      }
      vmm_.listen();
      auto ending = standing(vmm_, watch, watch.look(sent_.size()));
      if (ending && !up) return absent("not a frame on its serial line");
      if (ending) return std::move(*ending);
    }
  }

  std::vector<std::byte> frames() const {
    const auto bytes = std::as_bytes(std::span(sent_));
    std::vector<std::byte> frames;
    for (const auto& [offset, size] : channel_.pieces()) {
      const auto frame = bytes.subspan(offset, size);
      frames.insert(frames.end(), frame.begin(), frame.end());
    }
    return frames;
  }

 private:
  // What has come within kLook; false: nothing.
  bool receive() {
    pollfd ready{vmm_.line(), POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(kLook.count())) <= 0) return false;
    const auto before = sent_.size();
    sent_.resize(before + 65536);
    const auto count = ::recv(vmm_.line(), sent_.data() + before, 65536, MSG_DONTWAIT);
    sent_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count <= 0) return false;
    while (const auto call = channel_.advance(sent_)) answer(perform(*call, vmm_.monitor()));
    return true;
  }

  void answer(const machine::HostAnswer& answer) {
    const auto bytes = machine::SerialChannel::answer(answer.status, answer.result);
    // Nine bytes fit; a VMM that does not read them leaves its guest waiting, which is seen.
    [[maybe_unused]] const auto count =
        ::send(vmm_.line(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  // How the agent says it ended.
  std::optional<Ending> told() {
    if (channel_.last_frame() == FrameKind::kFinished) return Ending{Stop::kFinished, ""};
    if (channel_.last_frame() == FrameKind::kRefused) return Ending{Stop::kRefused, ""};
    if (channel_.last_frame() == FrameKind::kPanic) return Ending{Stop::kPanic, ""};
    return std::nullopt;
  }

  Ending absent(std::string_view why) {
    vmm_.listen();
    return {Stop::kBackendError,
            fmt::format("the agent does not come up in {}: {}", vmm_.title(), why)};
  }

  VmmProcess& vmm_;
  backends::Limits limits_;
  std::vector<std::uint8_t> sent_;
  machine::SerialChannel channel_;
};

}  // namespace

backends::Outcome run_over_serial(const Surroundings& surroundings, const Plan& plan,
                                  const backends::Job& job) {
  backends::Outcome outcome;
  auto vmm = VmmProcess::start(surroundings, plan, job.program);
  if (!vmm) {
    outcome.detail = std::move(vmm.error());
    return outcome;
  }
  SerialRun run(**vmm, job.limits, plan.cpus);
  auto ending = run.run();
  const bool ends_by_itself = std::ranges::find(plan.words, "exit=debug-exit") != plan.words.end();
  if (ending.stop == Stop::kFinished && ends_by_itself) (*vmm)->ended_within(kExitPatience);
  outcome.stop = ending.stop;
  outcome.detail = std::move(ending.detail);
  outcome.cpus = std::move(ending.cpus);
  outcome.observations = run.frames();
  outcome.log = (*vmm)->take_complaints();
  if (outcome.stop == Stop::kDied || outcome.stop == Stop::kBackendError) {
    if (const auto said = last_line(outcome.log); !said.empty()) outcome.detail += "; " + said;
  }
  return outcome;
}

}  // namespace hypervet::vmm
