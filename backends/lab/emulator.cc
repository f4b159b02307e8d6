// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/emulator.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include "backends/lab/job.h"
#include "backends/process/descriptor.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr auto kGreetingPatience = std::chrono::seconds(60);
constexpr auto kMigrationPatience = std::chrono::minutes(5);

// In the value of a QEMU option a comma is written twice.
std::string escaped(const fs::path& path) {
  std::string text;
  for (const char c : path.string()) text += c == ',' ? ",," : std::string(1, c);
  return text;
}

std::string kernel_command_line(const Recipe& recipe, const Wiring& wiring) {
  const auto& time =
      wiring.instruction_time ? recipe.emulator.instruction_time : recipe.emulator.host_time;
  std::vector<std::string> words = recipe.kernel.command_line;
  words.insert(words.end(), time.command_line.begin(), time.command_line.end());
  auto line = fmt::format("{}", fmt::join(words, " "));
  if (const auto at = line.find(kHostTscKhz); at != std::string::npos)
    line.replace(at, kHostTscKhz.size(), std::to_string(wiring.host_tsc_khz));
  return line;
}

void add_port(std::vector<std::string>& arguments, std::string_view id, std::string_view name,
              const fs::path& file) {
  arguments.insert(arguments.end(),
                   {"-chardev", fmt::format("file,id={},path={}", id, escaped(file)), "-device",
                    fmt::format("virtserialport,chardev={},name={}", id, name)});
}

// Where a snapshot is written before it is whole.
fs::path unfinished(const fs::path& snapshot) {
  return fmt::format("{}.{}", snapshot.string(), ::getpid());
}

std::expected<process::Descriptor, std::string> create(const fs::path& file) {
  process::Descriptor descriptor(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!descriptor)
    return std::unexpected(fmt::format("{}: {}", file.string(), std::strerror(errno)));
  return descriptor;
}

}  // namespace

std::vector<std::string> emulator_arguments(const Recipe& recipe, const Wiring& wiring) {
  std::vector<std::string> arguments = recipe.emulator.arguments;
  const auto& time =
      wiring.instruction_time ? recipe.emulator.instruction_time : recipe.emulator.host_time;
  arguments.insert(arguments.end(), time.arguments.begin(), time.arguments.end());
  arguments.insert(arguments.end(),
                   {"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-kernel",
                    wiring.kernel.string(), "-initrd", wiring.initramfs.string(), "-append",
                    kernel_command_line(recipe, wiring), "-serial",
                    fmt::format("file:{}", wiring.console().string()), "-fw_cfg",
                    fmt::format("name={},file={}", kJobFile, escaped(wiring.job()))});
  // The panic device is how the machine stops itself at a chosen instruction.
  arguments.insert(arguments.end(), {"-device", "pvpanic", "-action", "panic=pause"});
  // Without ioeventfd the device works inside the guest's own instruction, so its answers come at
  // the same instruction in every run.
  arguments.insert(arguments.end(), {"-device", "virtio-serial-pci,ioeventfd=off"});
  add_port(arguments, "out", kOutPort, wiring.out());
  add_port(arguments, "err", kErrPort, wiring.err());
  add_port(arguments, "log", kLogPort, wiring.log());
  return arguments;
}

