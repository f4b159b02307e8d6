// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/vmm_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "backends/process/recipe_reader.h"
#include "backends/vmm/vmm_backend.h"

namespace hypervet::cli {
namespace {

namespace fs = std::filesystem;

fs::path recipe_file(const Application& application, const std::string& wanted) {
  // A path by its look, so that a mistyped name is not taken for a file.
  if (wanted.find('/') != std::string::npos || wanted.ends_with(".yaml")) return wanted;
  const auto& folder = application.places().vmms;
  const auto names = process::recipe_names(folder);
  if (std::ranges::find(names, wanted) == names.end()) {
    throw Exit{kUsage, fmt::format("unknown VMM '{}'; there are {}, and PATH/NAME.yaml", wanted,
                                   fmt::join(names, ", "))};
  }
  return folder / (wanted + ".yaml");
}

}  // namespace

std::unique_ptr<backends::Backend> make_vmm(const Application& application,
                                            const BackendChoice& choice) {
  auto recipe = vmm::load_recipe(recipe_file(application, choice.name.substr(kVmmPrefix.size())));
  if (!recipe) throw Exit{kUsage, recipe.error()};
  vmm::VmmOptions options;
  options.agent = application.agent();
  options.binary = choice.vmm.binary;
  options.arguments = choice.vmm.arguments;
  for (const auto& text : choice.vmm.options) {
    const auto equals = text.find('=');
    if (equals == std::string::npos)
      throw Exit{kUsage, fmt::format("--vmm-option takes NAME=VALUE, not '{}'", text)};
    options.choices[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (const auto why = vmm::unknown_choice(*recipe, options.choices); !why.empty())
    throw Exit{kUsage, "--vmm-option: " + why};
  return std::make_unique<vmm::VmmBackend>(choice.name, std::move(*recipe), std::move(options));
}

}  // namespace hypervet::cli
