// SPDX-License-Identifier: Apache-2.0
#include "harness/run/case_list.h"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "harness/spec/yaml.h"

namespace hypervet::run {
namespace {

std::string_view trimmed(std::string_view line) {
  const auto first = line.find_first_not_of(" \t\r");
  if (first == line.npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

std::expected<std::vector<Instance>, std::string> select_listed(const spec::Specs& specs,
                                                                std::string_view text,
                                                                std::string_view name) {
  auto all = select(specs, {});
  if (!all) return std::unexpected(all.error());
  struct Place {
    std::size_t index;     // in `all`
    std::size_t line = 0;  // where the list names it; 0: not yet
  };
  std::unordered_map<std::string_view, Place> places;
  for (std::size_t i = 0; i < all->size(); ++i) places.emplace((*all)[i].id, Place{i});

  std::vector<std::size_t> wanted;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto id = trimmed(text.substr(0, end));
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    if (id.empty() || id.front() == '#') continue;
    const auto found = places.find(id);
    if (found == places.end()) {
      return std::unexpected(
          fmt::format("{}:{}: no case has the id {}", name, number, spec::quote(id)));
    }
    if (found->second.line != 0) {
      return std::unexpected(fmt::format("{}:{}: {} stands in line {} already", name, number,
                                         spec::quote(id), found->second.line));
    }
    found->second.line = number;
    wanted.push_back(found->second.index);
  }
  if (wanted.empty()) return std::unexpected(fmt::format("{}: lists no case", name));
  std::vector<Instance> listed;
  listed.reserve(wanted.size());
  for (const auto index : wanted) listed.push_back((*all)[index]);
  return listed;
}

}  // namespace hypervet::run
