// SPDX-License-Identifier: Apache-2.0
// The records of a result stream, typed. A stream is JSON Lines: one Run first, then one Interface
// per interface in the run, one Case per executed case instance or one Path per timed path, and one
// Summary last. Everything
// that a person or CI reads is derived from these records alone, so they carry all that a report
// says: no report looks a clause up in the specs.
//
// Plain values, owned by whoever holds them; no thread rules.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hypervet::reports {

// The version of the stream that this code writes, and the newest that it reads.
inline constexpr std::uint64_t kStreamFormat = 1;

// Six ways a case can end; none is ever merged with another.
enum class Verdict : std::uint8_t {
  kPass,   // the clause holds
  kFail,   // the clause is violated
  kHang,   // no progress before the deadline
  kCrash,  // triple fault, or the VMM died
  kSkip,   // the target does not offer what the case needs; Case::reason says what
  kError,  // hypervet or the backend broke: nothing is said about the target
};
inline constexpr std::size_t kVerdictCount = 6;
inline constexpr std::array<Verdict, kVerdictCount> kVerdicts = {Verdict::kPass, Verdict::kFail,
                                                                 Verdict::kHang, Verdict::kCrash,
                                                                 Verdict::kSkip, Verdict::kError};

enum class Mark : std::uint8_t {
  kWaived,          // a failure that a waiver in force expects
  kUnexpectedPass,  // a pass that a waiver says should fail
  kFlaky,           // verdicts differed between attempts; the record holds the worst
};

enum class Level : std::uint8_t { kMust, kShould, kMay };

// The words used in the stream and in every report: "pass", "unexpected-pass", "must", ...
std::string_view name(Verdict verdict);
std::string_view name(Mark mark);
std::string_view name(Level level);
std::optional<Verdict> parse_verdict(std::string_view word);
std::optional<Mark> parse_mark(std::string_view word);
std::optional<Level> parse_level(std::string_view word);

// True for the verdicts that speak against the target: fail, hang, crash.
bool is_failure(Verdict verdict);
// True when the verdict says something about the target: pass or a failure, not skip or error.
bool is_judgement(Verdict verdict);
// The verdict to show for a group: crash, hang, fail, error, pass, skip, in this order.
Verdict worse(Verdict a, Verdict b);

// True when the provider is hypervet's own reference model, hence when no hypervisor was judged.
// The convention: such a provider has the words "reference model" in its name, and no other has
// (case is ignored).
bool is_reference_model(std::string_view provider);

// How many cases ended in each verdict.
class Counts {
 public:
  std::uint64_t& operator[](Verdict verdict) { return counts_[static_cast<std::size_t>(verdict)]; }
  std::uint64_t operator[](Verdict verdict) const {
    return counts_[static_cast<std::size_t>(verdict)];
  }
  std::uint64_t total() const;
  std::uint64_t failures() const;  // fail + hang + crash, waived ones too
  bool operator==(const Counts&) const = default;

 private:
  std::array<std::uint64_t, kVerdictCount> counts_{};
};

// The provenance of a run: enough to repeat it.
struct Run {
  std::uint64_t format = kStreamFormat;
  std::string hypervet;  // version of hypervet
  std::string started;   // ISO 8601, UTC: 2025-03-01T09:15:00Z
  std::string backend;   // sim, kvm, xen, vmm:qemu, ...
  std::string lab;       // NAME[:KERNEL] of the lab that it was in; empty: none
  std::string target;    // what is judged, precisely: "Linux 6.1.0-31 kvm_amd"
  std::string provider;  // who provides the interfaces under test; a case may name another
  std::string cpu;
  std::string kernel;
  std::string mitigations;
  std::vector<std::string> command_line;  // argv
  std::uint64_t seed = 0;
  std::uint64_t jobs = 1;
  std::string spec_hash;
  std::string payload_hash;
  std::uint64_t planned = 0;  // number of case records to come
  std::string notes;          // free text, may hold line breaks
  bool operator==(const Run&) const = default;
};

// One clause of an interface in the run, judged or not, so that a report can tell coverage and
// empty cells.
struct Clause {
  std::string id;
  Level level = Level::kMust;
  std::string section;                    // of the source document
  std::string text;                       // hypervet's own wording
  std::optional<std::string> untestable;  // why no black box can test it
  std::uint64_t cases = 0;                // case instances planned in this run
  bool operator==(const Clause&) const = default;
};

struct Interface {
  struct Source {
    std::string document;
    std::string version;
    bool operator==(const Source&) const = default;
  };
  std::string id;
  std::string title;
  Source source;
  std::vector<Clause> clauses;
  bool operator==(const Interface&) const = default;
};

