// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/balloon.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "backends/devices/little_endian.h"

namespace hypervet::devices {
namespace {

constexpr unsigned kInflate = 0, kStatistics = 2, kHints = 3, kReports = 4;  // queue 1 deflates
constexpr std::size_t kTargetAt = 0, kActualAt = 4, kCommandAt = 8, kPoisonAt = 12;
constexpr std::uint32_t kStop = 0, kDone = 1;        // reserved command IDs, 5.5.6.5
constexpr std::uint64_t kScribbleDelay = 5'000'000;  // ns
constexpr std::size_t kEntry = 10;                   // bytes of one statistic

}  // namespace

void Balloon::power_on() {
  config_ = {};
  values_ = {};
  last_command_ = 1;
  reset();
}

void Balloon::reset() {
  store_le<std::uint32_t>(config_, kActualAt, 0);
  store_le<std::uint32_t>(config_, kCommandAt, kStop);
  store_le<std::uint32_t>(config_, kPoisonAt, 0);
  inflated_.clear();
  hinted_.clear();
  reported_.clear();
  statistics_.reset();
  driver_command_ = kStop;
}

// The driver writes actual and, once that is negotiated, poison_val (5.5.4).
void Balloon::write_config(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size() && offset < config_.size(); ++i, ++offset) {
    const bool actual = offset >= kActualAt && offset < kCommandAt;
    const bool poison = offset >= kPoisonAt && host().negotiated(kPagePoison);
    if (actual || poison) config_[offset] = bytes[i];
  }
}

// Queues of features that were not negotiated do not exist, 5.5.2.
bool Balloon::exists(unsigned queue) const {
  switch (queue) {
    case kStatistics:
      return host().negotiated(kStatsVq);
    case kHints:
      return host().negotiated(kFreePageHint);
    case kReports:
      return host().negotiated(kPageReporting);
    default:
      return queue < kStatistics;
  }
}

void Balloon::started() {
  for (unsigned queue = 0; queue < queue_count(); ++queue) notified(queue);
}

void Balloon::notified(unsigned queue) {
  if (!host().running() || !exists(queue)) return;
  if (queue == kStatistics)
    take_statistics();
  else if (queue == kHints)
    take_hints();
  else if (queue == kReports)
    take_reports();
  else
    take_pages(queue);
}

void Balloon::queue_reset(unsigned queue) {
  if (queue == kStatistics) statistics_.reset();
  if (queue == kHints) driver_command_ = kStop;
}

void Balloon::take_pages(unsigned index) {
  Queue* queue = host().queue(index);
  while (const auto chain = queue->take()) {
    if (!count_pages(*queue, *chain, index == kInflate)) return host().needs_reset();
    queue->give_back(*chain, 0);
  }
}

bool Balloon::count_pages(Queue& queue, const Chain& chain, bool inflate) {
  const std::size_t count = std::min<std::uint64_t>(chain.readable_size() / 4, kMaxPages);
  std::array<std::uint8_t, 4096> block;
  for (std::size_t at = 0; at < 4 * count;) {
    const std::size_t part = std::min(block.size(), 4 * count - at);
    if (queue.read(chain, at, std::span(block).first(part)) != part) return false;
    for (std::size_t i = 0; i < part; i += 4) {
      const auto page = load_le<std::uint32_t>(block, i);
      inflate ? inflated_.insert(page) : inflated_.erase(page);
    }
    at += part;
  }
  return true;
}

// The driver has one buffer here at a time. Should there be a second one, the first goes back.
void Balloon::take_statistics() {
  Queue* queue = host().queue(kStatistics);
  while (auto chain = queue->take()) {
    std::vector<std::uint8_t> entries(
        std::min<std::uint64_t>(chain->readable_size(), kEntry * kMaxEntries));
    if (queue->read(*chain, 0, entries) != entries.size()) return host().needs_reset();
    read_statistics(entries);
    if (statistics_) queue->give_back(*statistics_, 0);
    statistics_ = std::move(chain);
  }
}

// In any order; tags that the device does not know are skipped (5.5.6.3.2).
void Balloon::read_statistics(std::span<const std::uint8_t> entries) {
  for (; entries.size() >= kEntry; entries = entries.subspan(kEntry)) {
    const auto tag = load_le<std::uint16_t>(entries);
    if (tag < kTags)
      values_[tag] = load_le<std::uint64_t>(entries, 2);
    else if (host().switched("balloon-stops-at-unknown-tag"))
      return;
  }
}

