// SPDX-License-Identifier: Apache-2.0
// Devices of a target: asked once each, skipped with the reason, left out of "all" where the
// target cannot have them.
#include "harness/run/device_offers.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "harness/run/select.h"
#include "harness/run/trial.h"
#include "harness/spec/load.h"
#include "tests/harness/program/frames.h"

namespace hypervet::run {
namespace {

using testing::HasSubstr;

constexpr const char* kSpec = R"(
interface: a.one
title: One
source: {document: d, version: v}
features:
  a.event-idx: {virtio: 29}
  a.more: {virtio: 5, requires: [a.event-idx]}
clauses:
  - {id: a.one.all, level: must, section: s, text: t, on: {devices: all, rings: any},
     cases: [{steps: [{reset: {}}]}], violations: [{v: {at: rdtsc, add: 1}}]}
  - {id: a.one.named, level: must, section: s, text: t, on: {devices: [blk, gpu], transports: [pci]}, requires: [a.more],
     cases: [{steps: [{reset: {}}]}], violations: [{v: {at: rdtsc, add: 1}}]}
)";

// Has blk alone, whose features are as told.
class OneDevice final : public backends::Backend {
 public:
  explicit OneDevice(std::uint64_t features) : features_(features) {}
  std::string_view name() const override { return "one"; }
  backends::Availability availability() const override { return {true, "", ""}; }
  backends::Target target() const override { return {"one", "one's", true}; }
  unsigned max_cpus() const override { return 1; }
  std::optional<std::string> refuses(const backends::Configuration& configuration) const override {
    const auto device = configuration.settings.find("device");
    if (device == configuration.settings.end() || device->second == "blk") return std::nullopt;
    return "has no virtio " + device->second;
  }
  bool has(protocol::HostVerb) const override { return false; }
  backends::Outcome run(const backends::Job&) const override {
    ++runs;
    test::Frames frames;
    frames.hello().values(0, {1, 2, 0, 0, 0, 0, 0, 0}).values(1, {features_, 1}).finished();
    backends::Outcome outcome;
    outcome.stop = backends::Stop::kFinished;
    outcome.observations = frames.out();
    return outcome;
  }
  mutable std::atomic<unsigned> runs = 0;

 private:
  std::uint64_t features_;
};

std::string reason(const spec::Specs& specs, const OneDevice& backend, std::string_view id) {
  Session session;
  session.specs = &specs;
  session.backend = &backend;
  const auto instances = select(specs, {.globs = {std::string(id)}});
  EXPECT_TRUE(instances) << instances.error();
  const Instance& instance = instances->front();
  const auto trial = attempt(session, instance);
  return trial.judgement.reason;
}

TEST(DeviceOffers, ASkipSaysWhatTheDeviceDoesNotOffer) {
  const auto specs = *spec::load_text(kSpec, "a.yaml");
  const std::uint64_t packed = 1ULL << 34, event = 1ULL << 29;
  const auto of = [&](std::uint64_t features, std::string_view id) {
    return reason(specs, OneDevice(features), id);
  };
  EXPECT_EQ(of(0, "a.one.named[device=blk,transport=pci,ring=packed]"),
            "the target's blk (pci) does not offer RING_PACKED (bit 34)");
  EXPECT_EQ(of(packed, "a.one.named[device=blk,transport=pci,ring=packed]"),
            "the target's blk (pci) does not offer a.event-idx (bit 29), which a.more requires");
  EXPECT_EQ(of(event, "a.one.named[device=blk,transport=pci,ring=split]"),
            "the target's blk (pci) does not offer a.more (bit 5)");
  EXPECT_EQ(of(0, "a.one.named[device=gpu,transport=pci,ring=split]"), "has no virtio gpu");
}

TEST(DeviceOffers, EachDeviceIsAskedOnce) {
  const OneDevice backend(7);
  DeviceOffers offers;
  backends::Configuration configuration;
  configuration.settings = {{"device", "blk"}, {"transport", "pci"}, {"channel", "serial"}};
  std::vector<std::jthread> threads;
  std::atomic<unsigned> right = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      if (offers.features(backend, configuration, 1, {}) == 7) ++right;
    });
  threads.clear();
  EXPECT_EQ(right, 8U);
  EXPECT_EQ(backend.runs, 1U);
  configuration.settings["transport"] = "mmio";
  EXPECT_EQ(offers.features(backend, configuration, 1, {}), 7U);
  EXPECT_EQ(backend.runs, 2U);
}

TEST(DeviceOffers, AllLeavesOutWhatCannotBeHad) {
  const auto specs = *spec::load_text(kSpec, "a.yaml");
  const auto all = select(specs, {});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 28U + 4U);  // 14 devices on 2 transports; 2 named on 2 rings
  const OneDevice backend(0);
  std::vector<std::string> ids;
  for (const Instance& each : without_absent_devices(*all, devices_of(backend)))
    ids.push_back(each.id);
  EXPECT_THAT(ids, testing::ElementsAre("a.one.all[device=blk,transport=mmio]",
                                        "a.one.all[device=blk,transport=pci]",
                                        HasSubstr("device=blk"), HasSubstr("device=blk"),
                                        HasSubstr("device=gpu"), HasSubstr("device=gpu")));
}

}  // namespace
}  // namespace hypervet::run