// The reviewed expectation of a failure that a mark rests on.
struct Waiver {
  std::string reason;  // why the failure is expected
  std::string issue;   // where it is tracked
  std::string owner;
  std::string expires;  // the last day in force: 2027-06-30
  bool operator==(const Waiver&) const = default;
};

// One executed case instance. Strings that stem from a guest or a target may hold any bytes; the
// writer of the stream makes them valid UTF-8 and bounds them.
struct Case {
  std::string id;      // of the instance: kvm.hypercall.unknown-number/unused number[nr=13]
  std::string clause;  // id of the clause
  std::string name;    // of the case, unique within the clause
  std::map<std::string, std::string> parameters;
  std::string interface;
  Level level = Level::kMust;
  std::string backend;
  std::string target;
  std::string provider;
  Verdict verdict = Verdict::kError;
  std::vector<Mark> marks;
  std::optional<Waiver> waiver;  // with kWaived and kUnexpectedPass, in streams that have it
  std::string reason;            // one line: why not pass, or what is missing when skipped
  std::string expected;          // shown beside observed
  std::string observed;
  std::string location;   // of the case in its spec: specs/kvm/hypercall.yaml:12:9
  std::string reproduce;  // the one command that repeats this instance
  std::uint64_t seed = 0;
  std::uint64_t duration_ns = 0;
  std::string detail;  // many lines: registers, instruction bytes, op, guest's stderr; may be empty
  bool has(Mark mark) const;
  bool operator==(const Case&) const = default;
};

// How many times cheaper a path is than its contrast: the ratio of the medians, contrast over path,
// and its interval of 95 % confidence.
struct Dividend {
  double value = 0;
  double low = 0;
  double high = 0;
  bool operator==(const Dividend&) const = default;
};

// One timed path: its figures and the samples behind them. All figures are per operation, in
// `unit`, with the loop's own cost subtracted; the definitions of the quantiles are in
// harness/measure/figures.h. Numbers are finite.
struct Path {
  std::string id;  // of the instance: kvm.path.send-ipi[cpus=2]
  std::string interface;
  std::string what;  // title: what is timed
  std::string backend;
  std::string target;
  std::string provider;
  std::string unit;           // "ns", "instructions" or "ticks"
  std::uint64_t samples = 0;  // over all launches
  double min = 0;
  double median = 0;
  double p99 = 0;
  double spread = 0;       // interquartile range / median
  double overhead = 0;     // the loop's own cost, per operation
  double noise_floor = 0;  // relative: smaller differences are not told from noise
  std::string contrast;    // id of the unparavirtualised way to the same end; empty: none
  std::optional<Dividend> dividend;
  std::string reason;  // why there are no figures (skipped or failed); then they are 0
  std::string method;  // one line: how it was timed
  std::vector<std::vector<double>> launches;  // the samples, per operation; one list a launch
  bool measured() const { return reason.empty() && samples > 0; }
  bool operator==(const Path&) const = default;
};

struct Summary {
  Counts counts;
  std::uint64_t planned = 0;
  std::uint64_t executed = 0;
  std::uint64_t waived = 0;           // of the failures counted above
  std::uint64_t unexpected_pass = 0;  // of the passes counted above
  bool conformant = false;            // never through waivers
  int exit_status = 0;
  std::uint64_t wall_ns = 0;
  bool operator==(const Summary&) const = default;
};

// What something beside the judged target said during the run: the kernel of a lab, a VMM. The text
// may hold any bytes; a long one is written with its head and its tail.
struct Log {
  std::string name;  // "kernel log of the lab"
  std::string text;
  bool operator==(const Log&) const = default;
};

// A record of a kind that this code does not know, kept as its line of JSON.
struct OtherRecord {
  std::string type;
  std::string text;  // valid JSON on one line, without the line break
  bool operator==(const OtherRecord&) const = default;
};

using Record = std::variant<Run, Interface, Case, Path, Log, Summary, OtherRecord>;

// A whole stream. What is missing from an interrupted run is missing here too: `summary` is empty.
struct Results {
  Run run;
  std::vector<Interface> interfaces;
  std::vector<Case> cases;
  std::vector<Path> paths;
  std::vector<Log> logs;
  std::optional<Summary> summary;
  std::vector<OtherRecord> others;
  bool truncated = false;  // the last line was cut and has been left out
  bool complete() const { return summary.has_value() && !truncated; }
};

// Counts per verdict of `cases`.
Counts count(const std::vector<Case>& cases);
// How many of them have the mark.
std::uint64_t count(const std::vector<Case>& cases, Mark mark);
// How many are failures that no waiver covers.
std::uint64_t unwaived_failures(const std::vector<Case>& cases);

}  // namespace hypervet::reports
