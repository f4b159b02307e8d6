// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/launcher.h"

#include <set>

#include "harness/cli/lab_launcher.h"
#include "harness/cli/local_launcher.h"

namespace hypervet::cli {

std::unique_ptr<Launcher> make_launcher(Application& application, const spec::Specs& specs,
                                        const BenchOptions& options) {
  if (options.where.lab) return std::make_unique<LabLauncher>(application, specs, options);
  return std::make_unique<LocalLauncher>(application, specs, options);
}

std::vector<Timed> to_be_timed(const spec::Specs& specs, const std::vector<std::string>& globs) {
  const auto selected = measure::select_paths(specs, globs);
  if (!selected) throw Exit{kUsage, selected.error()};
  if (selected->empty()) throw Exit{kUsage, "there is no path in the specs"};
  std::set<std::string> known;
  for (const auto& instance : *selected) known.insert(instance.id);
  std::vector<Timed> timed;
  for (const auto& instance : *selected) {
    const auto contrast = measure::contrast_of(specs, instance);
    timed.push_back({instance, contrast ? contrast->id : ""});
    if (contrast && known.insert(contrast->id).second) timed.push_back({*contrast, ""});
  }
  return timed;
}

}  // namespace hypervet::cli
