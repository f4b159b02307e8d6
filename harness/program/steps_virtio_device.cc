// SPDX-License-Identifier: Apache-2.0
// The verbs that reach a virtio device through its transport: registers, regions, configuration.
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

Operand of(VirtioRegister reg) { return {static_cast<std::uint64_t>(reg)}; }

// The row of a table of registers or regions; it is one of this transport's.
template <typename Table>
const auto& entry(const Table& table, const Node& name, bool pci, std::string_view what) {
  const auto* found = std::ranges::find(table, word_of(name),
                                        [](const auto& each) { return std::string(each.name); });
  if (found == std::end(table)) fail(name.mark, "no {} is called `{}`", what, word_of(name));
  if (!(pci ? found->pci : found->mmio))
    fail(name.mark, "{} has no {} `{}`: say `transports: [{}]`", pci ? "PCI" : "MMIO", what,
         found->name, pci ? "mmio" : "pci");
  return *found;
}

}  // namespace

void Compiler::find(Site& site) {
  virtio::Driver& at = driver(site);
  at.found = true;
  finish_plan(emit(site, make_op(OpCode::kVirtioFind, {{at.device}, {at.pci ? 1ULL : 0ULL}})),
              site);
}

void Compiler::reset(Site& site) {
  find_first(site);
  write_register(site, VirtioRegister::kStatus, 0, {0});
  finish_plan(await_register(site, VirtioRegister::kStatus, 0, 0,
                             "the device status reads 0 after 0 was written to it"),
              site);
}

void Compiler::status(Site& site) {
  find_first(site);
  site.arguments.find("read");
  if (const Node* value = site.arguments.find("write")) {
    finish_plan(emit(site, make_op(OpCode::kVirtioWrite,
                                   {of(VirtioRegister::kStatus), {0}, operand(*value)})),
                site);
    return;
  }
  const Node* value = site.arguments.find("await");
  if (value == nullptr) {
    finish_plan(emit(site, make_op(OpCode::kVirtioRead, {of(VirtioRegister::kStatus), {0}})), site);
    return;
  }
  const std::size_t plan =
      emit(site, make_op(OpCode::kVirtioAwait, {of(VirtioRegister::kStatus),
                                                {0},
                                                operand_or(site, "mask", 0xff),
                                                operand(*value),
                                                operand_or(site, "within", kDefaultWithin)}));
  implied(plan).awaited = fmt::format("the device status is {}", word_of(*value));
  finish_plan(plan, site);
}

void Compiler::device_register(Site& site) {
  find_first(site);
  const Node* from = site.arguments.find("read");
  const Node& name = from != nullptr ? *from : site.arguments.need("write");
  const auto& found = entry(protocol::kVirtioRegisters, name, driver(site).pci, "register");
  const Node* of_queue = site.arguments.find("queue");
  if (of_queue != nullptr && !found.queue)
    fail(of_queue->mark, "`{}` is not one of each queue", found.name);
  const Operand queue{found.queue ? queue_number(site) : 0};
  finish_plan(emit(site, from != nullptr ? make_op(OpCode::kVirtioRead, {of(found.reg), queue})
                                         : make_op(OpCode::kVirtioWrite,
                                                   {of(found.reg), queue, operand(site, "value")})),
              site);
}

void Compiler::region(Site& site) {
  find_first(site);
  const Node* from = site.arguments.find("read");
  const Node& name = from != nullptr ? *from : site.arguments.need("write");
  const auto& found = entry(protocol::kVirtioRegions, name, driver(site).pci, "region");
  const Operand where{static_cast<std::uint64_t>(found.region)};
  const Operand offset = operand(site, "offset");
  Op op = from != nullptr ? make_op(OpCode::kRegionRead, {where, offset})
                          : make_op(OpCode::kRegionWrite, {where, offset, operand(site, "value")});
  op.width = width(site, 4, 8);
  finish_plan(emit(site, op), site);
}

// The structure that is meant: the one that is said, the interface's own, that of the device's
// interface.
const spec::Structure* Compiler::config_structure(Site& site) {
  if (const Node* name = site.arguments.find("struct")) {
    const auto found = interface_.structures.find(word_of(*name));
    if (found == interface_.structures.end())
      fail(name->mark, "no structure is called `{}`", word_of(*name));
    return &found->second;
  }
  const auto of_device =
      std::ranges::find(specs_.interfaces, fmt::format("virtio.{}", driver(site).device_word()),
                        &spec::Interface::id);
  for (const spec::Interface* each :
       {&interface_, of_device == specs_.interfaces.end() ? nullptr : &*of_device}) {
    if (each == nullptr) continue;
    const auto found = each->structures.find("config");
    if (found != each->structures.end()) return &found->second;
  }
  return nullptr;
}

void Compiler::config(Site& site) {
  find_first(site);
  const Node* from = site.arguments.find("read");
  const Node& place = from != nullptr ? *from : site.arguments.need("write");
  const spec::Structure* structure = config_structure(site);
  const spec::StructureField* field =
      structure == nullptr ? nullptr : structure->find(word_of(place));
  if (field != nullptr && site.arguments.find("width") != nullptr)
    fail(site.arguments.need("width").mark, "the field says the width already");
  const Operand where{static_cast<std::uint64_t>(protocol::VirtioRegion::kConfig)};
  const Operand offset{field != nullptr
                           ? field->offset
                           : number(place, 0, 0xffff, "an offset in the configuration")};
  Op op = from != nullptr ? make_op(OpCode::kRegionRead, {where, offset})
                          : make_op(OpCode::kRegionWrite, {where, offset, operand(site, "value")});
  op.width = field != nullptr ? static_cast<std::uint8_t>(field->size) : width(site, 4, 8);
  if (op.width == 8) op.variant = static_cast<std::uint16_t>(protocol::RegionAccess::kHalves);
  finish_plan(emit(site, op), site);
}

void Compiler::features(Site& site) {
  find_first(site);
  if (const Node* from = site.arguments.find("read")) {
    if (!from->is("device")) fail(from->mark, "`features` reads those of the device");
    finish_plan(
        emit(site, make_op(OpCode::kVirtioRead, {of(VirtioRegister::kDeviceFeatures), {0}})), site);
    return;
  }
  const Operand value = operand(site, "write");
  if (value.slot == protocol::kNoSlot) driver(site).features = value.value;
  finish_plan(
      emit(site, make_op(OpCode::kVirtioWrite, {of(VirtioRegister::kDriverFeatures), {0}, value})),
      site);
}

void Compiler::capability(Site& site) {
  if (!driver(site).pci) fail(site.step.mark, "MMIO has no capabilities: say `transports: [pci]`");
  find_first(site);
  const Operand type{number(site.arguments.need("type"), 0, 255, "a capability's type")};
  const Operand nth{number_or(site, "nth", 0)};
  finish_plan(emit(site, make_op(OpCode::kVirtioCapability, {type, nth})), site);
}

void Compiler::interrupts_of(Site& site) {
  const Operand vector{interrupt_vector(site.arguments.need("of"))};
  finish_plan(emit(site, make_op(OpCode::kCounts, {vector})), site);
}

}  // namespace hypervet::program
