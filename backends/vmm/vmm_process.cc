// SPDX-License-Identifier: Apache-2.0
#include "backends/vmm/vmm_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace hypervet::vmm {
namespace {

using Failure = std::unexpected<std::string>;
using process::Descriptor;

constexpr std::uint64_t kDiskSize = 16 << 20;
constexpr auto kGreetingPatience = std::chrono::seconds(30);

Failure failure(std::string_view what) {
  return Failure(fmt::format("{}: {}", what, std::strerror(errno)));
}

struct Ends {
  Descriptor ours, theirs;
  static std::expected<Ends, std::string> open() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      return failure("socketpair");
    return Ends{Descriptor(ends[0]), Descriptor(ends[1])};
  }
};

}  // namespace

std::expected<void, std::string> VmmProcess::make_files(const Plan& plan,
                                                        std::span<const std::byte> program,
                                                        Names& names, process::Command& command) {
  const auto share =
      [&](std::string_view name, std::optional<SharedFile>& slot,
          std::expected<SharedFile, std::string> made) -> std::expected<void, std::string> {
    if (!made) return Failure(made.error());
    slot.emplace(std::move(*made));
    command.keep.push_back(slot->fd());
    names.insert_or_assign(std::string(name), slot->path());
    return {};
  };
  if (plan.channel == Channel::kMemory) {
    if (auto done = share("ram", ram_, SharedFile::mapped("guest", plan.memory)); !done)
      return done;
  }
  if (plan.channel == Channel::kSerial && plan.uses("program")) {
    if (auto done = share("program", program_, SharedFile::create("program", 0)); !done)
      return done;
    if (auto done = program_->write(program); !done) return done;
  }
  if (plan.uses("disk")) {
    if (auto done = share("disk", disk_, SharedFile::create("disk", kDiskSize)); !done) return done;
  }
  if (plan.uses("folder")) {
    auto folder = process::ScratchFolder::create();
    if (!folder) return Failure(folder.error());
    folder_.emplace(std::move(*folder));
    names.insert_or_assign("folder", folder_->path().string());
  }
  for (const auto& [name, text] : plan.files) {
    const auto content = substituted(text, names);
    auto& slot = files_.emplace_back();
    if (auto done = share(name, slot, SharedFile::create(name.c_str(), 0)); !done) return done;
    if (auto done = slot->write(std::as_bytes(std::span(content))); !done) return done;
  }
  return {};
}

std::expected<std::unique_ptr<VmmProcess>, std::string> VmmProcess::start(
    const Surroundings& surroundings, const Plan& plan, std::span<const std::byte> program) {
  static std::atomic<std::uint64_t> last_id{0};
  std::unique_ptr<VmmProcess> vmm(new VmmProcess);
  vmm->title_ = surroundings.recipe.title;
  Names names = plan.names;
  names.insert_or_assign("agent", surroundings.agent.string());
  names.insert_or_assign("bzimage", surroundings.bzimage().string());
  names.insert_or_assign("tsc-khz", std::to_string(surroundings.tsc_khz));
  names.insert_or_assign("id", std::to_string(++last_id));
  names.insert_or_assign("words",
                         substituted(fmt::format("{}", fmt::join(plan.words, " ")), names));
  process::Command command;
  if (auto made = vmm->make_files(plan, program, names, command); !made)
    return Failure(made.error());

  auto line = Ends::open();
  auto monitor = Ends::open();
  auto complaints = process::Pipe::open();
  if (!line) return Failure(line.error());
  if (!monitor) return Failure(monitor.error());
  if (!complaints) return failure("pipe");
  ::fcntl(complaints->read.get(), F_SETFL, O_NONBLOCK);
  if (surroundings.recipe.monitor) {
    command.keep.push_back(monitor->theirs.get());
    names.insert_or_assign("monitor-fd", std::to_string(monitor->theirs.get()));
  }
  command.argv = {surroundings.binary.string()};
  const auto arguments = filled_in(plan, names);
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.in = command.out = line->theirs.get();
  command.err = complaints->write.get();
  auto child = surroundings.starter->start(command);
  if (!child) return Failure(child.error());
  vmm->child_.emplace(std::move(*child));
  vmm->line_ = std::move(line->ours);
  vmm->complaints_ = std::move(complaints->read);
  if (!surroundings.recipe.monitor) return vmm;
  monitor->theirs.reset();
  vmm->monitor_.emplace(std::move(monitor->ours), surroundings.recipe, plan.memory);
  if (auto opened = vmm->monitor_->open(kGreetingPatience); !opened) {
    vmm->kill();
    const auto ended = vmm->child_->wait();
    const auto said = last_line(vmm->take_complaints());
    return Failure(
        fmt::format("{} does not start: {}", vmm->title_, said.empty() ? ended.words() : said));
  }
  return vmm;
}

bool VmmProcess::listen() {
  bool heard = false;
  std::array<char, 4096> buffer;
  for (;;) {
    const auto count = ::read(complaints_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return heard;
    heard = true;
    heard_.append(buffer.data(), static_cast<std::size_t>(count));
    if (heard_.size() > 2 * kMostComplaints) heard_.erase(0, heard_.size() - kMostComplaints);
  }
}

std::string VmmProcess::take_complaints() {
  listen();
  if (heard_.size() > kMostComplaints) heard_.erase(0, heard_.size() - kMostComplaints);
  return std::exchange(heard_, {});
}

std::string last_line(std::string_view text) {
  std::string line;
  std::string last;
  const auto keep = [&] {
    if (line.find_first_not_of(' ') != std::string::npos) last = line;
    line.clear();
  };
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      keep();
    } else if (static_cast<unsigned char>(c) >= ' ' && c != 0x7f) {
      line += c;
    }
  }
  keep();
  return last;
}

}  // namespace hypervet::vmm
