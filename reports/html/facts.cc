// SPDX-License-Identifier: Apache-2.0
#include "reports/html/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "reports/html/parts.h"
#include "reports/path_table.h"
#include "reports/text.h"

namespace hypervet::reports::html {
namespace {

class Facts {
 public:
  void add(std::string_view name, std::string_view value, bool mono = false) {
    if (!value.empty()) list_.push_back({std::string(name), std::string(value), mono});
  }
  // Who was judged, and when.
  void add_target(const Run& run) {
    add("Target", run.target);
    add("Provider", run.provider);
    add("Backend", run.backend);
    add("Lab", run.lab);
    add("Kernel", run.kernel);
    add("CPU", run.cpu);
    add("Mitigations", run.mitigations);
    add("Started", run.started);
  }
  void add_outcome(const Results& results, const Digest& digest);
  // With what.
  void add_means(const Run& run) {
    add("hypervet", run.hypervet);
    add("Seed, jobs", fmt::format("{}, {}", run.seed, run.jobs));
    add("Specs", run.spec_hash, true);
    add("Payload", run.payload_hash, true);
    add("Command", shell_line(run.command_line), true);
    add("Notes", run.notes);
  }
  std::vector<Fact> take() { return std::move(list_); }

 private:
  std::vector<Fact> list_;
};

std::string_view conformance(const Results& results, const Digest& digest) {
  if (reference_only(digest)) return "no hypervisor judged";
  if (results.summary->conformant) return "conformant";
  return results.summary->exit_status == 0 ? "green only through waivers" : "not conformant";
}

void Facts::add_outcome(const Results& results, const Digest& digest) {
  if (results.summary) add("Duration", human_duration(results.summary->wall_ns));
  if (!results.paths.empty()) add("Timed", path_tally(results.paths));
  const bool only_timed = results.cases.empty() && !results.paths.empty();
  if (!only_timed) {
    add("Executed",
        fmt::format("{} of {}", digest.counts.total(), counted(digest.planned, "planned case")));
  }
  if (!results.summary) return;
  const int status = results.summary->exit_status;
  add("Exit status", only_timed ? fmt::format("{}", status)
                                : fmt::format("{} ({})", status, conformance(results, digest)));
}

}  // namespace

std::vector<Fact> facts(const Run& run) {
  Facts list;
  list.add_target(run);
  list.add_means(run);
  return list.take();
}

std::vector<Fact> facts(const Results& results, const Digest& digest) {
  Facts list;
  list.add_target(results.run);
  list.add_outcome(results, digest);
  list.add_means(results.run);
  if (!results.others.empty()) {
    list.add("Not shown",
             counted(results.others.size(), "record") + " of a kind that this page does not know");
  }
  return list.take();
}

data fact_list(const std::vector<Fact>& facts) {
  data list(data::type::list);
  for (const Fact& fact : facts) {
    data entry;
    entry["name"] = fact.name;
    entry["value"] = fact.value;
    entry["mono"] = data(fact.mono);
    list << entry;
  }
  return list;
}

data fact_pairs(std::vector<Fact> a, std::vector<Fact> b) {
  std::vector<std::array<Fact, 2>> rows;
  const auto add = [&](std::size_t side, std::vector<Fact>& facts) {
    for (Fact& fact : facts) {
      auto row = std::ranges::find_if(rows, [&](const auto& known) {
        return known[0].name == fact.name || known[1].name == fact.name;
      });
      if (row == rows.end()) row = rows.emplace(rows.end());
      (*row)[side] = std::move(fact);
    }
  };
  add(0, a);
  add(1, b);
  data list(data::type::list);
  for (const auto& [left, right] : rows) {
    data entry;
    entry["name"] = left.name.empty() ? right.name : left.name;
    entry["a"] = left.value;
    entry["b"] = right.value;
    entry["mono"] = data(left.mono || right.mono);
    entry["differs"] = data(left.value != right.value);
    list << entry;
  }
  return list;
}

}  // namespace hypervet::reports::html
