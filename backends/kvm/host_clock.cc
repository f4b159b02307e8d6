// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/host_clock.h"

#include <fmt/format.h>

#include <fstream>
#include <utility>

namespace hypervet::kvm {
namespace {

constexpr const char* kCurrent = "current_clocksource";

// "tsc-early" is the same counter before its frequency is refined (arch/x86/kernel/tsc.c), and for
// KVM the TSC like the other.
bool is_tsc(std::string_view source) {
  return source == "tsc" || source == "tsc-early" || source == "hyperv_clocksource_tsc_page";
}

std::string first_word(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string word;
  in >> word;
  return word;
}

}  // namespace

HostClock::HostClock(bool may_change, std::filesystem::path folder)
    : may_change_(may_change), folder_(std::move(folder)), own_(first_word(folder_ / kCurrent)) {}

std::optional<std::string> HostClock::refusal(std::string_view wanted) const {
  if (own_.empty()) return "host-clock: this host does not tell what it keeps time with";
  if (is_tsc(own_) == (wanted == "tsc")) return std::nullopt;
  if (wanted == "other" && may_change_) {
    if (!other_source().empty()) return std::nullopt;
    return fmt::format("host-clock=other: this host has no clock but {}", own_);
  }
  return fmt::format("host-clock={}: this host keeps time with {}", wanted, own_);
}

std::string HostClock::other_source() const {
  std::ifstream in(folder_ / "available_clocksource");
  for (std::string source; in >> source;) {
    // "jiffies" is a last resort that no kernel with a choice is fit to run on.
    if (!is_tsc(source) && source != "jiffies") return source;
  }
  return {};
}

bool HostClock::set(const std::string& source) const {
  std::ofstream out(folder_ / kCurrent);
  out << source << std::flush;
  return out.good() && first_word(folder_ / kCurrent) == source;
}

HostClock::Hold HostClock::hold(std::string_view wanted) {
  if (wanted != "other" || !is_tsc(own_)) return Hold(*this);
  return Hold(*this, other_source());
}

HostClock::Hold::Hold(HostClock& clock, std::string_view source)
    : alone_(clock.mutex_), changed_(&clock) {
  if (!clock.set(std::string(source)))
    error_ = fmt::format("the host's clock cannot be changed to {}", source);
}

HostClock::Hold::Hold(Hold&& other) noexcept
    : shared_(std::move(other.shared_)),
      alone_(std::move(other.alone_)),
      changed_(std::exchange(other.changed_, nullptr)),
      error_(std::move(other.error_)) {}

HostClock::Hold::~Hold() {
  // Meanwhile tsc-early may have given way to tsc.
  if (changed_ != nullptr && !changed_->set(changed_->own_)) changed_->set("tsc");
}

}  // namespace hypervet::kvm
