// SPDX-License-Identifier: Apache-2.0
#include "harness/run/vet.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "harness/program/compile.h"
#include "harness/program/violation.h"
#include "harness/run/parallel.h"

namespace hypervet::run {
namespace {

// An instance that can run, compiled once for all its trials.
struct Subject {
  const Instance* instance;
  std::unique_ptr<program::CompiledCase> compiled;
};

// One trial: a subject, clean or under one violation of its clause.
struct Task {
  const Subject* subject;
  const spec::Violation* violation;  // nullptr: clean
  std::vector<violations::Rule> rules;
};

bool speaks_against(judge::Verdict verdict) {
  return verdict == judge::Verdict::kFail || verdict == judge::Verdict::kHang ||
         verdict == judge::Verdict::kCrash;
}

// What became of one clause over all its trials.
struct Ledger {
  const spec::Clause* clause = nullptr;
  bool clean = true;
  std::set<const spec::Violation*> caught;
  std::set<const spec::Violation*> committed;
  std::map<const spec::Violation*, std::string> last_reason;  // why a violation was not caught
  std::set<const spec::Case*> cases;
  std::set<const spec::Case*> proven;
  std::set<const spec::Case*> passed;
  // The first instance that an `assume` skipped, and its reason.
  std::map<const spec::Case*, std::pair<std::string, std::string>> skipped;
};

class Vetting {
 public:
  Vetting(const Session& session, const std::vector<Instance>& instances) : session_(session) {
    for (const auto& instance : instances) prepare(instance);
  }

  VetResult execute(const VetOptions& options) {
    const auto interrupted = [&] {
      return options.interrupt != nullptr && options.interrupt->load();
    };
    in_order<std::optional<Trial>>(
        tasks_.size(), options.jobs, {},
        [&](std::size_t i) -> std::optional<Trial> {
          if (interrupted()) return std::nullopt;
          return attempt(session_, *tasks_[i].subject->compiled, tasks_[i].rules);
        },
        [&](std::size_t i, std::optional<Trial> trial) {
          if (!trial) {
            result_.interrupted = true;
            return false;
          }
          ++result_.trials;
          enter(tasks_[i], *trial);
          if (options.progress) options.progress(i + 1, tasks_.size());
          return true;
        });
    if (!result_.interrupted) {
      for (const auto* clause : order_) close(ledgers_.at(clause));
    }
    return std::move(result_);
  }

 private:
  void prepare(const Instance& instance) {
    auto compiled = program::compile(*session_.specs, *instance.interface, *instance.clause,
                                     *instance.the_case, instance.binding);
    auto& ledger = ledgers_[instance.clause];
    if (ledger.clause == nullptr) {
      ledger.clause = instance.clause;
      order_.push_back(instance.clause);
    }
    ledger.cases.insert(instance.the_case);
    if (!compiled) {
      ledger.clean = false;
      result_.survivors.push_back({Survivor::Kind::kSpec, instance.clause->id, instance.id,
                                   compiled.error().message,
                                   spec::to_string(compiled.error().mark)});
      return;
    }
    if (auto reason = skip_reason(session_, instance, *compiled); !reason.empty()) {
      ledger.clean = false;
      result_.survivors.push_back({Survivor::Kind::kNotClean, instance.clause->id, instance.id,
                                   "skipped: " + reason, spec::to_string(instance.the_case->mark)});
      return;
    }
    subjects_.push_back(std::make_unique<Subject>(
        Subject{&instance, std::make_unique<program::CompiledCase>(std::move(*compiled))}));
    const Subject& subject = *subjects_.back();
    tasks_.push_back({&subject, nullptr, {}});
    for (const auto& violation : instance.clause->violations) {
      const auto rule = program::bind(violation, *instance.interface, *subject.compiled);
      if (!rule) {
        result_.survivors.push_back({Survivor::Kind::kSpec, instance.clause->id, violation.name,
                                     rule.error().message, spec::to_string(rule.error().mark)});
      } else if (*rule) {
        tasks_.push_back({&subject, &violation, {**rule}});
      }
    }
  }

  void enter(const Task& task, const Trial& trial) {
    const auto& instance = *task.subject->instance;
    auto& ledger = ledgers_.at(instance.clause);
    const auto& judgement = trial.judgement;
    if (task.violation == nullptr) {
      if (judgement.verdict == judge::Verdict::kPass) {
        ledger.passed.insert(instance.the_case);
        return;
      }
      if (judgement.verdict == judge::Verdict::kSkip) {
        ledger.skipped.try_emplace(instance.the_case, instance.id, judgement.reason);
        return;
      }
      ledger.clean = false;
      result_.survivors.push_back(
          {Survivor::Kind::kNotClean, instance.clause->id, instance.id,
           fmt::format("{}: {}", judge::to_string(judgement.verdict), judgement.reason),
           spec::to_string(judgement.mark.file ? judgement.mark : instance.the_case->mark)});
      return;
    }
    if (trial.committed > 0) ledger.committed.insert(task.violation);
    if (speaks_against(judgement.verdict)) {
      ledger.caught.insert(task.violation);
      ledger.proven.insert(instance.the_case);
    } else {
      ledger.last_reason[task.violation] =
          judgement.verdict == judge::Verdict::kPass
              ? "every case passes under it"
              : fmt::format("{} under it: {}", judge::to_string(judgement.verdict),
                            judgement.reason);
    }
  }

  void close(const Ledger& ledger) {
    const auto& clause = *ledger.clause;
    ++result_.testable;
    bool proven = ledger.clean;
    for (const auto& violation : clause.violations) {
      ++result_.violations;
      if (ledger.caught.contains(&violation)) {
        ++result_.caught;
        continue;
      }
      proven = false;
      const bool committed = ledger.committed.contains(&violation);
      const auto reason = ledger.last_reason.find(&violation);
      result_.survivors.push_back(
          {committed ? Survivor::Kind::kViolation : Survivor::Kind::kNeverCommitted, clause.id,
           violation.name,
           reason == ledger.last_reason.end() ? "no case has the names that it uses"
                                              : reason->second,
           spec::to_string(violation.mark)});
    }
    // An instance may find that it has nothing to say of the model; a case may not.
    for (const auto& [the_case, first] : ledger.skipped) {
      if (ledger.passed.contains(the_case)) continue;
      proven = false;
      result_.survivors.push_back({Survivor::Kind::kNotClean, clause.id, first.first,
                                   "skip: " + first.second, spec::to_string(the_case->mark)});
    }
    for (const auto& the_case : clause.cases) {
      if (!ledger.cases.contains(&the_case) || ledger.proven.contains(&the_case)) continue;
      proven = false;
      result_.survivors.push_back({Survivor::Kind::kUnprovenCase, clause.id, the_case.name,
                                   "fails under none of the clause's violations",
                                   spec::to_string(the_case.mark)});
    }
    if (proven) ++result_.proven;
  }

  const Session& session_;
  std::vector<std::unique_ptr<Subject>> subjects_;
  std::vector<Task> tasks_;
  std::map<const spec::Clause*, Ledger> ledgers_;
  std::vector<const spec::Clause*> order_;
  VetResult result_;
};

}  // namespace

VetResult vet(const Session& session, const std::vector<Instance>& instances,
              const VetOptions& options) {
  return Vetting(session, instances).execute(options);
}

}  // namespace hypervet::run
