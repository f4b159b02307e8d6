// SPDX-License-Identifier: Apache-2.0
#include "harness/program/names.h"

#include "guest-payloads/protocol/layout.h"

namespace hypervet::program {

std::pair<std::string_view, std::string_view> split_name(const SymbolTable& symbols,
                                                         std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return {name, {}};
  const std::string_view base = name.substr(0, dot);
  const auto found = symbols.find(base);
  if (found == symbols.end() || found->second.kind != Symbol::Kind::kObserved) return {name, {}};
  return {base, name.substr(dot + 1)};
}

std::optional<spec::Number> call_function(const std::map<std::uint64_t, std::uint64_t>& window,
                                          std::string_view function,
                                          const std::vector<spec::Number>& arguments) {
  if (arguments.size() != 1 || arguments.front().is_list) return std::nullopt;
  const std::uint64_t argument = arguments.front().value;
  if (function == "apic-id" && argument < protocol::kMaxCpus)
    return spec::Number{argument, {}, false};
  if (function == "phys") return spec::Number{physical(window, argument), {}, false};
  return std::nullopt;
}

std::optional<spec::Number> KnownNames::lookup(std::string_view name) const {
  const auto found = symbols_.find(name);
  if (found == symbols_.end() || found->second.kind == Symbol::Kind::kObserved) return std::nullopt;
  return spec::Number{found->second.value, {}, false};
}

std::optional<spec::Number> KnownNames::call(std::string_view function,
                                             const std::vector<spec::Number>& arguments) const {
  return call_function(window_, function, arguments);
}

}  // namespace hypervet::program
