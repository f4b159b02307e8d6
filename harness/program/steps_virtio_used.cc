// SPDX-License-Identifier: Apache-2.0
// The verbs that notify a virtio device, wait for it and look at what it wrote: virtio 1.4, 2.7.8,
// 2.8.7, 2.9; and those about notifications, 2.7.7, 2.7.10, 2.8.10.
#include <fmt/format.h>

#include <algorithm>

#include "harness/program/compile.h"
#include "harness/program/compiler.h"
#include "harness/program/failure.h"

namespace hypervet::program {
namespace {

using protocol::Op;
using protocol::OpCode;
using protocol::Operand;
using protocol::VirtioRegister;
using spec::Node;

spec::Structure words(std::initializer_list<const char*> names) {
  spec::Structure made;
  for (const char* name : names) {
    made.fields.push_back({name, made.size, 2, false});
    made.size += 2;
  }
  return made;
}
const spec::Structure kFlagsIndex = words({"flags", "index"});  // begin of a used ring, 2.7.8
const spec::Structure kEvent = words({"event"});
const spec::Structure kEventArea = words({"event", "flags"});  // packed: desc, flags; 2.8.14

bool says_no(const Node& node) { return node.is("no") || node.is("false") || node.is("0"); }

}  // namespace

// 4.1.5.2, 4.2.2, 2.9: the queue's number, or what the device gave for it; with NOTIFICATION_DATA
// the place of the next available descriptor above it.
void Compiler::notify(Site& site) {
  virtio::Driver& at = driver(site);
  find_first(site);
  const unsigned number = queue_number(site);
  const bool data = at.accepted(virtio::kNotificationData);
  Operand value{number};
  if (const Node* own = site.arguments.find("value")) {
    value = operand(*own);
  } else {
    if (at.pci && at.accepted(virtio::kNotifConfigData)) {
      const std::size_t from = read_register(site, VirtioRegister::kQueueNotifyData, number);
      const std::uint32_t slot = builder_.slot_of(*result_.plans[from].op);
      if (slot == protocol::kNoSlot)
        fail(site.step.mark, "a program keeps at most {} observed values", protocol::kMaxSlots);
      value = {0, slot};
    }
    const auto queue = at.queues.find(number);
    if (data && queue != at.queues.end())
      value.value += std::uint64_t{queue->second->notification_data()} << 16;
  }
  Op op = make_op(OpCode::kVirtioNotify, {{number}, value});
  op.width = at.pci && !data ? 2 : 4;
  finish_plan(emit(site, op), site);
}

// The elements that hold completions; only the last of them where all are too many for one read.
std::size_t Compiler::read_elements(Site& site, const virtio::Wait& wait) {
  std::uint64_t from = wait.from, size = wait.size;
  UsedElements elements = wait.elements;
  if (size > protocol::kMaxReadBytes) {
    from += elements.offsets.back();
    size = elements.packed ? 16 : 8;
    elements.offsets = {0};
    elements.wanted.reset();
  }
  const std::size_t plan = emit(site, make_op(OpCode::kRead, {{from}, {size}}));
  std::vector<Shown> shown = {{"id", "id"}, {"length", "length"}};
  if (elements.packed) shown.push_back({"flags", "flags"});
  show(plan, std::move(shown));
  implied(plan).used = std::move(elements);
  return plan;
}

void Compiler::await_used(Site& site, const Node& used) {
  virtio::Driver& at = driver(site);
  only_once(site.step, site.scope);
  const auto chain = at.chains.find(word_of(used));
  virtio::Queue* on = nullptr;
  if (chain != at.chains.end() && site.arguments.find("queue") == nullptr) {
    const auto found = at.queues.find(chain->second.queue);
    on = found == at.queues.end() ? nullptr : found->second.get();
  }
  if (on == nullptr) on = &queue(site);
  const auto wait =
      chain != at.chains.end() ? on->wait_for(chain->first) : on->wait_for(number(used));
  if (!wait) fail(site.step.mark, "{}", wait.error());

  const Node* reached = site.step.expect ? site.step.expect->find("reached") : nullptr;
  const bool never = reached != nullptr && says_no(*reached);
  Op op = make_op(
      OpCode::kAwaitMemory,
      {{wait->address}, {wait->mask}, {wait->value}, operand_or(site, "within", kDefaultWithin)});
  op.width = 2;
  op.variant = static_cast<std::uint16_t>(wait->relation);
  const std::size_t waits = emit(site, op);
  show(waits, {{"reached", "reached"}, {"waited", "waited"}});
  implied(waits).awaited = chain != at.chains.end()
                               ? fmt::format("the device to use `{}`", chain->first)
                               : fmt::format("the device to use {} in all", number(used));
  if (wait->most)
    demand(waits, {.field = "value",
                   .kind = Demand::Kind::kAtMost,
                   .value = *wait->most,
                   .expected = fmt::format("used.idx at most {}, as many as were made available",
                                           *wait->most)});
  std::vector<std::size_t> plans = {waits};
  if (never) {
    on->passed_over(*wait);
  } else {
    plans.push_back(read_elements(site, *wait));
    implied(plans.back()).only_if = Precondition{waits, "reached"};
    on->used(*wait);
  }
  finish_plans(plans, site);
  check_canaries(site);
}

void Compiler::await_interrupt(Site& site, const Node& source) {
  only_once(site.step, site.scope);
  const unsigned vector = interrupt_vector(source);
  const Operand count = operand_or(site, "count", 1);
  const std::size_t plan =
      emit(site, make_op(OpCode::kAwaitInterrupts,
                         {{vector}, count, {0}, operand_or(site, "within", kDefaultWithin)}));
  implied(plan).awaited =
      fmt::format("interrupt {} of {}",
                  count.slot == protocol::kNoSlot ? spec::format_number(count.value)
                                                  : std::string("as counted"),
                  word_of(source));
  finish_plan(plan, site);
}

void Compiler::used(Site& site) {
  virtio::Queue& of = queue(site);
  const auto wait = of.element(number(site.arguments.need("at"), 0, 0xffff, "a completion"));
  if (!wait) fail(site.step.mark, "{}", wait.error());
  std::vector<std::size_t> plans = {read_elements(site, *wait)};
  // What is there is looked at, whatever it should be.
  implied(plans.front()).used->available.clear();
  if (!driver(site).packed) {
    plans.push_back(emit(site, make_op(OpCode::kRead, {{of.places().device}, {kFlagsIndex.size}})));
    result_.plans[plans.back()].structure = &kFlagsIndex;
    show(plans.back(), {{"index", "index"}});
  }
  finish_plans(plans, site);
}

void Compiler::suppress(Site& site) {
  observes_nothing(site);
  virtio::Queue& of = queue(site);
  const bool packed = driver(site).packed;
  const Node* flags = site.arguments.find("flags");
  const Node* event = site.arguments.find("event");
  const Node* wrap = site.arguments.find("wrap");
  if (flags == nullptr && event == nullptr)
    fail(site.step.mark, "`suppress` needs `flags` or `event`");
  if (wrap != nullptr && (!packed || event == nullptr))
    fail(wrap->mark, "`wrap` is of the event of a packed ring");
  const auto word = [this](const Node& node) {
    return static_cast<std::uint16_t>(number(node, 0, 0xffff, "a word of 16 bits"));
  };
  virtio::Stores stores;
  // The place of the event first: it counts once the flags say so.
  if (event != nullptr) {
    const auto high =
        static_cast<std::uint16_t>(wrap == nullptr ? 0 : number(*wrap, 0, 1, "`wrap`") << 15);
    stores.publish(of.places().driver + (packed ? 0 : virtio::used_event_offset(of.size())),
                   static_cast<std::uint16_t>(word(*event) | high));
  }
  if (flags != nullptr) stores.publish(of.places().driver + (packed ? 2 : 0), word(*flags));
  make(site, stores.take());
}

void Compiler::wanted(Site& site) {
  virtio::Queue& of = queue(site);
  const std::uint64_t device = of.places().device;
  const auto read = [&](std::uint64_t from, const spec::Structure& structure,
                        std::vector<Shown> shown) {
    const std::size_t plan = emit(site, make_op(OpCode::kRead, {{from}, {structure.size}}));
    result_.plans[plan].structure = &structure;
    show(plan, std::move(shown));
    return plan;
  };
  if (driver(site).packed) {
    finish_plan(read(device, kEventArea, {{"flags", "flags"}, {"event", "event"}}), site);
    return;
  }
  const std::size_t flags = read(device, kFlagsIndex, {{"flags", "flags"}});
  const std::size_t event =
      read(device + virtio::avail_event_offset(of.size()), kEvent, {{"event", "event"}});
  finish_plans({flags, event}, site);
}

void Compiler::no_outside_write(Site& site) {
  observes_nothing(site);
  check_canaries(site);
}

// Those of a small area in one read, those around large buffers one by one.
void Compiler::check_canaries(Site& site) {
  for (const auto& [name, chain] : driver(site).chains) {
    const std::vector<Canary>& all = chain.canaries;
    if (all.empty()) continue;
    const std::size_t end = all.back().offset + all.back().size;
    if (end - all.front().offset <= protocol::kMaxReadBytes) {
      read_canaries(site, chain.area + all.front().offset, end - all.front().offset, all);
    } else {
      for (const Canary& each : all) read_canaries(site, each.address, each.size, {each});
    }
  }
}

void Compiler::read_canaries(Site& site, std::uint64_t from, std::uint64_t size,
                             std::vector<Canary> canaries) {
  for (Canary& each : canaries) each.offset = each.address - from;
  implied(help(site, make_op(OpCode::kRead, {{from}, {size}}))).canaries = std::move(canaries);
}

}  // namespace hypervet::program
