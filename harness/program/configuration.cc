// SPDX-License-Identifier: Apache-2.0
#include "harness/program/configuration.h"

#include <algorithm>

#include "harness/program/compile.h"
#include "harness/program/failure.h"

namespace hypervet::program {
namespace {

void check_setting(const std::string& name, const std::string& value, const spec::Mark& mark) {
  const auto& settings = backends::known_settings();
  const auto found = std::ranges::find(settings, name, &backends::Setting::name);
  if (found == settings.end()) fail(mark, "no machine has a setting `{}`", name);
  if (std::ranges::find(found->values, value) == found->values.end())
    fail(mark, "`{}: {}`: the values are {}", name, value, fmt::join(found->values, ", "));
}

// The parameters of `on:` are the machine's settings.
void add_device(const spec::Case& a_case, const spec::Binding& binding,
                backends::Configuration& into) {
  for (const auto& [name, value] : binding.values) {
    const auto table = name == spec::kDeviceParameter      ? spec::device_words()
                       : name == spec::kTransportParameter ? spec::transport_words()
                                                           : std::span<const spec::OnWord>();
    if (table.empty()) continue;
    const std::string word(spec::word_text(table, value));
    check_setting(name, word, a_case.mark);
    into.settings.insert_or_assign(name, word);
  }
}

}  // namespace

std::expected<backends::CpuidBit, spec::Diagnostic> feature_bit(const spec::Specs& specs,
                                                                std::string_view feature,
                                                                const spec::Mark& mark) {
  const auto found = specs.features.find(std::string(feature));
  if (found == specs.features.end())
    return std::unexpected(spec::diagnose(mark, fmt::format("no feature is called `{}`", feature)));
  if (found->second.virtio)
    return std::unexpected(
        spec::diagnose(mark, fmt::format("`{}` is a device's and cannot be taken away", feature)));
  if (found->second.signature)
    return std::unexpected(spec::diagnose(
        mark, fmt::format("`{}` is a signature, not a bit that can be taken away", feature)));
  return backends::CpuidBit{found->second.leaf, found->second.reg, found->second.bit};
}

backends::Configuration configuration_of(const spec::Specs& specs, const spec::Case& a_case,
                                         const spec::Binding& binding) {
  const spec::MachineRequest& machine = a_case.machine;
  if (machine.cpus == 0 || machine.cpus > protocol::kMaxCpus)
    fail(a_case.mark, "a machine has 1 to {} CPUs, not {}", protocol::kMaxCpus, machine.cpus);
  for (const std::string& feature : a_case.requires_)
    if (!specs.features.contains(feature)) fail(a_case.mark, "no feature is called `{}`", feature);
  backends::Configuration result;
  result.cpus = machine.cpus;
  for (const std::string& feature : machine.without)
    result.without.push_back(take(feature_bit(specs, feature, a_case.mark)));
  std::ranges::sort(result.without);
  const auto again = std::ranges::unique(result.without);
  result.without.erase(again.begin(), again.end());
  for (const auto& [name, value] : machine.settings) {
    check_setting(name, value, a_case.mark);
    result.settings.emplace(name, value);
  }
  if (a_case.on_device) add_device(a_case, binding, result);
  return result;
}

}  // namespace hypervet::program
