// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/measure/noise_model.h"

#include <cmath>
#include <fstream>
#include <numbers>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "harness/measure/schedule.h"

namespace hypervet::measure::testing {
namespace {

constexpr double kCost = 1000;

double normal(Random& random) {  // Box and Muller
  const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(2 * std::numbers::pi * random.unit());
}

std::vector<double> launch(const Machine& machine, double cost, std::size_t samples,
                           Random& random) {
  std::vector<double> result(samples);
  for (double& sample : result) {
    sample = cost * std::exp(machine.body * normal(random));
    // An interrupt's handling has a heavy tail of its own.
    if (random.unit() < machine.interrupts) sample += cost / std::pow(1 - random.unit(), 0.7);
    sample = std::round(sample / machine.quantum) * machine.quantum;
  }
  return result;
}

reports::Path path_of(const std::string& id) {
  reports::Path path;
  path.id = id;
  path.interface = "kvm.hypercall";
  path.unit = "ns";
  return path;
}

Build build(const std::string& id) {
  Build result;
  result.run.backend = "kvm";
  result.paths = {path_of(id)};
  return result;
}

Session empty_session(const std::string& id) {
  return {{{path_of(id)}, {path_of(id)}}, build(id), build(id)};
}

Launches read(const std::string& name) {
  const std::string file = HV_SOURCE_DIR "/tests/harness/measure/" + name;
  std::ifstream in(file);
  Launches launches;
  for (std::string line; std::getline(in, line);) {
    std::istringstream numbers(line);
    std::vector<double>& samples = launches.emplace_back();
    for (double ticks = 0; numbers >> ticks;) samples.push_back(ticks / 64);
  }
  if (launches.size() != 60) throw std::runtime_error("cannot read " + file);
  return launches;
}

const Launches& launches_of(Recording recording) {
  static const Launches ordinary = read("recorded_ordinary.txt");
  static const Launches busy = read("recorded_busy.txt");
  return recording == Recording::kOrdinary ? ordinary : busy;
}

// A neighbour comes and goes, for some launches at a time.
bool awake(bool was, double share, Random& random) {
  constexpr double kGoes = 0.25;
  return was ? random.unit() >= kGoes : random.unit() < kGoes * share / (1 - share);
}

}  // namespace

Session simulate(const Machine& machine, double change, std::size_t launches, std::size_t samples,
                 std::uint64_t seed, const std::string& id) {
  Random random(seed, "session of " + id);
  Session session = empty_session(id);
  const auto turns = plan(launches);
  bool neighbour = false;
  for (std::size_t i = 0; i < 2 * turns.size(); ++i) {
    const bool second = turns[i % turns.size()] == Turn::kB;
    const bool against_itself = i < turns.size();
    const double time = static_cast<double>(i) / static_cast<double>(2 * turns.size());
    double cost =
        kCost * (1 + machine.drift * time) * std::exp(machine.launch_shift * normal(random));
    neighbour = awake(neighbour, machine.burst, random);
    if (neighbour) cost *= 1 + machine.burst_cost * (0.5 + random.unit());
    if (second && !against_itself) cost *= change;
    reports::Path& path = against_itself ? (second ? session.aa.second : session.aa.first)[0]
                                         : (second ? session.b : session.a).paths[0];
    path.launches.push_back(launch(machine, cost, samples, random));
  }
  return session;
}

Session resession(Recording recording, double change, std::uint64_t seed) {
  Random random(seed, "recording");
  Session session = empty_session("kvm.path.recorded");
  const Launches& all = launches_of(recording);
  constexpr std::size_t kBlock = 4;
  std::vector<bool> for_aa(all.size() / kBlock, false);
  for (std::size_t left = for_aa.size() / 2; left > 0;) {
    const std::size_t block = random.below(for_aa.size());
    if (!for_aa[block]) --left;
    for_aa[block] = true;
  }
  for (std::size_t block = 0; block < for_aa.size(); ++block) {
    const bool mirrored = random.unit() < 0.5;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const bool second = (i == 1 || i == 2) != mirrored;
      reports::Path& path = for_aa[block] ? (second ? session.aa.second : session.aa.first)[0]
                                          : (second ? session.b : session.a).paths[0];
      auto& samples = path.launches.emplace_back(all[block * kBlock + i]);
      if (second && !for_aa[block]) {
        for (double& sample : samples) sample *= change;
      }
    }
  }
  return session;
}

}  // namespace hypervet::measure::testing
