// SPDX-License-Identifier: Apache-2.0
// The traditional memory balloon (virtio 1.4, 5.5): which pages the driver has given away, hinted
// and reported free, and its statistics. No page is really taken from the guest: the device keeps
// books, and touches no page that it was given.
//
// Bounds: of one request at most kMaxPages page numbers count, of one statistics buffer kMaxEntries
// entries; the sets are of constant size.
#pragma once

#include <array>
#include <optional>

#include "backends/devices/device.h"
#include "backends/devices/page_set.h"
#include "backends/devices/queue.h"

namespace hypervet::devices {

class Balloon final : public Device {
 public:
  static constexpr unsigned kMustTellHost = 0, kStatsVq = 1, kDeflateOnOom = 2, kFreePageHint = 3,
                            kPagePoison = 4, kPageReporting = 5;  // features, 5.5.3
  static constexpr std::size_t kMaxPages = PageSet::kPages;
  static constexpr std::size_t kMaxEntries = 256;

  Balloon() { power_on(); }

  std::uint32_t id() const override { return 5; }
  std::uint64_t own_features() const override {
    return bit(kMustTellHost) | bit(kStatsVq) | bit(kDeflateOnOom) | bit(kFreePageHint) |
           bit(kPagePoison) | bit(kPageReporting);
  }
  unsigned queue_count() const override { return 5; }
  std::uint16_t queue_size_max(unsigned) const override { return 128; }
  std::span<const std::uint8_t> config() const override { return config_; }
  void write_config(std::uint64_t offset, std::span<const std::uint8_t> bytes) override;
  bool accepts(std::uint64_t) const override { return true; }

  void started() override;
  void notified(unsigned queue) override;
  void queue_reset(unsigned queue) override;
  void reset() override;
  void power_on() override;

  bool has_verb(std::string_view name) const override;
  Answer act(std::string_view name, std::span<const std::uint64_t> arguments) override;

 private:
  static constexpr std::size_t kTags = 10;  // statistics that 5.5.6.4 knows

  bool exists(unsigned queue) const;
  void take_pages(unsigned queue);
  bool count_pages(Queue& queue, const Chain& chain, bool inflate);
  void take_statistics();
  void read_statistics(std::span<const std::uint8_t> entries);
  void take_hints();
  bool obey_hint(Queue& queue, const Chain& chain);
  void take_reports();
  void add(const Chain& chain, PageSet& set);
  void release_hinted();
  void scribble(std::uint64_t address);

  Answer target(std::uint64_t pages);
  Answer request_statistics();
  Answer hint(std::uint64_t command);
  Answer count(std::uint64_t set) const;
  void set_command(std::uint32_t id);

  std::array<std::uint8_t, 16> config_{};  // num_pages, actual, free_page_hint_cmd_id, poison_val
  PageSet inflated_;
  PageSet hinted_;
  PageSet reported_;
  std::optional<Chain> statistics_;  // retained until statistics are asked for, 5.5.6.3
  std::array<std::optional<std::uint64_t>, kTags> values_{};
  std::uint32_t last_command_ = 1;    // the last command ID given out; 0 and 1 are reserved
  std::uint32_t driver_command_ = 0;  // that the driver's hints come with
};

}  // namespace hypervet::devices