std::expected<Emulator, std::string> Emulator::start(const Recipe& recipe, const Wiring& wiring,
                                                     bool incoming) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return std::unexpected(fmt::format("socketpair: {}", std::strerror(errno)));
  process::Descriptor ours(ends[0]);
  process::Descriptor theirs(ends[1]);
  auto complaints = create(wiring.complaints());
  if (!complaints) return std::unexpected(complaints.error());

  process::Command command;
  command.argv = emulator_arguments(recipe, wiring);
  command.argv.insert(command.argv.begin(), recipe.emulator.program);
  command.argv.insert(command.argv.end(),
                      {"-chardev", fmt::format("socket,id=monitor,fd={}", theirs.get()), "-mon",
                       "chardev=monitor,mode=control"});
  if (incoming) command.argv.insert(command.argv.end(), {"-incoming", "defer"});
  // QEMU's own way to name a file is a shell's; so the names reach it apart from the command.
  command.environment = {fmt::format("HYPERVET_SNAPSHOT={}", wiring.snapshot.string()),
                         fmt::format("HYPERVET_SAVED={}", unfinished(wiring.snapshot).string())};
  command.keep = {theirs.get()};
  command.err = complaints->get();
  auto process = process::Child::start(command);
  if (!process) {
    return std::unexpected(
        fmt::format("{} (package {})", process.error(), recipe.emulator.package));
  }
  theirs.reset();
  Emulator emulator(std::move(*process), process::Qmp(std::move(ours)), wiring.snapshot);
  if (auto opened = emulator.monitor_.open(kGreetingPatience); !opened) {
    emulator.process_.kill();
    const auto ended = emulator.process_.wait();
    const auto said = last_complaint(wiring.complaints());
    return std::unexpected(fmt::format("{} does not start: {}", recipe.emulator.program,
                                       said.empty() ? ended.words() : said));
  }
  return emulator;
}

std::expected<Emulator, std::string> Emulator::boot(const Recipe& recipe, const Wiring& wiring) {
  return start(recipe, wiring, false);
}

std::expected<Emulator, std::string> Emulator::restore(const Recipe& recipe, const Wiring& wiring) {
  auto emulator = start(recipe, wiring, true);
  if (!emulator) return emulator;
  const auto begun =
      emulator->monitor_.command("migrate-incoming", {{"uri", R"(exec:cat "$HYPERVET_SNAPSHOT")"}});
  if (!begun) return std::unexpected(begun.error());
  const auto end = std::chrono::steady_clock::now() + kMigrationPatience;
  for (;;) {
    const auto status = emulator->monitor_.command("query-status");
    if (!status) return std::unexpected(status.error());
    if (process::text_of(*status, "status") != "inmigrate") break;
    if (std::chrono::steady_clock::now() > end)
      return std::unexpected("the snapshot is never read to its end");
    emulator->watch(milliseconds(5));
  }
  return emulator;
}

std::expected<void, std::string> Emulator::await_migration() {
  const auto end = std::chrono::steady_clock::now() + kMigrationPatience;
  while (std::chrono::steady_clock::now() < end) {
    const auto progress = monitor_.command("query-migrate");
    if (!progress) return std::unexpected(progress.error());
    const auto status = process::text_of(*progress, "status");
    if (status == "completed") return {};
    if (status == "failed" || status == "cancelled") {
      const auto said = process::text_of(*progress, "error-desc");
      return std::unexpected(said.empty() ? "the machine cannot be saved" : said);
    }
    watch(milliseconds(5));
  }
  return std::unexpected("the machine is never saved to its end");
}

std::expected<void, std::string> Emulator::save() {
  // The default of 128 MB a second would be what takes the time.
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 40;
  const auto write = [&]() -> std::expected<void, std::string> {
    if (auto set = monitor_.command("migrate-set-parameters", {{"max-bandwidth", kUnlimited}});
        !set)
      return std::unexpected(set.error());
    if (auto begun = monitor_.command("migrate", {{"uri", R"(exec:cat >"$HYPERVET_SAVED")"}});
        !begun) {
      return std::unexpected(begun.error());
    }
    return await_migration();
  };
  const auto written = write();
  std::error_code error;
  if (written) fs::rename(unfinished(snapshot_), snapshot_, error);
  if (written && !error) return {};
  std::error_code ignored;
  fs::remove(unfinished(snapshot_), ignored);
  return std::unexpected(
      fmt::format("{}: {}", snapshot_.string(), written ? error.message() : written.error()));
}

std::expected<void, std::string> Emulator::go_on() {
  if (auto gone = monitor_.command("cont"); !gone) return std::unexpected(gone.error());
  return {};
}

std::string last_complaint(const fs::path& complaints) {
  std::ifstream in(complaints);
  std::string last;
  std::string last_named;  // "qemu-system-x86_64: ..."; what follows is advice
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.contains("warning:")) continue;
    last = line;
    if (line.contains(": ")) last_named = line;
  }
  return last_named.empty() ? last : last_named;
}

}  // namespace hypervet::lab
