// SPDX-License-Identifier: Apache-2.0
#include "harness/run/records.h"

#include <fmt/format.h>

#include <map>

#include "harness/run/provenance.h"

namespace hypervet::run {
namespace {

reports::Verdict to_record(judge::Verdict verdict) {
  switch (verdict) {
    case judge::Verdict::kPass:
      return reports::Verdict::kPass;
    case judge::Verdict::kFail:
      return reports::Verdict::kFail;
    case judge::Verdict::kHang:
      return reports::Verdict::kHang;
    case judge::Verdict::kCrash:
      return reports::Verdict::kCrash;
    case judge::Verdict::kSkip:
      return reports::Verdict::kSkip;
    case judge::Verdict::kError:
      return reports::Verdict::kError;
  }
  return reports::Verdict::kError;
}

reports::Level to_record(spec::Level level) {
  switch (level) {
    case spec::Level::kMust:
      return reports::Level::kMust;
    case spec::Level::kShould:
      return reports::Level::kShould;
    case spec::Level::kMay:
      return reports::Level::kMay;
  }
  return reports::Level::kMust;
}

}  // namespace

reports::Run run_record(const Session& session, const Invocation& invocation, std::size_t planned) {
  const auto here = host();
  reports::Run run;
  run.hypervet = invocation.version;
  run.started = now_utc();
  run.backend = session.backend->name();
  run.target = session.target.name;
  run.provider = session.target.provider;
  run.cpu = here.cpu;
  run.kernel = here.kernel;
  run.mitigations = here.mitigations;
  run.command_line = invocation.command_line;
  run.seed = session.seed;
  run.jobs = invocation.jobs;
  run.spec_hash = fmt::format("{:016x}", session.specs->hash);
  run.payload_hash = invocation.payload_hash;
  run.planned = planned;
  return run;
}

std::vector<reports::Interface> interface_records(
    const std::vector<std::pair<const spec::Interface*, const spec::Clause*>>& clauses,
    const std::vector<Instance>& instances) {
  std::map<const spec::Clause*, std::uint64_t> planned;
  for (const auto& instance : instances) ++planned[instance.clause];
  std::vector<reports::Interface> records;
  const spec::Interface* current = nullptr;
  for (const auto& [interface, clause] : clauses) {
    if (interface != current) {
      current = interface;
      records.push_back({interface->id,
                         interface->title,
                         {interface->source.document, interface->source.version},
                         {}});
    }
    reports::Clause record;
    record.id = clause->id;
    record.level = to_record(clause->level);
    record.section = clause->section;
    record.text = clause->text;
    if (!clause->untestable.empty()) record.untestable = clause->untestable;
    record.cases = planned[clause];
    records.back().clauses.push_back(std::move(record));
  }
  return records;
}

std::string reproduce(const Session& session, const Invocation& invocation,
                      const Instance& instance) {
  auto line = fmt::format("{} run '{}' --backend {} --seed {}{}", invocation.command, instance.id,
                          session.backend->name(), session.seed,
                          session.channel == kMemoryChannel ? "" : " --channel " + session.channel);
  for (const auto& option : invocation.options) line += " " + option;
  return line;
}

reports::Case blank_record(const Instance& instance) {
  reports::Case record;
  record.id = instance.id;
  record.clause = instance.clause->id;
  record.name = instance.the_case->name;
  for (const auto& [name, value] : instance.binding.values)
    record.parameters[name] = fmt::format("{:#x}", value);
  record.interface = instance.interface->id;
  record.level = to_record(instance.clause->level);
  record.location = spec::to_string(instance.the_case->mark);
  return record;
}

reports::Case case_record(const Session& session, const Invocation& invocation,
                          const Instance& instance, const Trial& trial) {
  const auto& judgement = trial.judgement;
  auto record = blank_record(instance);
  record.backend = session.backend->name();
  record.target = session.target.name;
  const std::string_view device = session.backend->device_provider();
  record.provider = instance.the_case->on_device && !device.empty() ? std::string(device)
                                                                    : session.target.provider;
  record.verdict = to_record(judgement.verdict);
  record.reason = judgement.reason;
  record.expected = judgement.expected;
  record.observed = judgement.observed;
  if (judgement.mark.file) record.location = spec::to_string(judgement.mark);
  record.reproduce = reproduce(session, invocation, instance);
  record.seed = session.seed;
  record.duration_ns = trial.duration_ns;
  record.detail = judgement.detail;
  return record;
}

}  // namespace hypervet::run
