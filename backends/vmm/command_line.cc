// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/command_line.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

namespace hypervet::vmm {
namespace {

using Failure = std::unexpected<std::string>;
constexpr std::uint64_t kMib = 1 << 20;
constexpr unsigned kDeepest = 8;  // names within what names stand for

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

// The length of the name at the start of the text. A dash or digit that ends it is still of it.
std::size_t name_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && is_name(text[length])) ++length;
  while (length != 0 && text[length - 1] == '-') --length;
  return length;
}

std::string expand(std::string_view text, const Names& names, unsigned depth) {
  std::string result;
  while (!text.empty()) {
    const auto dollar = std::min(text.find('$'), text.size());
    result += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (text.starts_with('$')) {
      result += '$';
      text.remove_prefix(1);
      continue;
    }
    const auto length = name_length(text);
    if (length == 0) result += '$';
    const auto found = names.find(text.substr(0, length));
    if (found != names.end() && depth < kDeepest) result += expand(found->second, names, depth + 1);
    text.remove_prefix(length);
  }
  return result;
}

std::string_view setting(const backends::Configuration& configuration, std::string_view name) {
  const auto at = configuration.settings.find(name);
  return at == configuration.settings.end() ? std::string_view{} : at->second;
}

// A setting in a refusal, as a case says it.
std::string with_value(std::string_view name, std::string_view value) {
  return fmt::format("{}={}", name, value);
}

class Planner {
 public:
  Planner(const Recipe& recipe, const backends::Configuration& configuration)
      : recipe_(recipe), configuration_(configuration) {}

  std::expected<Plan, std::string> make(const Names& options,
                                        const std::vector<std::string>& more) {
    add("", recipe_.common);
    plan_.files = recipe_.files;
    for (const auto& option : recipe_.options) choose(option, options);
    size();
    settings();
    device();
    channel();
    if (recipe_.monitor) add("", *recipe_.monitor);
    plan_.arguments.insert(plan_.arguments.end(), more.begin(), more.end());
    for (const auto& [name, value] : configuration_.settings) {
      const auto why = without_.find(with_value(name, value));
      if (why != without_.end()) refuse(fmt::format("{}: {}", why->first, why->second));
    }
    if (!refused_.empty()) return Failure(refused_);
    return std::move(plan_);
  }

 private:
  void refuse(std::string why) {
    if (refused_.empty()) refused_ = std::move(why);
  }

