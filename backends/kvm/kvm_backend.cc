// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/kvm_backend.h"

#include <algorithm>
#include <new>
#include <system_error>

#include "backends/kvm/host_actions.h"
#include "backends/kvm/host_clock.h"
#include "backends/kvm/identity.h"
#include "backends/kvm/machine.h"
#include "backends/kvm/page_swap.h"
#include "backends/kvm/settings.h"
#include "backends/kvm/watchdog.h"

namespace hypervet::kvm {
namespace {

backends::Outcome backend_error(std::string why) {
  backends::Outcome outcome;
  outcome.stop = backends::Stop::kBackendError;
  outcome.detail = std::move(why);
  return outcome;
}

backends::Outcome run_machine(const System& system, const backends::Configuration& configuration,
                              const Cargo& cargo, const backends::Limits& limits,
                              Watchdogs& watchdogs) {
  try {
    auto made = Machine::create(system, configuration);
    if (!made) return backend_error(std::move(made.error().what));
    if (auto loaded = (*made)->load(cargo); !loaded) {
      return backend_error(std::move(loaded.error().what));
    }
    return (*made)->run(limits, cargo.is_agent, watchdogs);
  } catch (const std::system_error& error) {
    return backend_error(error.what());
  } catch (const std::bad_alloc&) {
    return backend_error("out of memory");
  }
}

// The kernel may have the device and still refuse a VM (another hypervisor holds the processor, a
// container's policy).
backends::Availability try_vm(const std::filesystem::path& device, const System& system) {
  if (auto vm = Vm::create(system); !vm) return explain(device, vm.error());
  return {.available = true, .reason = "", .mend = ""};
}

}  // namespace

KvmBackend::KvmBackend(const std::filesystem::path& agent, const std::filesystem::path& device,
                       SettingValues preferred, bool may_change_clock)
    : target_(target_name()),
      host_clock_(std::make_unique<HostClock>(may_change_clock)),
      preferred_(std::move(preferred)),
      agent_(read_image(agent)),
      watchdogs_(std::make_unique<Watchdogs>()) {
  auto system = System::open(device);
  if (!system) {
    device_ = explain(device, system.error());
    return;
  }
  device_ = try_vm(device, *system);
  if (!device_.available) return;
  system_ = std::move(*system);
  can_swap_pages_ = PageSwap::possible();
}

KvmBackend::~KvmBackend() = default;

std::expected<KvmBackend::Image, std::string> KvmBackend::read_image(
    const std::filesystem::path& path) {
  auto bytes = machine::read_payload_file(path);
  if (!bytes) return std::unexpected(bytes.error());
  Image image{.bytes = std::move(*bytes), .payload = {}};
  auto payload = machine::parse_elf(image.bytes);
  if (!payload) return std::unexpected(path.string() + ": " + payload.error());
  image.payload = std::move(*payload);
  return image;
}

backends::Availability KvmBackend::availability() const {
  if (!device_.available) return device_;
  if (!agent_)
    return {false, agent_.error(), "build the payloads: cmake --build <dir> --target agent"};
  return device_;
}

backends::Target KvmBackend::target() const {
  return {.name = target_, .provider = "host kernel", .is_model = false};
}

// The kernel's limit, not KVM_CAP_NR_VCPUS, which is the number of the host's processors: a case
// wants several CPUs for what they do to each other, and gets that on a small host too.
unsigned KvmBackend::max_cpus() const {
  if (!system_) return 0;
  const int limit =
      std::max({system_->extension(KVM_CAP_MAX_VCPUS), system_->extension(KVM_CAP_NR_VCPUS), 1});
  return std::min(static_cast<unsigned>(limit), protocol::kMaxCpus);
}

std::optional<std::string> KvmBackend::refuses(const backends::Configuration& configuration) const {
  if (!system_) return device_.reason;
  return refusal(completed(configuration), *system_, max_cpus(), *host_clock_);
}

backends::Configuration KvmBackend::completed(const backends::Configuration& configuration) const {
  backends::Configuration complete = configuration;
  complete.settings.insert(preferred_.begin(), preferred_.end());
  return complete;
}

bool KvmBackend::has(protocol::HostVerb verb) const {
  return system_ && can_perform(verb, *system_, can_swap_pages_);
}

backends::Outcome KvmBackend::run(const backends::Job& job) const {
  const backends::Configuration configuration =
      completed(job.configuration != nullptr ? *job.configuration : backends::Configuration{});
  if (const auto why = availability(); !why.available) return backend_error(why.reason);
  if (auto why = refuses(configuration)) return backend_error(std::move(*why));
  if (!job.violations.empty()) return backend_error("only the simulator commits violations");
  const Cargo cargo{.payload = &agent_->payload,
                    .reserved = machine::agent_reserved_areas(),
                    .program = job.program,
                    .command_line = "",
                    .is_agent = true};
  const auto clock = configuration.settings.find("host-clock");
  const auto held = host_clock_->hold(clock == configuration.settings.end() ? "" : clock->second);
  if (!held.error().empty()) return backend_error(held.error());
  return run_machine(*system_, configuration, cargo, job.limits, *watchdogs_);
}

backends::Outcome KvmBackend::exec(const std::filesystem::path& payload,
                                   std::string_view command_line,
                                   const backends::Configuration& configuration,
                                   const backends::Limits& limits) const {
  if (!device_.available) return backend_error(device_.reason);
  if (auto why = refuses(configuration)) return backend_error(std::move(*why));
  const auto image = read_image(payload);
  if (!image) return backend_error(image.error());
  const Cargo cargo{.payload = &image->payload,
                    .reserved = machine::boot_reserved_areas(),
                    .program = {},
                    .command_line = std::string(command_line),
                    .is_agent = false};
  return run_machine(*system_, completed(configuration), cargo, limits, *watchdogs_);
}

}  // namespace hypervet::kvm
