// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/paths.h"

#include <fmt/format.h>

#include <string>
#include <unordered_map>
#include <utility>

#include "harness/measure/bootstrap.h"
#include "harness/measure/noise.h"
#include "harness/measure/random.h"

namespace hypervet::measure {

using reports::Path;

namespace {

void give_up(Path& path, std::string reason) {
  path.reason = std::move(reason);
  path.launches.clear();
}

void add_to(Path& path, Path added, std::size_t launch) {
  if (!path.reason.empty()) return;
  if (!added.reason.empty()) {
    give_up(path, fmt::format("in launch {}: {}", launch, added.reason));
    return;
  }
  for (std::vector<double>& samples : added.launches) path.launches.push_back(std::move(samples));
}

void fill_figures(Path& path) {
  const Figures f = figures(path.launches);
  path.samples = f.samples;
  path.min = f.min;
  path.median = f.median;
  path.p99 = f.p99;
  path.spread = f.spread;
}

}  // namespace

void add_launch(std::vector<Path>& paths, std::vector<Path> added, std::size_t launch) {
  std::unordered_map<std::string, Path*> known;
  for (Path& path : paths) known.emplace(path.id, &path);
  std::vector<Path> fresh;
  for (Path& path : added) {
    const auto found = known.find(path.id);
    if (found == known.end()) {
      fresh.push_back(std::move(path));
    } else {
      add_to(*found->second, std::move(path), launch);
      known.erase(found);
    }
  }
  for (const auto& [id, path] : known) {
    if (path->reason.empty()) give_up(*path, fmt::format("in launch {}: not timed", launch));
  }
  for (Path& path : fresh) {
    if (launch > 1 && path.reason.empty()) give_up(path, "in launch 1: not timed");
    paths.push_back(std::move(path));
  }
}

void complete(std::vector<Path>& paths, std::uint64_t draws, std::uint64_t seed) {
  Resamplers tables;
  std::unordered_map<std::string, const Path*> by_id;
  for (Path& path : paths) {
    fill_figures(path);
    if (path.samples == 0 && path.reason.empty()) path.reason = "no samples were taken";
    path.noise_floor = 0;
    path.dividend.reset();
    if (!path.measured()) continue;
    Random random(seed, path.id);
    path.noise_floor = own_noise_floor(path.launches, draws, random, tables);
    by_id.emplace(path.id, &path);
  }
  for (Path& path : paths) {
    const auto contrast = by_id.find(path.contrast);
    if (!path.measured() || contrast == by_id.end()) continue;
    if (contrast->second->unit != path.unit) continue;
    path.dividend = dividend(path.launches, contrast->second->launches, draws, seed);
  }
}

std::optional<reports::Dividend> dividend(const Launches& path, const Launches& contrast,
                                          std::uint64_t draws, std::uint64_t seed) {
  Resamplers tables;
  Resampled cheap(launches_or_blocks(path), tables);
  Resampled dear(launches_or_blocks(contrast), tables);
  // Blocks of one launch were not taken at the same time, and a launch without samples has no twin.
  const bool paired = path.size() >= kFewestLaunches && cheap.launches() == path.size() &&
                      dear.launches() == path.size();
  Random random(seed, "dividend");
  auto drawn =
      draw_ratios(cheap, dear, draws, random, paired ? Pairing::kNeighbours : Pairing::kNone);
  if (!drawn) return std::nullopt;
  // Of blocks: the figures are those of the launches, and the dividend is one of them.
  if (!paired) drawn->value = figures(contrast).median / figures(path).median;
  const auto ratio = interval(*drawn, kDividendConfidence);
  return reports::Dividend{ratio.value, ratio.low, ratio.high};
}

}  // namespace hypervet::measure
