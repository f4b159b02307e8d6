// SPDX-License-Identifier: Apache-2.0
// The verbs that lay out buffers and make them available: virtio 1.4, 2.7.13 and 2.8.21; and those
// that write descriptors and indexes by hand.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "harness/program/compile.h"
#include "harness/program/compiler.h"
#include "harness/program/failure.h"
#include "harness/spec/fields.h"

namespace hypervet::program {
namespace {

using protocol::Op;
using protocol::OpCode;
using spec::Node;

constexpr std::uint64_t kMaxCanary = 4096;
constexpr std::uint64_t kMaxLength = 0xffff'ffff;  // le32
constexpr std::uint64_t kMaxTable = 32768;         // descriptors

void put_value(std::vector<std::byte>& bytes, std::size_t offset, std::uint64_t value,
               std::size_t size) {
  std::memcpy(bytes.data() + offset, &value, size);  // little-endian, as virtio is
}

}  // namespace

// {data: SIZE, fill: BYTE}, {bytes: [...]}, {struct: S, FIELD: value, ...} or {at: ADDRESS, size:
// N}.
virtio::Part Compiler::part(Site& site, const Node& node, bool writable) {
  if (!node.is_map()) fail(node.mark, "a part is a map such as {{data: 512}}");
  Arguments arguments(node, node.mark, "part");
  virtio::Part made;
  made.writable = writable;
  if (const Node* name = arguments.find("as")) {
    made.name = word_of(*name);
    constexpr std::array<std::string_view, 3> kTaken = {"head", "id", "table"};
    if (!spec::is_name(made.name) || std::ranges::find(kTaken, made.name) != kTaken.end())
      fail(name->mark, "{} cannot be the name of a part", spec::quote(made.name));
  }
  const auto kinds = std::array{arguments.find("data"), arguments.find("bytes"),
                                arguments.find("struct"), arguments.find("at")};
  if (std::ranges::count_if(kinds, [](const Node* each) { return each != nullptr; }) != 1)
    fail(node.mark, "a part is one of data, bytes, struct, at");
  const auto [data, bytes, structure, place] = kinds;
  if (data != nullptr) {
    made.size = number(*data, 0, protocol::kArenaSize, "a part's size");
    if (const Node* fill = arguments.find("fill"))
      made.fill = static_cast<std::uint8_t>(number(*fill, 0, 255, "`fill`"));
  } else if (bytes != nullptr) {
    if (!bytes->is_list()) fail(bytes->mark, "`bytes` is a list of bytes");
    for (const Node& each : bytes->items)
      made.content.push_back(static_cast<std::byte>(number(each, 0, 255, "a byte")));
    made.size = made.content.size();
  } else if (structure != nullptr) {
    fill_structure(*structure, arguments, made);
  } else {
    made.elsewhere = true;
    made.address = physical(result_.window, number(*place));
    made.size = number(arguments.need("size"), 0, kMaxLength, "a part's size");
  }
  const Node* canary = arguments.find("canary");
  if (canary != nullptr && (!writable || made.elsewhere))
    fail(canary->mark, "canaries are around writable parts that the chain lays out");
  if (writable && !made.elsewhere)
    made.canary =
        canary == nullptr ? virtio::kCanarySize : number(*canary, 0, kMaxCanary, "a canary's size");
  arguments.finish();
  if (made.elsewhere && !made.name.empty())
    fail(site.step.mark, "the address of an `at` part has a name already");
  return made;
}

void Compiler::fill_structure(const Node& name, Arguments& arguments, virtio::Part& part) {
  const auto found = interface_.structures.find(word_of(name));
  if (found == interface_.structures.end())
    fail(name.mark, "no structure is called `{}`", word_of(name));
  part.size = found->second.size;
  part.content.assign(part.size, std::byte{0});
  for (const spec::StructureField& field : found->second.fields) {
    const Node* value = arguments.find(field.name);
    if (value == nullptr) continue;
    const std::uint64_t most =
        field.size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * field.size)) - 1;
    const std::uint64_t given = number(*value);
    if (given > most && !field.is_signed)
      fail(value->mark, "`{}` has {} bytes and cannot hold {}", field.name, field.size,
           spec::format_number(given));
    put_value(part.content, field.offset, given, field.size);
  }
}

void Compiler::chain(Site& site) {
  virtio::Driver& at = driver(site);
  const Node& name_node = site.arguments.need("as");
  const std::string& name = word_of(name_node);
  if (at.chains.contains(name) || result_.symbols.contains(name) || name == "queue")
    fail(name_node.mark, "`{}` already names something", name);
  virtio::Chain made;
  made.queue = queue_number(site);
  made.indirect = site.arguments.choose(
      "indirect", false, {{"no", false}, {"yes", true}, {"false", false}, {"true", true}});
  for (const auto& [key, writable] : {std::pair("readable", false), std::pair("writable", true)}) {
    const Node* list = site.arguments.find(key);
    if (list == nullptr) continue;
    if (!list->is_list()) fail(list->mark, "`{}` is a list of parts", key);
    for (const Node& each : list->items) made.parts.push_back(part(site, each, writable));
  }
  if (made.parts.empty()) fail(site.step.mark, "a chain has at least one part");
  observes_nothing(site);

  // The size is known once everything is laid out; nothing else takes from the arena meanwhile.
  virtio::lay_out(name, 0, made);
  const std::uint64_t area = allocate(std::max<std::uint64_t>(made.size, 1), 64, site.step.mark);
  made.canaries.clear();
  virtio::lay_out(name, area, made);
  const virtio::Content content = virtio::content_of(made, at.packed);
  for (const virtio::Fill& each : content.fills)
    help(site, make_op(OpCode::kFill, {{each.address}, {each.size}, {each.byte}}));
  make(site, content.stores);
  for (const virtio::Part& each : made.parts)
    if (!each.name.empty()) define_place(name + "." + each.name, each.address, name_node.mark);
  if (made.indirect) define_place(name + ".table", made.table, name_node.mark);
  at.chains.emplace(name, std::move(made));
}

