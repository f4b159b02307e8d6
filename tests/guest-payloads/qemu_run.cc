// SPDX-License-Identifier: Apache-2.0
#include "tests/guest-payloads/qemu_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

extern char** environ;

namespace hypervet::tests {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kQemu = "qemu-system-x86_64";

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

bool write_all(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const std::byte*>(data);
  while (size != 0) {
    const ssize_t n = ::write(fd, at, size);
    if (n <= 0) return false;
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

std::vector<std::string> arguments(const QemuOptions& options, const File& program) {
  std::vector<std::string> a = {kQemu,
                                "-accel",
                                "tcg",
                                "-M",
                                options.machine,
                                "-nodefaults",
                                "-no-user-config",
                                "-display",
                                "none",
                                "-no-reboot",
                                "-m",
                                "64",
                                "-smp",
                                fmt::format("{}", options.cpus),
                                "-kernel",
                                options.kernel,
                                "-append",
                                fmt::format("channel={} exit=debug-exit cpus={} {}",
                                            options.channel, options.cpus, options.words),
                                "-chardev",
                                "stdio,id=line,signal=off",
                                "-serial",
                                "chardev:line",
                                "-device",
                                "isa-debug-exit,iobase=0xf4,iosize=1"};
  if (!options.firmware.empty()) a.insert(a.end(), {"-bios", options.firmware});
  a.insert(a.end(), options.arguments.begin(), options.arguments.end());
  if (options.with_program) {
    a.push_back("-initrd");
    a.push_back(program.path());
  }
  return a;
}

pid_t spawn(const std::vector<std::string>& words, int line) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, line, 0);
  posix_spawn_file_actions_adddup2(&actions, line, 1);
  pid_t child = -1;
  if (posix_spawnp(&child, kQemu, &actions, nullptr, argv.data(), environ) != 0) child = -1;
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

void answer_host(const QemuOptions& options, const Frame& frame, int line) {
  const auto [status, result] =
      options.host ? options.host(frame.values()) : std::pair<std::uint8_t, std::uint64_t>{1, 0};
  std::uint8_t answer[9] = {status};
  std::memcpy(answer + 1, &result, 8);
  EXPECT_TRUE(write_all(line, answer, sizeof answer));
}

}  // namespace

std::string qemu_missing() {
  const std::string command = std::string("command -v ") + kQemu + " >/dev/null";
  if (std::system(command.c_str()) != 0) return "qemu-system-x86_64 is not installed";
  if (!std::filesystem::exists("/usr/share/qemu/qboot.rom"))
    return "QEMU's qboot.rom is not installed";
  return {};
}

QemuRun run_in_qemu(std::span<const std::byte> program, const QemuOptions& options) {
  QemuRun run;
  const File image(::memfd_create("program", 0));
  EXPECT_TRUE(write_all(image.get(), program.data(), program.size()));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    ADD_FAILURE() << "socketpair failed";
    return run;
  }
  const File ours(ends[0]);
  pid_t child;
  {
    const File theirs(ends[1]);
    child = spawn(arguments(options, image), theirs.get());
  }
  if (child < 0) {
    ADD_FAILURE() << "QEMU does not start";
    return run;
  }
  FrameReader reader;
  const auto deadline = Clock::now() + std::chrono::seconds(options.seconds);
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd poll{.fd = ours.get(), .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&poll, 1, static_cast<int>(left)) <= 0) {
      ::kill(child, SIGKILL);
      break;
    }
    std::byte buffer[65536];
    const ssize_t n = ::read(ours.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    reader.feed({buffer, static_cast<std::size_t>(n)});
    while (auto frame = reader.next()) {
      if (frame->kind() == protocol::FrameKind::kBegin) {
        ++run.begun;
      } else if (frame->kind() == protocol::FrameKind::kHostCall) {
        answer_host(options, *frame, ours.get());
      } else {
        run.frames.all.push_back(std::move(*frame));
      }
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) run.status = WEXITSTATUS(status);
  run.error = reader.error;
  if (run.error.empty() && !reader.data.empty()) run.error = "half a frame at the end";
  return run;
}

}  // namespace hypervet::tests
