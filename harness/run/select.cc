// SPDX-License-Identifier: Apache-2.0
#include "harness/run/select.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace hypervet::run {
namespace {

// Which globs have matched something so far: an unused one is an error of the user's.
class Globs {
 public:
  explicit Globs(const std::vector<std::string>& globs)
      : globs_(globs), used_(globs.size(), false) {}

  bool match(std::string_view text) {
    if (globs_.empty()) return true;
    bool any = false;
    for (std::size_t i = 0; i < globs_.size(); ++i) {
      if (!matches(globs_[i], text)) continue;
      used_[i] = true;
      any = true;
    }
    return any;
  }

  std::optional<std::string> unused() const {
    for (std::size_t i = 0; i < globs_.size(); ++i) {
      if (!used_[i]) return fmt::format("no clause or case matches '{}'", globs_[i]);
    }
    return std::nullopt;
  }

 private:
  const std::vector<std::string>& globs_;
  std::vector<bool> used_;
};

}  // namespace

bool matches(std::string_view glob, std::string_view text) {
  // Iterative with one point of return per '*': linear in practice, quadratic at worst.
  std::size_t g = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t]) && glob[g] != '*') {
      ++g, ++t;
    } else if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

std::expected<std::vector<Instance>, std::string> select(const spec::Specs& specs,
                                                         const Selection& selection) {
  Globs globs(selection.globs);
  std::vector<Instance> instances;
  for (const auto& interface : specs.interfaces) {
    const bool whole_interface = globs.match(interface.id);
    for (const auto& clause : interface.clauses) {
      const bool whole_clause = globs.match(clause.id) || whole_interface;
      for (const auto& the_case : clause.cases) {
        for (auto& binding : spec::bindings(the_case)) {
          auto id = spec::instance_id(clause, the_case, binding);
          const bool wanted = globs.match(id) || whole_clause;
          if (wanted && clause.level <= selection.level) {
            instances.push_back(
                {&interface, &clause, &the_case, std::move(binding), std::move(id)});
          }
        }
      }
    }
  }
  if (auto unused = globs.unused()) return std::unexpected(*unused);
  if (selection.shard.count > 1) {
    std::vector<Instance> part;
    for (std::size_t i = selection.shard.index - 1; i < instances.size();
         i += selection.shard.count) {
      part.push_back(std::move(instances[i]));
    }
    return part;
  }
  return instances;
}

HasDevice devices_of(const backends::Backend& backend) {
  return [&backend](const std::string& device, const std::string& transport) {
    backends::Configuration configuration;
    configuration.settings.emplace(spec::kDeviceParameter, device);
    configuration.settings.emplace(spec::kTransportParameter, transport);
    return !backend.refuses(configuration);
  };
}

std::vector<Instance> without_absent_devices(std::vector<Instance> instances,
                                             const HasDevice& has) {
  std::map<std::uint64_t, bool> absent;  // by device ID
  const auto is_absent = [&](std::uint64_t device) {
    return std::ranges::none_of(spec::transport_words(), [&](const spec::OnWord& transport) {
      return has(std::string(spec::word_text(spec::device_words(), device)),
                 std::string(transport.text));
    });
  };
  std::erase_if(instances, [&](const Instance& each) {
    if (!each.the_case->every_device) return false;
    const std::uint64_t device = each.binding.values.front().second;
    const auto [found, fresh] = absent.try_emplace(device);
    if (fresh) found->second = is_absent(device);
    return found->second;
  });
  return instances;
}

std::expected<std::vector<std::pair<const spec::Interface*, const spec::Clause*>>, std::string>
select_clauses(const spec::Specs& specs, const std::vector<std::string>& patterns) {
  Globs globs(patterns);
  std::vector<std::pair<const spec::Interface*, const spec::Clause*>> clauses;
  for (const auto& interface : specs.interfaces) {
    const bool whole_interface = globs.match(interface.id);
    for (const auto& clause : interface.clauses) {
      if (globs.match(clause.id) || whole_interface) clauses.emplace_back(&interface, &clause);
    }
  }
  if (auto unused = globs.unused()) return std::unexpected(*unused);
  return clauses;
}

std::optional<Shard> parse_shard(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<unsigned> {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const auto index = number(text.substr(0, slash));
  const auto count = number(text.substr(slash + 1));
  if (!index || !count || *index < 1 || *index > *count) return std::nullopt;
  return Shard{*index, *count};
}

}  // namespace hypervet::run