void Balloon::take_hints() {
  Queue* queue = host().queue(kHints);
  while (const auto chain = queue->take()) {
    if (!obey_hint(*queue, *chain)) return host().needs_reset();
    queue->give_back(*chain, 0);
  }
}

// Readable: the command ID of what follows. Writable: pages, which count under the current ID only.
bool Balloon::obey_hint(Queue& queue, const Chain& chain) {
  std::array<std::uint8_t, 4> id;
  if (chain.readable_size() >= id.size()) {
    if (queue.read(chain, 0, id) != id.size()) return false;
    driver_command_ = load_le<std::uint32_t>(id);
  }
  const auto current = load_le<std::uint32_t>(config_, kCommandAt);
  if (current > kDone && driver_command_ == current)
    add(chain, hinted_);
  else if (driver_command_ > kDone && host().switched("balloon-hints-of-any-command"))
    add(chain, hinted_);
  return true;
}

void Balloon::add(const Chain& chain, PageSet& set) {
  std::uint64_t left = kMaxPages;
  for (const Segment& each : chain.writable) {
    const std::uint64_t pages = std::min<std::uint64_t>(each.length / PageSet::kPageSize, left);
    set.insert_range(each.address, each.length, pages);
    left -= pages;
  }
}

void Balloon::take_reports() {
  Queue* queue = host().queue(kReports);
  while (const auto chain = queue->take()) {
    add(*chain, reported_);
    if (!chain->writable.empty() && host().switched("balloon-changes-reported-page"))
      scribble(chain->writable.front().address);
    queue->give_back(*chain, 0);
  }
}

// For the switches alone: the host changes a page that it must leave as it is.
void Balloon::scribble(std::uint64_t address) {
  constexpr std::array<std::uint8_t, 8> kBytes = {0xde, 0xad, 0xde, 0xad, 0xde, 0xad, 0xde, 0xad};
  host().write_memory(address, kBytes);
}

bool Balloon::has_verb(std::string_view name) const { return name.starts_with("balloon-"); }

Device::Answer Balloon::act(std::string_view name, std::span<const std::uint64_t> arguments) {
  const std::uint64_t first = arguments.empty() ? 0 : arguments[0];
  if (name == "balloon-target") return target(first);
  if (name == "balloon-request-statistics") return request_statistics();
  if (name == "balloon-hint") return hint(first);
  if (name == "balloon-pages") return count(first);
  if (name == "balloon-statistic" && first < kTags)
    return {.done = true, .result = values_[first].value_or(~std::uint64_t{0})};
  return {};
}

Device::Answer Balloon::target(std::uint64_t pages) {
  if (pages > 0xffff'ffff) return {};
  store_le(std::span(config_), kTargetAt, static_cast<std::uint32_t>(pages));
  host().config_changed();
  return {.done = true};
}

Device::Answer Balloon::request_statistics() {
  if (!host().running() || !statistics_) return {.done = true, .result = 0};
  const Chain chain = *std::exchange(statistics_, std::nullopt);
  host().queue(kStatistics)->give_back(chain, 0);
  return {.done = true, .result = 1};
}

// A command ID is not used again while the driver may still hint under it (5.5.6.5.2): here never,
// for they only count up.
Device::Answer Balloon::hint(std::uint64_t command) {
  if (command > 2 || !host().negotiated(kFreePageHint)) return {};
  if (command == kStop || command == kDone) {
    set_command(static_cast<std::uint32_t>(command));
    if (command == kDone) release_hinted();
  } else {
    const bool again = last_command_ > kDone && host().switched("balloon-reuses-command");
    if (!again && ++last_command_ <= kDone) last_command_ = kDone + 1;  // it has wrapped
    set_command(last_command_);
  }
  return {.done = true, .result = load_le<std::uint32_t>(config_, kCommandAt)};
}

void Balloon::release_hinted() {
  // Late enough that the driver can see how the page was when it had it back.
  if (hinted_.size() != 0 && host().switched("balloon-changes-released-page"))
    host().after(kScribbleDelay,
                 [this, page = hinted_.first()] { scribble(page * PageSet::kPageSize); });
  hinted_.clear();
}

void Balloon::set_command(std::uint32_t id) {
  store_le(std::span(config_), kCommandAt, id);
  host().config_changed();
}

Device::Answer Balloon::count(std::uint64_t set) const {
  if (set > 2) return {};
  const PageSet& one = set == 0 ? inflated_ : set == 1 ? hinted_ : reported_;
  return {.done = true, .result = one.size()};
}

}  // namespace hypervet::devices
