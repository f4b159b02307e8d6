// SPDX-License-Identifier: Apache-2.0
// A case as spec text and what an agent would have answered, brought before the judge.
#pragma once

#include <functional>

#include "harness/judge/judge.h"
#include "tests/harness/program/frames.h"
#include "tests/harness/program/spec_text.h"

namespace hypervet::test {

inline backends::Outcome outcome(const Frames& frames,
                                 backends::Stop stop = backends::Stop::kFinished) {
  backends::Outcome result;
  result.stop = stop;
  result.observations = frames.out();
  return result;
}

// One CPU, and these answers between hello and the end.
inline judge::Judgement judged(const Compiled& compiled,
                               const std::function<void(Frames&)>& answers) {
  Frames frames;
  frames.hello(compiled->configuration.cpus);
  answers(frames);
  frames.finished();
  return judge::judge(*compiled, outcome(frames));
}
inline judge::Judgement judged(const std::string& steps,
                               const std::function<void(Frames&)>& answers,
                               const SpecOptions& options = {}) {
  return judged(compiled(steps, options), answers);
}

// The verdict on one step that was answered by one Executed frame.
inline judge::Judgement judged(const std::string& step, const protocol::ExecutedPayload& answer) {
  return judged(step, [&](Frames& frames) { frames.executed(0, answer); });
}

}  // namespace hypervet::test
