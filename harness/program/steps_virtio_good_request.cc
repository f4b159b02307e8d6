// SPDX-License-Identifier: Apache-2.0
// The verb `good-request`: its steps are data, compiled where it stands.
#include <fmt/format.h>

#include "harness/program/compile.h"
#include "harness/program/compiler.h"
#include "harness/program/failure.h"
#include "harness/program/virtio/good_request.h"

namespace hypervet::program {

void Compiler::good_request(Site& site) {
  constexpr std::string_view kName = "good-request", kWithinName = "within";
  observes_nothing(site);
  virtio::Driver& at = driver(site);
  const virtio::GoodRequest request = virtio::good_request(at.device_word());
  const std::uint64_t within = number_or(site, "within", kDefaultWithin);
  if (request.steps.empty()) {
    result_.cannot =
        fmt::format("there is no good request of {}: {}", at.device_word(), request.why_not);
    return;
  }
  const auto names = result_.symbols;
  result_.symbols.insert_or_assign(std::string(kWithinName),
                                   Symbol{Symbol::Kind::kConstant, within, {}});
  steps(request.steps, site.scope);
  // Its names are its own: the next one has them again.
  result_.symbols = names;
  at.chains.erase(at.chains.find(kName));
}

}  // namespace hypervet::program
