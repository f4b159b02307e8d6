// SPDX-License-Identifier: Apache-2.0
// What the virtio verbs share: the device and queue at hand, ops that only help, what must hold of
// their answers, stores.
#include <fmt/format.h>

#include <algorithm>

#include "harness/program/compile.h"
#include "harness/program/compiler.h"
#include "harness/program/failure.h"

namespace hypervet::program {

using protocol::Op;
using protocol::OpCode;
using protocol::VirtioRegister;
using spec::Node;

namespace {

const protocol::VirtioRegisterEntry& entry_of(VirtioRegister reg) {
  return *std::ranges::find(protocol::kVirtioRegisters, reg, &protocol::VirtioRegisterEntry::reg);
}

std::string register_text(VirtioRegister reg, unsigned index) {
  const auto& entry = entry_of(reg);
  return entry.queue ? fmt::format("{} of queue {}", entry.name, index) : std::string(entry.name);
}

}  // namespace

virtio::Driver& Compiler::driver(const Site& site) {
  if (!driver_) fail(site.step.mark, "`{}` needs a device: the case has no `on:`", site.step.verb);
  return *driver_;
}

unsigned Compiler::queue_number(Site& site) {
  const Node* node = site.arguments.find("queue");
  return node == nullptr
             ? 0
             : static_cast<unsigned>(number(*node, 0, protocol::kVirtioMaxQueues - 1, "a queue"));
}

virtio::Queue& Compiler::queue(Site& site) {
  const unsigned number = queue_number(site);
  const auto found = driver(site).queues.find(number);
  if (found == driver(site).queues.end())
    fail(site.step.mark, "queue {} is not set up: by `bring-up` or `queue-setup`", number);
  return *found->second;
}

std::size_t Compiler::help(Site& site, const Op& op) {
  const std::size_t index = emit(site, op);
  show(index, {});
  return index;
}

Implied& Compiler::implied(std::size_t index) {
  auto& made = result_.plans[index].implied;
  if (!made) made.emplace();
  return *made;
}

void Compiler::demand(std::size_t index, Demand demand) {
  implied(index).demands.push_back(std::move(demand));
}

bool Compiler::expects(const Site& site, std::string_view field) const {
  return site.step.expect && site.step.expect->find(field) != nullptr;
}

void Compiler::show(std::size_t index, std::vector<Shown> shown) {
  result_.plans[index].shown = std::move(shown);
}

void Compiler::observes_nothing(const Site& site) const {
  if (site.step.expect) fail(site.step.expect->mark, "`{}` observes nothing", site.step.verb);
}

void Compiler::put(Site& site, std::uint64_t address, std::span<const std::byte> bytes) {
  if (builder_.data_size() + bytes.size() > protocol::kMaxProgramData)
    fail(site.step.mark, "a program carries at most {} bytes of data", protocol::kMaxProgramData);
  help(site, make_op(OpCode::kPut, {{address}, {builder_.add_data(bytes)}, {bytes.size()}}));
}

void Compiler::make(Site& site, const std::vector<virtio::Store>& stores) {
  for (const virtio::Store& each : stores) {
    if (!each.at_once) {
      put(site, each.address, each.bytes);
      continue;
    }
    const auto low = std::to_integer<std::uint64_t>(each.bytes[0]);
    const auto high = std::to_integer<std::uint64_t>(each.bytes[1]);
    Op op = make_op(OpCode::kStore, {{each.address}, {low | high << 8}});
    op.width = 2;
    help(site, op);
  }
}

void Compiler::write_register(Site& site, VirtioRegister reg, unsigned index,
                              protocol::Operand value) {
  const Op op = make_op(OpCode::kVirtioWrite, {{static_cast<std::uint64_t>(reg)}, {index}, value});
  demand(help(site, op), {.field = "there",
                          .value = 1,
                          .expected = fmt::format("the device has {}", register_text(reg, index))});
}

std::size_t Compiler::read_register(Site& site, VirtioRegister reg, unsigned index) {
  const Op op = make_op(OpCode::kVirtioRead, {{static_cast<std::uint64_t>(reg)}, {index}});
  const std::size_t plan = help(site, op);
  demand(plan, {.field = "there",
                .value = 1,
                .expected = fmt::format("the device has {}", register_text(reg, index))});
  return plan;
}

std::size_t Compiler::await_register(Site& site, VirtioRegister reg, unsigned index,
                                     std::uint64_t value, std::string awaited) {
  const protocol::Operand within = operand_or(site, "within", kDefaultWithin);
  const std::size_t plan = emit(
      site,
      make_op(OpCode::kVirtioAwait,
              {{static_cast<std::uint64_t>(reg)}, {index}, {~std::uint64_t{0}}, {value}, within}));
  implied(plan).awaited = std::move(awaited);
  return plan;
}

// Once in a program: the device does not go away.
void Compiler::find_first(Site& site) {
  virtio::Driver& at = driver(site);
  if (at.found) return;
  at.found = true;
  const std::size_t plan =
      help(site, make_op(OpCode::kVirtioFind, {{at.device}, {at.pci ? 1ULL : 0ULL}}));
  demand(plan, {.field = "found",
                .value = 1,
                .expected = fmt::format("a virtio device of type {} ({}) on {}", at.device,
                                        at.device_word(), at.pci ? "PCI" : "MMIO")});
}

void Compiler::define_place(const std::string& name, std::uint64_t value, const spec::Mark& mark) {
  const auto found = result_.symbols.find(name);
  if (found == result_.symbols.end()) {
    define(name, Symbol{Symbol::Kind::kAddress, value, {}}, mark);
    return;
  }
  if (found->second.value == value) return;
  if (used_names_.contains(name))
    fail(mark, "`{}` is {} where a step above uses it, and would be {} from here on", name,
         spec::format_number(found->second.value), spec::format_number(value));
  found->second.value = value;
}

// queue.N or config; in line mode the agent counts used buffers of any queue as every queue's.
unsigned Compiler::interrupt_vector(const Node& source) {
  constexpr std::string_view kQueuePrefix = "queue.";
  const std::string& word = word_of(source);
  if (word == "config") return protocol::kVirtioConfigVector;
  if (!word.starts_with(kQueuePrefix))
    fail(source.mark, "an interrupt is of config or of queue.N, not of `{}`", word);
  spec::Mark mark = source.text_mark();
  mark.column += static_cast<unsigned>(kQueuePrefix.size());
  const auto expression =
      take(spec::Expression::parse(std::string_view(word).substr(kQueuePrefix.size()), mark));
  const std::uint64_t queue = take(expression.evaluate(known_)).value;
  if (queue >= protocol::kVirtioQueueVectors)
    fail(source.mark, "interrupts are told apart for queues 0 to {}",
         protocol::kVirtioQueueVectors - 1);
  return protocol::kVirtioQueueVector + static_cast<unsigned>(queue);
}

}  // namespace hypervet::program
