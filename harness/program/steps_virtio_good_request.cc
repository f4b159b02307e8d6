// SPDX-License-Identifier: Apache-2.0
// The verb `good-request`: its steps are data, compiled where it stands.
#include <fmt/format.h>

#include <algorithm>

#include "harness/program/compile.h"
#include "harness/program/compiler.h"
#include "harness/program/failure.h"
#include "harness/program/virtio/good_request.h"

namespace hypervet::program {

using spec::Node;

// The steps up to and with the one that does it.
std::span<const spec::Step> Compiler::until(std::span<const spec::Step> steps,
                                            std::string_view verb) {
  const auto last = std::ranges::find(steps, verb, &spec::Step::verb);
  return steps.first(std::min(static_cast<std::size_t>(last - steps.begin()) + 1, steps.size()));
}

void Compiler::good_request(Site& site) {
  const std::string name = "good-request", within_name = "within";
  observes_nothing(site);
  virtio::Driver& at = driver(site);
  const virtio::GoodRequest request = virtio::good_request(at.device_word());
  const std::uint64_t within = number_or(site, "within", kDefaultWithin);
  // The verb that ends it; none: its last step.
  const auto last = site.arguments.choose<std::string_view>(
      "until", "",
      {{"laid-out", "chain"}, {"submitted", "submit"}, {"notified", "notify"}, {"used", ""}});
  const Node* as = site.arguments.find("as");
  if (as != nullptr && (at.chains.contains(word_of(*as)) || result_.symbols.contains(word_of(*as))))
    fail(as->mark, "`{}` already names something", word_of(*as));
  if (!last.empty() && as == nullptr)
    fail(site.step.mark, "a good request that is not waited for needs a name: `as`");
  SymbolTable names = result_.symbols;
  result_.symbols.insert_or_assign(within_name, Symbol{Symbol::Kind::kConstant, within, {}});
  steps(last.empty() ? request.steps : until(request.steps, last), site.scope);
  // The names of its text are its own: the next one has them again.
  std::swap(names, result_.symbols);
  auto chain = at.chains.extract(name);
  if (as == nullptr) return;
  for (const auto& [each, symbol] : names)
    if (each.starts_with(name + "."))
      define_place(word_of(*as) + each.substr(name.size()), symbol.value, as->mark);
  for (const auto& [number, queue] : at.queues) queue->rename(name, word_of(*as));
  chain.key() = word_of(*as);
  at.chains.insert(std::move(chain));
}

}  // namespace hypervet::program
