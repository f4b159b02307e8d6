// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/watch.h"

#include <fmt/format.h>

namespace hypervet::lab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kGlance{10};
constexpr std::size_t kMostLog = std::size_t{4} << 20;
// Of results and complaints; no suite says so much, and the file that it lies in has to end.
constexpr std::uint64_t kMostOutput = std::uint64_t{1} << 30;

}  // namespace

Watch::Watch(Emulator& emulator, const Wiring& wiring, const Sinks& sinks, const Patience& patience)
    : emulator_(emulator),
      wiring_(wiring),
      sinks_(sinks),
      patience_(patience),
      console_file_(wiring.console()),
      out_(wiring.out()),
      err_(wiring.err()),
      last_sign_(Clock::now()) {}

std::optional<Ending> Watch::until_ready() {
  for (;;) {
    if (auto ending = look()) return ending;
    // A kernel with a driver for the panic device stops there for another reason.
    if (emulator_.stopped_itself()) {
      take_all();
      if (console_.ready()) return std::nullopt;
      return given_up(fmt::format("the lab's kernel panicked before hypervet could start: {}",
                                  console_.trouble().value_or("it does not say why")));
    }
  }
}

Ending Watch::until_end() {
  for (;;) {
    if (auto ending = look()) return *ending;
    if (emulator_.stopped_itself()) {
      take_all();
      return given_up(fmt::format("the lab's kernel panicked: {}",
                                  console_.trouble().value_or("it does not say why")));
    }
  }
}

bool Watch::take_all() {
  bool any = out_.take([&](std::string_view bytes) {
    if (sinks_.out) sinks_.out(bytes);
  });
  any |= err_.take([&](std::string_view bytes) {
    if (sinks_.err) sinks_.err(bytes);
  });
  any |= console_file_.take([&](std::string_view bytes) { console_.add(bytes); });
  return any;
}

std::optional<Ending> Watch::look() {
  emulator_.watch(kGlance);
  // Asked before the channels are read: what a dead machine wrote is all there.
  const auto ended = emulator_.ended();
  const auto now = Clock::now();
  if (take_all()) last_sign_ = now;
  if (ended) {
    while (take_all() && out_.bytes() + err_.bytes() <= kMostOutput && !console_.full()) {
    }
    return gone(*ended);
  }
  if (patience_.stopped && patience_.stopped()) {
    auto ending = given_up("interrupted");
    ending.interrupted = true;
    return ending;
  }
  if (console_.full())
    return given_up(
        fmt::format("the lab's kernel wrote more than {} MB on its console", Console::kMost >> 20));
  if (out_.bytes() + err_.bytes() > kMostOutput)
    return given_up(fmt::format("the lab wrote more than {} MB of output", kMostOutput >> 20));
  if (now - last_sign_ > patience_.silence) {
    return given_up(fmt::format("the lab gave no sign of life for {} s{}",
                                patience_.silence.count(),
                                console_.trouble() ? "; before: " + *console_.trouble() : ""));
  }
  return std::nullopt;
}

Ending Watch::gone(const process::Ended& ended) {
  Ending ending;
  if (console_.failure()) {
    ending.reason = *console_.failure();
  } else if (console_.end() && out_.bytes() >= console_.end()->out_bytes) {
    ending.complete = true;
    ending.status = console_.end()->status;
  } else if (console_.end()) {
    ending.reason = fmt::format("only {} of {} bytes of results came out of the lab: is {} full?",
                                out_.bytes(), console_.end()->out_bytes, wiring_.folder.string());
  } else if (console_.trouble()) {
    ending.reason = fmt::format("the lab's kernel died: {}", *console_.trouble());
  } else if (!ended.ok()) {
    const auto said = last_complaint(wiring_.complaints());
    ending.reason = fmt::format("the emulator ended with {}{}{}", ended.words(),
                                said.empty() ? "" : ": ", said);
  } else {
    ending.reason = "the lab's machine was reset before the job had ended";
  }
  return with_log(std::move(ending));
}

Ending Watch::given_up(std::string reason) {
  emulator_.kill();
  while (!emulator_.ended()) emulator_.watch(kGlance);
  take_all();
  Ending ending;
  ending.reason = std::move(reason);
  return with_log(std::move(ending));
}

Ending Watch::with_log(Ending ending) {
  ending.log = console_.text();
  FollowedFile kernel_log(wiring_.log());
  kernel_log.take([&](std::string_view bytes) {
    ending.log.append(bytes.substr(0, kMostLog - std::min(kMostLog, ending.log.size())));
  });
  return ending;
}

}  // namespace hypervet::lab
