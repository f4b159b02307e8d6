// SPDX-License-Identifier: Apache-2.0
#include "harness/judge/judge.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "harness/judge/evidence.h"
#include "harness/judge/stopped.h"
#include "harness/judge/verify.h"
#include "harness/program/disassemble.h"
#include "harness/program/observations.h"

namespace hypervet::judge {
namespace {

using backends::Outcome;
using backends::Stop;
using program::CompiledCase;
using program::Observation;
using protocol::FrameKind;

Judgement error(const CompiledCase& compiled, std::string reason, std::string detail = {}) {
  Judgement result;
  result.verdict = Verdict::kError;
  result.reason = std::move(reason);
  result.detail = std::move(detail);
  result.mark = compiled.source->mark;
  return result;
}

std::string with_log(std::string text, const Outcome& outcome) {
  constexpr std::size_t kShown = 8192;
  if (outcome.log.empty()) return text;
  const std::string_view log = outcome.log;
  const std::size_t from = log.size() > kShown ? log.size() - kShown : 0;
  return fmt::format("{}log:\n{}\n", text, log.substr(from));
}

std::string details(const CompiledCase& compiled, const Findings& findings) {
  std::string text;
  for (const Failure& each : findings.failures) {
    text += fmt::format("{}: {}\n", spec::to_string(each.mark), sentence(compiled, each));
    if (const auto op = compiled.plans[each.plan].op)
      text += fmt::format("  {}\n", program::describe_op(compiled, *op));
  }
  if (findings.failures.size() == kMaxFailures) text += "further failures are not shown\n";
  for (const std::string& each : findings.gaps) text += each + "\n";
  return text;
}

// Why the frames of a finished program cannot be trusted; nothing: they can. Programs take
// apic-id(n) to be n.
std::optional<std::string> distrust(const CompiledCase& compiled,
                                    const std::vector<Observation>& observations) {
  if (observations.empty()) return "the agent reported nothing";
  const auto* hello = std::get_if<protocol::HelloPayload>(&observations.front().payload);
  if (hello == nullptr) return "the agent did not say hello";
  if (hello->version != protocol::kProgramVersion)
    return fmt::format("the agent speaks version {}, not {}", hello->version,
                       protocol::kProgramVersion);
  const unsigned cpus = compiled.configuration.cpus;
  if (hello->cpus < cpus) return fmt::format("{} CPUs came up, not {}", hello->cpus, cpus);
  for (unsigned cpu = 0; cpu < cpus; ++cpu)
    if (hello->apic_ids[cpu] != cpu)
      return fmt::format("cpu {} has APIC id {}; programs take it to be {}", cpu,
                         hello->apic_ids[cpu], cpu);
  if (observations.back().header.kind != FrameKind::kFinished)
    return "the last frame is not the end of the program";
  return std::nullopt;
}

Judgement failed(const CompiledCase& compiled, const Findings& findings) {
  const Failure& first = findings.failures.front();
  return {Verdict::kFail, sentence(compiled, first),   first.expected,
          first.observed, details(compiled, findings), first.mark};
}

Judgement judge_finished(const CompiledCase& compiled, const Outcome& outcome) {
  const auto observations = program::decode(outcome.observations, program::Ending::kWhole);
  if (!observations)
    return error(compiled, "the observations cannot be read: " + observations.error());
  if (const auto why = distrust(compiled, *observations)) return error(compiled, *why);
  const auto evidence = Evidence::gather(compiled, *observations);
  if (!evidence) return error(compiled, evidence.error());
  const Findings findings = verify(*evidence, true);
  if (!findings.failures.empty()) return failed(compiled, findings);
  if (!findings.gaps.empty())
    return error(compiled, findings.gaps.front(), details(compiled, findings));
  if (findings.skip) {
    Judgement result;
    result.verdict = Verdict::kSkip;
    result.reason = *findings.skip;
    result.mark = findings.skip_mark;
    return result;
  }
  if (findings.checked == 0)
    return error(compiled, "nothing that the case observed was held against anything");
  Judgement result;
  result.verdict = Verdict::kPass;
  result.mark = compiled.source->mark;
  return result;
}

// Hang and crash: what the frames still say is told, but decides nothing.
Judgement judge_stopped(const CompiledCase& compiled, const Outcome& outcome, Verdict verdict) {
  const auto decoded = program::decode(outcome.observations, program::Ending::kCutOff);
  const std::vector<Observation> observations = decoded.value_or(std::vector<Observation>{});
  const auto ops = last_ops(compiled, outcome, observations);

  Judgement result;
  result.verdict = verdict;
  result.expected = "the program ends";
  result.observed = backends::to_string(outcome.stop);
  if (!outcome.detail.empty()) result.observed += ": " + outcome.detail;
  result.reason = fmt::format("{}; {}", result.observed, whereabouts(compiled, ops));
  result.mark = compiled.source->mark;
  for (auto op = ops.rbegin(); op != ops.rend(); ++op)
    if (*op) result.mark = compiled.plans[compiled.plan_of_op[**op]].step->mark;

  if (!decoded) result.detail += "the observations cannot be read: " + decoded.error() + "\n";
  if (const auto evidence = Evidence::gather(compiled, observations)) {
    const Findings findings = verify(*evidence, false);
    if (!findings.failures.empty())
      result.reason += "; before that " + sentence(compiled, findings.failures.front());
    result.detail += details(compiled, findings);
  } else {
    result.detail += evidence.error() + "\n";
  }
  result.detail = with_log(result.detail + states(outcome), outcome);
  return result;
}

// The agent refused or panicked, or the backend broke: nothing is said about the target.
Judgement judge_broken(const CompiledCase& compiled, const Outcome& outcome) {
  const auto decoded = program::decode(outcome.observations, program::Ending::kCutOff);
  const std::vector<Observation> observations = decoded.value_or(std::vector<Observation>{});
  std::string reason;
  std::string detail;
  switch (outcome.stop) {
    case Stop::kRefused:
      reason = "the agent refused the program: " + refusal(compiled, observations);
      break;
    case Stop::kPanic:
      reason = "the agent itself faulted";
      detail = panic(compiled, observations);
      break;
    case Stop::kUnimplemented:
      reason = "the simulator lacks an instruction";
      break;
    default:
      reason = "the backend failed";
      break;
  }
  if (!outcome.detail.empty())
    reason += fmt::format("{}{}", reason.ends_with(": ") ? "" : ": ", outcome.detail);
  if (!decoded) detail += "the observations cannot be read: " + decoded.error() + "\n";
  detail += whereabouts(compiled, last_ops(compiled, outcome, observations)) + "\n";
  return error(compiled, reason, with_log(detail + states(outcome), outcome));
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "fail";
    case Verdict::kHang:
      return "hang";
    case Verdict::kCrash:
      return "crash";
    case Verdict::kSkip:
      return "skip";
    case Verdict::kError:
      return "error";
  }
  return "error";
}

Judgement judge(const CompiledCase& compiled, const Outcome& outcome) {
  switch (outcome.stop) {
    case Stop::kDeadlock:
    case Stop::kStuck:
    case Stop::kDeadline:
      return judge_stopped(compiled, outcome, Verdict::kHang);
    case Stop::kShutdown:
    case Stop::kInternalError:
    case Stop::kDied:
      return judge_stopped(compiled, outcome, Verdict::kCrash);
    case Stop::kFinished:
      break;
    case Stop::kRefused:
    case Stop::kPanic:
    case Stop::kUnimplemented:
    case Stop::kBackendError:
      return judge_broken(compiled, outcome);
  }
  if (outcome.overflowed)
    return error(compiled, "the guest's channel was full: observations are missing");
  return judge_finished(compiled, outcome);
}

}  // namespace hypervet::judge
