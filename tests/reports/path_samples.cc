// SPDX-License-Identifier: Apache-2.0
#include "tests/reports/path_samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>

#include "tests/reports/samples.h"

namespace hypervet::reports::samples {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Numbers that are the same on every machine, unlike those of <random>'s distributions.
class Source {
 public:
  explicit Source(std::uint64_t seed) : state_(seed) {}
  double uniform() {  // above 0, at most 1
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>((state_ >> 33) + 1) / 2147483648.0;
  }
  double normal() {
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t state_;
};

struct Shape {
  const char* id;
  const char* what;
  double cost;           // where the bulk lies
  double width;          // relative
  double tail;           // share of samples that something interrupted
  double second = 0;     // where a second hump lies, as a multiple of cost; 0: none
  const char* contrast;  // "" for none
  std::optional<Dividend> dividend;
};

const Shape kShapes[] = {
    {"kvm.path.vmcall[nr=1]", "Hypercall round trip", 1240, .012, .004, 0, "kvm.path.pio-user",
     Dividend{3.92, 3.81, 4.02}},
    {"kvm.path.cpuid", "CPUID exit", 1310, .010, .003, 0, "", {}},
    {"kvm.path.pio-user", "Port write that user space answers", 4860, .03, .01, 1.22, "", {}},
    {"kvm.path.ioeventfd[by=pio]", "Port write that rings an eventfd", 1905, .02, .006, 0,
     "kvm.path.pio-user", Dividend{2.55, 2.47, 2.63}},
    {"kvm.path.kvmclock-read", "Reading the time from kvmclock", 42.5, .02, .001, 0,
     "kvm.path.acpi-pm-read", Dividend{112.4, 108.9, 116.0}},
    {"kvm.path.acpi-pm-read",
     "Reading the time from the ACPI PM timer",
     4777,
     .03,
     .012,
     0,
     "",
     {}},
    {"kvm.path.pv-eoi", "End of interrupt by the PV EOI bit", 61, .05, .004, 0,
     "kvm.path.x2apic-eoi", Dividend{18.9, 17.2, 20.4}},
    {"kvm.path.x2apic-eoi", "End of interrupt by an x2APIC write", 1153, .015, .004, 0, "", {}},
    {"kvm.path.send-ipi[cpus=4]", "One KVM_HC_SEND_IPI to four CPUs", 6120, .09, .02, 1.6,
     "kvm.path.icr-write[cpus=4]", Dividend{1.04, .93, 1.17}},
    {"kvm.path.icr-write[cpus=4]", "Four ICR writes, one to each CPU", 6365, .08, .02, 0, "", {}},
    {"kvm.path.kick-cpu", "Waking a halted CPU by KVM_HC_KICK_CPU", 9830, .35, .05, 0,
     "kvm.path.spinning-wait", Dividend{.61, .52, .70}},
    {"kvm.path.spinning-wait", "Waiting by spinning on a flag", 5990, .22, .03, 9, "", {}},
};

double quantile(const std::vector<double>& sorted, double p) {
  return sorted[static_cast<std::size_t>(p * static_cast<double>(sorted.size() - 1))];
}

void set_figures(Path& path) {
  std::vector<double> all;
  for (const auto& launch : path.launches) all.insert(all.end(), launch.begin(), launch.end());
  std::ranges::sort(all);
  path.samples = all.size();
  path.min = all.front();
  path.median = quantile(all, .5);
  path.p99 = quantile(all, .99);
  path.spread = (quantile(all, .75) - quantile(all, .25)) / path.median;
}

Path path_of(const Shape& shape, const Run& run, std::uint64_t seed) {
  Path path;
  path.id = shape.id;
  path.interface = "kvm.hypercall";
  path.what = shape.what;
  path.backend = run.backend;
  path.target = run.target;
  path.provider = run.provider;
  path.unit = "ns";
  path.overhead = 1.25;
  path.noise_floor = shape.width / 4;
  path.contrast = shape.contrast;
  path.dividend = shape.dividend;
  path.method = "Batches of 64 operations, serialised TSC.";
  Source source(seed);
  for (int launch = 0; launch < 15; ++launch) {
    const double of_the_launch = 1 + shape.width * .3 * source.normal();
    std::vector<double> samples;
    for (int i = 0; i < 100; ++i) {
      // A floor with a tail to the right: costs add up, nothing makes an operation cheaper.
      double cost = shape.cost * of_the_launch * (1 + shape.width * std::abs(source.normal()));
      if (shape.second > 0 && source.uniform() < .15) cost *= shape.second;
      if (source.uniform() < shape.tail) cost *= 2 + 12 * source.uniform();
      samples.push_back(cost);
    }
    path.launches.push_back(std::move(samples));
  }
  set_figures(path);
  return path;
}

void add_skipped(Results& results, const char* id, const char* what, const char* reason) {
  Path path;
  path.id = id;
  path.what = what;
  path.unit = "ns";
  path.reason = reason;
  results.paths.push_back(std::move(path));
}

Results only_the_run() {
  Results results;
  results.run = mixed().run;
  results.run.planned = 0;
  results.run.notes.clear();
  results.run.command_line = {"hypervet", "bench", "--backend", "kvm"};
  results.summary = Summary{};
  results.summary->wall_ns = 48'200'000'000;
  return results;
}

TimingSide side_of(double median, const Shape& shape, Source& source) {
  TimingSide side;
  side.samples = 1500;
  side.median = median;
  side.min = median * (1 - shape.width);
  side.p99 = median * (1 + 6 * shape.width);
  for (int i = 0; i < 15; ++i)
    side.launch_medians.push_back(median * (1 + shape.width * .3 * source.normal()));
  return side;
}

TimingRow row_of(const Shape& shape, double ratio, double interval, Outcome outcome) {
  Source source(7);
  TimingRow row;
  row.id = shape.id;
  row.interface = "kvm.hypercall";
  row.what = shape.what;
  row.unit = "ns";
  row.a = side_of(shape.cost, shape, source);
  row.b = side_of(shape.cost * ratio, shape, source);
  row.difference = row.b.median - row.a.median;
  row.ratio = {ratio, ratio / (1 + interval), ratio * (1 + interval)};
  row.noise_floor = shape.width / 2;
  row.margin = std::max(.03, row.noise_floor);
  row.outcome = outcome;
  return row;
}

}  // namespace

Results timed() {
  Results results = only_the_run();
  std::uint64_t seed = 1;
  for (const Shape& shape : kShapes) results.paths.push_back(path_of(shape, results.run, seed++));
  add_skipped(results, "kvm.path.sched-yield", "Yielding to a preempted CPU",
              "the target does not offer it: CPUID bit kvm.pv-sched-yield is 0");
  add_skipped(results, "kvm.path.irqfd", "An eventfd to its interrupt handler",
              "the guest made no progress before the deadline of 2000 ms");
  return results;
}

Results counted_in_a_lab() {
  Results results = timed();
  results.run.lab = "kvm-amd:6.12";
  for (Path& path : results.paths) {
    path.unit = "instructions";
    for (auto& launch : path.launches) std::ranges::fill(launch, std::round(path.median));
    if (!path.measured()) continue;
    set_figures(path);
    path.spread = path.noise_floor = 0;
    if (path.dividend)
      path.dividend = Dividend{path.dividend->value, path.dividend->value, path.dividend->value};
  }
  return results;
}

Results absurd_paths() {
  Results results = hostile();
  const double numbers[] = {kNaN, kInfinity, -kInfinity, 1e308, -1e308, 0, -5, 5e-324};
  const std::string attack = results.paths.front().what;
  for (const double number : numbers) {
    for (const double other : numbers) {
      Path path = results.paths.front();
      path.min = path.spread = path.overhead = number;
      path.median = path.noise_floor = other;
      path.p99 = number;
      path.dividend = Dividend{other, number, other};
      path.launches = {{number, other, 1, 2}, {}, {other}};
      path.samples = 5;
      results.paths.push_back(path);
    }
  }
  return results;
}

TimingComparison compared() {
  TimingComparison comparison;
  comparison.name_a = "linux-6.1";
  comparison.name_b = "linux-6.12";
  comparison.a = comparison.b = only_the_run().run;
  comparison.b.target = "Linux 6.12.117 kvm_amd";
  comparison.b.provider = "host kernel: Linux 6.12.117 kvm_amd";
  comparison.b.started = "2027-03-01T10:02:00Z";
  comparison.confidence = .99;
  comparison.margin = .03;
  comparison.draws = 10'000;
  comparison.seed = 42;
  comparison.noise_source = "15 launches of A against 15 others of A";
  comparison.cautions = {"The microcode differs: 0x0a101148 and 0x0a10114c."};
  const struct {
    double ratio, interval;
    Outcome outcome;
  } ends[] = {{1.006, .006, Outcome::kEquivalent}, {.998, .005, Outcome::kEquivalent},
              {1.062, .012, Outcome::kRegressed},  {.91, .011, Outcome::kImproved},
              {1.004, .009, Outcome::kEquivalent}, {1.021, .014, Outcome::kInconclusive},
              {1.148, .025, Outcome::kRegressed},  {.995, .008, Outcome::kEquivalent},
              {.97, .06, Outcome::kInconclusive},  {1.011, .012, Outcome::kEquivalent},
              {1.9, .09, Outcome::kNotComparable}, {1.0, .01, Outcome::kEquivalent}};
  for (std::size_t i = 0; i < std::size(ends); ++i) {
    comparison.rows.push_back(row_of(kShapes[i], ends[i].ratio, ends[i].interval, ends[i].outcome));
  }
  comparison.rows[10].noise_floor = .31;
  comparison.rows[10].margin = .31;
  comparison.rows[10].reason = "too noisy: the noise floor of 31.0 % is above 10 %";
  TimingRow gone = comparison.rows[0];
  gone.id = "kvm.path.sched-yield";
  gone.what = "Yielding to a preempted CPU";
  gone.outcome = Outcome::kNotComparable;
  gone.b = TimingSide();
  gone.b.reason = "the target does not offer it: CPUID bit kvm.pv-sched-yield is 0";
  gone.reason = "only A has figures: " + gone.b.reason;
  comparison.rows.push_back(gone);
  comparison.skipped = {"kvm.path.irqfd"};
  return comparison;
}

TimingComparison compared_exactly() {
  TimingComparison comparison = compared();
  comparison.a.lab = "kvm-amd:6.1";
  comparison.b.lab = "kvm-amd:6.12";
  comparison.draws = 0;
  comparison.margin = 0;
  comparison.cautions.clear();
  comparison.rows.resize(9);
  double more = -3;
  for (TimingRow& row : comparison.rows) {
    row.exact = true;
    row.unit = "instructions";
    row.a.median = row.a.min = row.a.p99 = std::round(row.a.median);
    row.b.median = row.b.min = row.b.p99 = row.a.median + more;
    row.difference = more;
    const double ratio = row.b.median / row.a.median;
    row.ratio = {ratio, ratio, ratio};
    row.noise_floor = row.margin = 0;
    row.outcome = more > 0   ? Outcome::kRegressed
                  : more < 0 ? Outcome::kImproved
                             : Outcome::kEquivalent;
    more += 1;
  }
  return comparison;
}

TimingComparison absurd_comparison() {
  TimingComparison comparison = compared();
  const std::string attack = hostile().paths.front().what;
  comparison.name_a = comparison.name_b = comparison.noise_source = attack;
  comparison.a = comparison.b = hostile().run;
  comparison.cautions = comparison.skipped = {attack};
  comparison.obstacle = attack;
  const double numbers[] = {kNaN, kInfinity, -kInfinity, 1e308, -1e308, 0, -5, 5e-324};
  std::size_t next = 0;
  for (TimingRow& row : comparison.rows) {
    const double number = numbers[next++ % std::size(numbers)];
    const double other = numbers[next % std::size(numbers)];
    row.id += attack;
    row.what = row.unit = row.reason = attack;
    row.a.median = row.b.p99 = row.difference = number;
    row.b.median = row.a.min = other;
    row.ratio = {next % 2 == 0 ? number : 1.5, other, number};
    row.noise_floor = other;
    row.margin = number;
  }
  return comparison;
}

}  // namespace hypervet::reports::samples