void Compiler::submit(Site& site) {
  virtio::Driver& at = driver(site);
  observes_nothing(site);
  const Node* name = site.arguments.find("chain");
  const Node* raw = site.arguments.find("head");
  if ((name == nullptr) == (raw == nullptr))
    fail(site.step.mark, "`submit` needs either `chain` or `head`");
  if (raw != nullptr) {
    const auto head = static_cast<std::uint16_t>(number(*raw, 0, 0xffff, "a descriptor"));
    const auto made = queue(site).submit_raw(head);
    if (!made) fail(site.step.mark, "{}", made.error());
    make(site, made->stores);
    return;
  }
  const auto chain = at.chains.find(word_of(*name));
  if (chain == at.chains.end()) fail(name->mark, "no chain is called `{}`", word_of(*name));
  if (site.arguments.find("queue") == nullptr && !at.queues.contains(chain->second.queue))
    fail(site.step.mark, "queue {} is not set up: by `bring-up` or `queue-setup`",
         chain->second.queue);
  virtio::Queue& to =
      site.arguments.find("queue") == nullptr ? *at.queues[chain->second.queue] : queue(site);
  const Node* count = site.arguments.find("count");
  const auto copies =
      count == nullptr ? 1U : static_cast<unsigned>(number(*count, 1, to.size(), "`count`"));
  const auto made = to.submit(chain->first, virtio::ring_descriptors(chain->second), copies);
  if (!made) fail(site.step.mark, "{}", made.error());
  make(site, made->stores);
  define_place(chain->first + ".head", made->head, site.step.mark);
  define_place(chain->first + ".id", made->id, site.step.mark);
}

// {index: {addr, len, flags, next | id}}: what is said of each descriptor, in the order of memory.
std::vector<virtio::RawDescriptor> Compiler::raw_table(const Node& table, bool packed,
                                                       std::uint64_t most) {
  struct Field {
    std::string_view name;
    std::uint64_t offset;
    std::size_t size;
  };
  constexpr Field kSplit[] = {{"addr", 0, 8}, {"len", 8, 4}, {"flags", 12, 2}, {"next", 14, 2}};
  constexpr Field kPacked[] = {{"addr", 0, 8}, {"len", 8, 4}, {"id", 12, 2}, {"flags", 14, 2}};
  if (!table.is_map() || table.entries.empty())
    fail(table.mark, "`table` is a map such as {{0: {{addr: a, len: 4}}}}");
  std::vector<virtio::RawDescriptor> all;
  for (std::size_t i = 0; i < table.entries.size(); ++i) {
    const auto& [key, value] = table.entries[i];
    virtio::RawDescriptor raw;
    raw.index = key_number(key, table.key_marks[i], "a descriptor", most);
    Arguments arguments(value, table.key_marks[i], "descriptor");
    virtio::Stores stores;
    for (const Field& field : packed ? std::span(kPacked) : std::span(kSplit)) {
      const Node* node = arguments.find(field.name);
      if (node == nullptr) continue;
      const std::uint64_t bits =
          field.size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * field.size)) - 1;
      const std::uint64_t given = number(*node, 0, bits, field.name);
      std::vector<std::byte> bytes(field.size);
      put_value(bytes, 0, given, field.size);
      stores.put(field.offset, bytes);
      if (field.name == "flags") raw.flags = static_cast<std::uint16_t>(given);
      if (field.name == "id") raw.id = static_cast<std::uint16_t>(given);
    }
    arguments.finish();
    raw.stores = stores.take();
    all.push_back(std::move(raw));
  }
  return all;
}

void Compiler::descriptors(Site& site) {
  observes_nothing(site);
  virtio::Queue& to = queue(site);
  for (const auto& raw :
       raw_table(site.arguments.need("table"), driver(site).packed, to.size() - 1)) {
    for (const virtio::Store& each : raw.stores)
      put(site, to.places().desc + virtio::kDescriptorSize * raw.index + each.address, each.bytes);
    to.written(static_cast<std::uint16_t>(raw.index), raw.flags, raw.id);
  }
}

void Compiler::indirect(Site& site) {
  observes_nothing(site);
  const Node& name = site.arguments.need("as");
  const auto table = raw_table(site.arguments.need("table"), driver(site).packed, kMaxTable - 1);
  std::uint64_t entries = 0;
  for (const auto& raw : table) entries = std::max(entries, raw.index + 1);
  const std::uint64_t at =
      allocate(virtio::kDescriptorSize * entries, virtio::kDescriptorSize, site.step.mark);
  for (const auto& raw : table)
    for (const virtio::Store& each : raw.stores)
      put(site, at + virtio::kDescriptorSize * raw.index + each.address, each.bytes);
  define_address(site, word_of(name), at, name.mark);
}

void Compiler::avail(Site& site) {
  observes_nothing(site);
  if (driver(site).packed)
    fail(site.step.mark, "a packed ring has no available index: say `rings: [split]`");
  virtio::Queue& to = queue(site);
  Op op = make_op(OpCode::kStore, {{to.places().driver + 2}, operand(site, "index")});
  op.width = 2;
  help(site, op);
  to.lose_track();
}

}  // namespace hypervet::program
