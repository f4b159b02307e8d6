// SPDX-License-Identifier: Apache-2.0
// The verbs that initialise a virtio device or one of its queues: virtio 1.4, 3.1.1, 2.6.1.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/program/compile.h"
#include "harness/program/compiler.h"
#include "harness/program/failure.h"
#include "harness/program/virtio/good_request.h"

namespace hypervet::program {
namespace {

using protocol::OpCode;
using protocol::VirtioInterrupts;
using protocol::VirtioRegister;
using spec::Node;

constexpr unsigned kQueueSize = 16;  // unless a case says otherwise
constexpr unsigned kRoomSize = 256;  // entries that a queue's room has at least
constexpr unsigned kMaxQueueSize = 32768;
constexpr std::uint64_t kAreaAlign = 64;  // more than any area needs (2.7, 2.8.10)

enum class Until { kAcknowledge, kDriver, kFeaturesOk, kQueues, kDriverOk };

}  // namespace

// The status that was written reads back.
void Compiler::end_bring_up(Site& site, std::uint64_t status) {
  const std::size_t plan = read_register(site, VirtioRegister::kStatus, 0);
  show(plan, {{"status", "value"}});
  if (!expects(site, "status"))
    demand(plan, {.field = "value",
                  .mask = status | virtio::kNeedsReset,
                  .value = status,
                  .expected = fmt::format("the device status has {:#x} set as it was written and "
                                          "DEVICE_NEEDS_RESET clear",
                                          status)});
  finish_plan(plan, site);
}

void Compiler::bring_up(Site& site) {
  virtio::Driver& at = driver(site);
  const auto until = site.arguments.choose<Until>("until", Until::kDriverOk,
                                                  {{"acknowledge", Until::kAcknowledge},
                                                   {"driver", Until::kDriver},
                                                   {"features-ok", Until::kFeaturesOk},
                                                   {"queues", Until::kQueues},
                                                   {"driver-ok", Until::kDriverOk}});
  const auto interrupts =
      site.arguments.choose<VirtioInterrupts>("interrupts", VirtioInterrupts::kNone,
                                              {{"none", VirtioInterrupts::kNone},
                                               {"line", VirtioInterrupts::kLine},
                                               {"msix", VirtioInterrupts::kMsix},
                                               {"native", VirtioInterrupts::kNative}});
  if (interrupts == VirtioInterrupts::kMsix && !at.pci)
    fail(site.step.mark, "MMIO has no MSI-X: say `interrupts: line` or `native`");
  std::uint64_t features = std::uint64_t{1} << virtio::kVersion1;
  if (at.packed) features |= std::uint64_t{1} << virtio::kRingPacked;
  if (const Node* bits = site.arguments.find("features")) {
    if (!bits->is_list()) fail(bits->mark, "`features` is a list of bits");
    for (const Node& each : bits->items)
      features |= std::uint64_t{1} << number(each, 0, 63, "a feature bit");
  }
  const std::map<unsigned, unsigned> queues = wanted_queues(site);

  find_first(site);
  at.queues.clear();
  write_register(site, VirtioRegister::kStatus, 0, {0});
  show(await_register(site, VirtioRegister::kStatus, 0, 0,
                      "the device status reads 0 after 0 was written to it"),
       {});
  std::uint64_t status = virtio::kAcknowledge;
  write_register(site, VirtioRegister::kStatus, 0, {status});
  if (until == Until::kAcknowledge) return end_bring_up(site, status);
  status |= virtio::kDriver;
  write_register(site, VirtioRegister::kStatus, 0, {status});
  if (until == Until::kDriver) return end_bring_up(site, status);
  write_register(site, VirtioRegister::kDriverFeatures, 0, {features});
  at.features = features;
  status |= virtio::kFeaturesOk;
  write_register(site, VirtioRegister::kStatus, 0, {status});
  if (until == Until::kFeaturesOk) return end_bring_up(site, status);
  if (!expects(site, "status"))
    demand(read_register(site, VirtioRegister::kStatus, 0),
           {.field = "value",
            .mask = virtio::kFeaturesOk,
            .value = virtio::kFeaturesOk,
            .expected = "FEATURES_OK still set after it was written"});
  set_up_interrupts(site, interrupts, queues.empty() ? 0 : queues.rbegin()->first + 1);
  for (const auto& [number, size] : queues) set_up_queue(site, number, size, true);
  if (until == Until::kQueues) return end_bring_up(site, status);
  status |= virtio::kDriverOk;
  write_register(site, VirtioRegister::kStatus, 0, {status});
  end_bring_up(site, status);
}

// Number and size of each queue: those that are said, else those that a good request needs.
std::map<unsigned, unsigned> Compiler::wanted_queues(Site& site) {
  const Node* said = site.arguments.find("queues");
  const Node* node =
      said != nullptr ? said : virtio::good_request(driver(site).device_word()).queues;
  std::map<unsigned, unsigned> queues;
  if (node == nullptr) return queues;
  if (!node->is_map() && !node->is_null())
    fail(node->mark, "`queues` is a map such as {{0: {{size: 16}}}}");
  for (std::size_t i = 0; i < node->entries.size(); ++i) {
    const auto& [key, value] = node->entries[i];
    const std::uint64_t queue =
        key_number(key, node->key_marks[i], "a queue", protocol::kVirtioMaxQueues - 1);
    Arguments arguments(value, node->key_marks[i], "queues");
    const Node* size = arguments.find("size");
    arguments.finish();
    queues[static_cast<unsigned>(queue)] =
        size == nullptr ? kQueueSize
                        : static_cast<unsigned>(number(*size, 1, kMaxQueueSize, "a queue's size"));
  }
  return queues;
}

std::uint64_t Compiler::key_number(const std::string& key, const spec::Mark& mark,
                                   std::string_view what, std::uint64_t most) {
  const auto expression = take(spec::Expression::parse(key, mark));
  for (const spec::Use& use : expression.uses())
    if (!use.is_function && !known_.lookup(use.name))
      fail(use.mark, "unknown name {}", spec::quote(use.name));
  const spec::Number value = take(expression.evaluate(known_));
  if (value.is_list || value.value > most) fail(mark, "{} is 0 to {}, not {}", what, most, key);
  return value.value;
}

// 4.1.5.1.2: a vector that the device cannot give reads back as NO_VECTOR, as each does where the
// interrupts come by the line.
void Compiler::set_vector(Site& site, VirtioRegister reg, unsigned queue, unsigned entry) {
  const virtio::Driver& at = driver(site);
  if (!at.pci || at.interrupts == VirtioInterrupts::kNone ||
      at.interrupts == VirtioInterrupts::kLine)
    return;
  write_register(site, reg, queue, {entry});
  const std::size_t plan = read_register(site, reg, queue);
  demand(plan, {.field = "value",
                .value = entry,
                .expected = fmt::format("the vector {} reads back after it was written", entry)});
  implied(plan).only_if = Precondition{at.interrupts_plan, "msix"};
}

void Compiler::set_up_interrupts(Site& site, VirtioInterrupts mode, unsigned queues) {
  virtio::Driver& at = driver(site);
  at.interrupts = mode;
  if (mode == VirtioInterrupts::kNone) return;
  at.interrupts_plan = help(
      site, make_op(OpCode::kVirtioInterrupts, {{static_cast<std::uint64_t>(mode)}, {queues}}));
  demand(at.interrupts_plan, {.field = "done",
                              .value = 1,
                              .expected = mode == VirtioInterrupts::kMsix
                                              ? "the device has no MSI-X table that large"
                                              : "the line of the device's interrupt is not known",
                              .or_skip = true});
  set_vector(site, VirtioRegister::kConfigVector, 0, 0);
}

// Where the queue's areas are; the same through every set-up, and zero before each.
virtio::Places Compiler::room_for(Site& site, unsigned number, unsigned size) {
  virtio::Driver& at = driver(site);
  const auto [found, fresh] = at.rooms.try_emplace(number);
  virtio::Room& room = found->second;
  if (fresh) {
    room.most = std::max(size, kRoomSize);
    const virtio::AreaSizes most = virtio::area_sizes(at.packed, room.most);
    for (const auto& [place, bytes] : {std::pair(&virtio::Places::desc, most.desc),
                                       std::pair(&virtio::Places::driver, most.driver),
                                       std::pair(&virtio::Places::device, most.device)})
      room.places.*place = allocate(bytes, kAreaAlign, site.step.mark);
  } else if (size > room.most) {
    fail(site.step.mark, "queue {} had {} entries before: set it up at its largest first", number,
         room.most);
  } else {
    const virtio::AreaSizes sizes = virtio::area_sizes(at.packed, size);
    for (const auto& [place, bytes] :
         {std::pair(room.places.desc, sizes.desc), std::pair(room.places.driver, sizes.driver),
          std::pair(room.places.device, sizes.device)})
      help(site, make_op(OpCode::kFill, {{place}, {bytes}, {0}}));
  }
  return room.places;
}

void Compiler::set_up_queue(Site& site, unsigned number, unsigned size, bool enable) {
  virtio::Driver& at = driver(site);
  const virtio::Places places = room_for(site, number, size);
  auto queue = virtio::make_queue(at.packed, places, size);
  if (at.accepted(virtio::kInOrder)) queue->use_in_order();
  at.queues[number] = std::move(queue);

  demand(
      read_register(site, VirtioRegister::kQueueSizeMax, number),
      {.field = "value",
       .kind = Demand::Kind::kAtLeast,
       .value = size,
       .expected = fmt::format("queue {} of the device holds fewer than {} entries", number, size),
       .or_skip = true});
  write_register(site, VirtioRegister::kQueueSize, number, {size});
  write_register(site, VirtioRegister::kQueueDesc, number, {places.desc});
  write_register(site, VirtioRegister::kQueueDriver, number, {places.driver});
  write_register(site, VirtioRegister::kQueueDevice, number, {places.device});
  set_vector(site, VirtioRegister::kQueueVector, number, 1 + number);
  if (enable) write_register(site, VirtioRegister::kQueueEnable, number, {1});

  define_areas(fmt::format("queue.{}.", number), places, size, site.step.mark);
  const auto request = result_.symbols.find(spec::kRequestQueue);
  if (request != result_.symbols.end() && request->second.value == number)
    define_areas(fmt::format("queue.{}.", spec::kRequestQueue), places, size, site.step.mark);
}

void Compiler::define_areas(const std::string& prefix, const virtio::Places& places, unsigned size,
                            const spec::Mark& mark) {
  define_place(prefix + "desc", places.desc, mark);
  define_place(prefix + "driver", places.driver, mark);
  define_place(prefix + "device", places.device, mark);
  define_place(prefix + "size", size, mark);
}

void Compiler::queue_setup(Site& site) {
  const unsigned queue = queue_number(site);
  const Node* size = site.arguments.find("size");
  const bool enable = site.arguments.choose(
      "enable", true, {{"yes", true}, {"no", false}, {"true", true}, {"false", false}});
  observes_nothing(site);
  find_first(site);
  set_up_queue(site, queue,
               size == nullptr
                   ? kQueueSize
                   : static_cast<unsigned>(number(*size, 1, kMaxQueueSize, "a queue's size")),
               enable);
}

// 2.6.1, 4.1.4.3.1, 4.2.2.1: 1 until the device has stopped using the queue, which then is off.
void Compiler::queue_reset(Site& site) {
  find_first(site);
  const unsigned queue = queue_number(site);
  write_register(site, VirtioRegister::kQueueReset, queue, {1});
  const std::size_t wait =
      await_register(site, VirtioRegister::kQueueReset, queue, 0,
                     fmt::format("queue_reset of queue {} reads 0 after 1 was written", queue));
  constexpr std::uint64_t kAll = ~std::uint64_t{0}, kAtOnce = 0;
  const std::size_t off = help(
      site,
      make_op(OpCode::kVirtioAwait, {{static_cast<std::uint64_t>(VirtioRegister::kQueueEnable)},
                                     {queue},
                                     {kAll},
                                     {0},
                                     {kAtOnce}}));
  implied(off).awaited = fmt::format("queue {} is no longer enabled once it was reset", queue);
  finish_plan(wait, site);
}

}  // namespace hypervet::program