  void add(const std::string& what, const Part& part) {
    const auto prefix = what.empty() ? "" : what + ": ";
    if (!part.refuse.empty()) return refuse(prefix + part.refuse);
    if (!part.needs.empty()) {
      const int fd = ::open(part.needs.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
      if (fd < 0) return refuse(fmt::format("{}{}: {}", prefix, part.needs, std::strerror(errno)));
      ::close(fd);
    }
    plan_.arguments.insert(plan_.arguments.end(), part.arguments.begin(), part.arguments.end());
    plan_.words.insert(plan_.words.end(), part.words.begin(), part.words.end());
    for (const auto& [name, text] : part.names) plan_.names.insert_or_assign(name, text);
    without_.insert(part.without.begin(), part.without.end());
  }

  void choose(const Choice& option, const Names& options) {
    const auto chosen = options.find(option.name);
    const auto& value = chosen == options.end() ? option.values.front().first : chosen->second;
    plan_.names.insert_or_assign(option.name, value);
    if (const auto* part = option.find(value)) add(with_value(option.name, value), *part);
  }

  void size() {
    plan_.cpus = configuration_.cpus;
    plan_.memory = configuration_.memory;
    if (plan_.cpus == 0 || plan_.cpus > recipe_.cpus) {
      refuse(fmt::format("{} CPUs: a machine of {} has 1 to {}", plan_.cpus, recipe_.title,
                         recipe_.cpus));
    }
    if (plan_.memory < protocol::kMinimumMemory || plan_.memory > (std::uint64_t{2} << 30) ||
        plan_.memory % kMib != 0) {
      refuse(fmt::format("{} bytes of memory: a machine has {} to {} MiB", plan_.memory,
                         protocol::kMinimumMemory / kMib, 2048));
    }
    if (!configuration_.without.empty())
      refuse(fmt::format("CPUID bits cannot be hidden in a machine of {}", recipe_.title));
    plan_.names["cpus"] = std::to_string(plan_.cpus);
    plan_.names["mib"] = std::to_string(plan_.memory / kMib);
    plan_.names["bytes"] = std::to_string(plan_.memory);
    plan_.words.push_back("cpus=$cpus");
    plan_.words.push_back("tsc-khz=$tsc-khz");
  }

  void settings() {
    for (const auto& [name, value] : configuration_.settings) {
      if (name == "device" || name == "transport" || name == "variant" || name == "channel")
        continue;
      const auto& all = backends::known_settings();
      const auto known = std::ranges::find(all, name, &backends::Setting::name);
      const bool is_default = known != all.end() && known->values.front() == value;
      const auto own = std::ranges::find(recipe_.settings, name, &Choice::name);
      const auto* part = own == recipe_.settings.end() ? nullptr : own->find(value);
      if (part != nullptr) {
        add(with_value(name, value), *part);
      } else if (!is_default) {
        refuse(
            fmt::format("{}={}: the recipe of {} has no such machine", name, value, recipe_.title));
      }
    }
  }

  void device() {
    std::string_view transport = setting(configuration_, "transport");
    if (transport.empty() && !recipe_.transports.values.empty())
      transport = recipe_.transports.values.front().first;
    if (const auto* part = recipe_.transports.find(transport)) {
      add(with_value("transport", transport), *part);
    } else if (!transport.empty() && !setting(configuration_, "transport").empty()) {
      refuse(fmt::format("transport={}: the recipe of {} has no such machine", transport,
                         recipe_.title));
    }
    const std::string_view device = setting(configuration_, "device");
    if (device.empty() || device == "none") return variant(device, nullptr);
    const auto found = recipe_.devices.find(device);
    if (found == recipe_.devices.end()) {
      return refuse(fmt::format("device={}: the recipe of {} has none", device, recipe_.title));
    }
    const Device& own = found->second;
    if (own.part.refuse.empty() && !own.transports.empty() &&
        std::ranges::find(own.transports, transport) == own.transports.end()) {
      return refuse(fmt::format("device={}: {} has it on {} alone", device, recipe_.title,
                                fmt::join(own.transports, ", ")));
    }
    add(with_value("device", device), own.part);
    variant(device, &own);
  }

  void variant(std::string_view device, const Device* own) {
    const std::string_view wanted = setting(configuration_, "variant");
    if (wanted.empty() || wanted == "plain") return;
    const Part* part = own == nullptr ? nullptr : find(own->variants, wanted);
    if (part == nullptr && own != nullptr) part = find(recipe_.variants, wanted);
    if (part == nullptr) {
      return refuse(fmt::format("variant={}: the recipe of {} has no such {}", wanted,
                                recipe_.title, own == nullptr ? "machine" : device));
    }
    add(with_value("variant", wanted), *part);
  }

  static const Part* find(const std::map<std::string, Part, std::less<>>& parts,
                          std::string_view name) {
    const auto found = parts.find(name);
    return found == parts.end() ? nullptr : &found->second;
  }

  void channel() {
    const bool serial = setting(configuration_, "channel") == "serial" || !recipe_.memory;
    plan_.channel = serial ? Channel::kSerial : Channel::kMemory;
    plan_.words.push_back(serial ? "channel=serial" : "channel=memory");
    if (!serial) plan_.words.push_back("batch=memory");
    add("", serial ? recipe_.serial : *recipe_.memory);
  }

  const Recipe& recipe_;
  const backends::Configuration& configuration_;
  Plan plan_;
  Names without_;
  std::string refused_;
};

}  // namespace

std::vector<std::string> names_in(std::string_view text) {
  std::vector<std::string> names;
  for (auto at = text.find('$'); at != text.npos; at = text.find('$', at)) {
    text.remove_prefix(at + 1);
    at = 0;
    if (text.starts_with('$')) {
      text.remove_prefix(1);
    } else {
      names.emplace_back(text.substr(0, name_length(text)));
    }
  }
  return names;
}

std::string substituted(std::string_view text, const Names& names) {
  return expand(text, names, 0);
}

std::vector<std::string> filled_in(const Plan& plan, const Names& names) {
  std::vector<std::string> arguments;
  for (const auto& argument : plan.arguments) {
    auto text = substituted(argument, names);
    const bool is_name = argument.starts_with('$') &&
                         name_length(std::string_view(argument).substr(1)) + 1 == argument.size();
    if (!text.empty() || !is_name) arguments.push_back(std::move(text));
  }
  return arguments;
}

bool Plan::uses(std::string_view name) const {
  const auto in = [&](std::string_view text) {
    const auto used = names_in(text);
    return std::ranges::find(used, name) != used.end();
  };
  return std::ranges::any_of(arguments, in) ||
         std::ranges::any_of(names, [&](const auto& each) { return in(each.second); }) ||
         std::ranges::any_of(files, [&](const auto& each) { return in(each.second); });
}

std::string Plan::key() const {
  return fmt::format("{}\n{}\n{}", fmt::join(arguments, "\n"), fmt::join(words, " "),
                     fmt::join(names, "\n"));
}

std::expected<Plan, std::string> make_plan(const Recipe& recipe, const Names& options,
                                           const std::vector<std::string>& more,
                                           const backends::Configuration& configuration) {
  return Planner(recipe, configuration).make(options, more);
}

}  // namespace hypervet::vmm
