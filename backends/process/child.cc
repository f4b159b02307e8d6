// SPDX-License-Identifier: Apache-2.0
#include "backends/process/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "backends/process/descriptor.h"

extern char** environ;

namespace hypervet::process {
namespace {

using Clock = std::chrono::steady_clock;
using Failure = std::unexpected<std::string>;

constexpr std::string_view kNotFound = "not found in PATH";

std::string in_words(int error) { return std::strerror(error); }

std::vector<std::string> environment_with(const std::vector<std::string>& additions) {
  std::vector<std::string> all = additions;
  for (char** own = environ; *own; ++own) {
    const std::string_view text = *own;
    const std::string_view name = text.substr(0, text.find('='));
    const bool replaced = std::ranges::any_of(additions, [&](std::string_view addition) {
      return addition.substr(0, addition.find('=')) == name;
    });
    if (!replaced) all.emplace_back(text);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// All that the child needs between fork and exec, where nothing may be allocated: another thread
// may have held the allocator's lock when the process was copied.
struct Prepared {
  const char* directory;  // null: stays
  std::array<int, 3> standard;
  const std::vector<int>& keep;
  pid_t parent;
  int report;  // takes errno when the child cannot be what it should; closed when it is
};

[[noreturn]] void give_up(const Prepared& prepared) {
  const int error = errno;
  // Nobody is left to tell if this fails.
  [[maybe_unused]] const auto written = write(prepared.report, &error, sizeof error);
  _exit(127);
}

void settle(const Prepared& prepared) {
  setpgid(0, 0);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(prepared);
  if (getppid() != prepared.parent) _exit(127);  // it died before the line above

  // Away from 0 to 2 first, as one of them may be the source of another.
  std::array<int, 3> standard{};
  for (std::size_t i = 0; i < 3; ++i) {
    standard[i] = fcntl(prepared.standard[i], F_DUPFD_CLOEXEC, 3);
    if (standard[i] < 0) give_up(prepared);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    if (dup2(standard[i], static_cast<int>(i)) < 0) give_up(prepared);
  }
  // Fails on kernels before 5.11; the descriptors are all opened with O_CLOEXEC anyway.
  close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  for (const int fd : prepared.keep) {
    if (fcntl(fd, F_SETFD, 0) != 0) give_up(prepared);
  }
  if (prepared.directory && chdir(prepared.directory) != 0) give_up(prepared);

  for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// 0: the child is what it should be. Otherwise the errno with which it could not be.
int read_report(int fd) {
  int error = 0;
  ssize_t size;
  do {
    size = read(fd, &error, sizeof error);
  } while (size < 0 && errno == EINTR);
  return size == sizeof error ? error : 0;
}

// Not <sys/pidfd.h>: glibc 2.36 declares its functions with C++ linkage. O_CLOEXEC is implied.
int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0u)); }

Ended reap(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return {.status = 127};  // somebody else has waited for it
  }
  if (WIFSIGNALED(status)) return {.signal = WTERMSIG(status)};
  return {.status = WEXITSTATUS(status)};
}

// Reads what is there, until there is more than `limit`. False: the end.
bool drain(int fd, std::string& into, std::size_t limit) {
  char buffer[1 << 16];
  while (into.size() <= limit) {
    const ssize_t size = read(fd, buffer, sizeof buffer);
    if (size > 0) {
      into.append(buffer, static_cast<std::size_t>(size));
      if (static_cast<std::size_t>(size) < sizeof buffer) return true;
    } else if (size == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
  return true;
}

std::string last_line_of(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t last = text.find_last_not_of(kBlank);
  if (last == text.npos) return {};
  text = text.substr(0, last + 1);
  const std::size_t start = text.find_last_of("\r\n");
  return std::string(start == text.npos ? text : text.substr(start + 1));
}

}  // namespace

std::expected<std::filesystem::path, std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "/usr/local/bin:/usr/bin:/bin";
  while (true) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::filesystem::path file =
        std::filesystem::path(end == 0 ? "." : rest.substr(0, end)) / name;
    std::error_code error;
    if (access(file.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(file, error)) {
      return file;
    }
    if (end == rest.size()) return Failure(fmt::format("{}: {}", name, kNotFound));
    rest.remove_prefix(end + 1);
  }
}

std::string Ended::words() const {
  const char* name = sigdescr_np(signal);
  if (signal != 0) return fmt::format("killed by signal {} ({})", signal, name ? name : "unknown");
  return fmt::format("exit status {}", status);
}

std::expected<Child, std::string> Child::launch(const Command& command,
                                                const std::function<void()>& last) {
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  auto report = Pipe::open();
  if (!null || !report) return Failure(in_words(errno));
  const auto or_null = [&](int fd) { return fd < 0 ? null.get() : fd; };
  const Prepared prepared{
      .directory = command.directory.empty() ? nullptr : command.directory.c_str(),
      .standard = {or_null(command.in), or_null(command.out), or_null(command.err)},
      .keep = command.keep,
      .parent = getpid(),
      .report = report->write.get(),
  };

  const pid_t pid = fork();
  if (pid < 0) return Failure(in_words(errno));
  if (pid == 0) {
    settle(prepared);
    last();
    give_up(prepared);
  }
  setpgid(pid, pid);  // both sides do it, so that it is done whoever comes first
  Child child(pid, open_pidfd(pid));
  if (child.pidfd_ < 0) return Failure(in_words(errno));
  report->write.reset();
  if (const int error = read_report(report->read.get())) {
    child.wait();
    return Failure(in_words(error));
  }
  return child;
}

std::expected<Child, std::string> Child::call(const Command& command,
                                              const std::function<int()>& body) {
  std::fflush(nullptr);  // or the child would print it, too
  auto child = launch(command, [&] {
    // Not only those that exec closes: an end of a pipe that stayed open would keep its reader.
    closefrom(3);
    for (const auto& variable : command.environment) {
      const auto equals = variable.find('=');
      setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
    }
    const int status = body();
    std::fflush(nullptr);
    _exit(status);
  });
  if (!child) return Failure(fmt::format("cannot start a process: {}", child.error()));
  return child;
}

std::expected<Child, std::string> Child::start(const Command& command) {
  const auto fail = [&](std::string_view why) {
    return Failure(fmt::format("cannot start {}: {}",
                               command.argv.empty() ? "nothing" : command.argv.front(), why));
  };
  if (command.argv.empty()) return fail("no program is named");
  const auto program = find_program(command.argv.front());
  if (!program) return fail(kNotFound);

  std::vector<std::string> argv = command.argv;
  std::vector<std::string> environment = environment_with(command.environment);
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> environment_pointers = pointers(environment);
  auto child =
      launch(command, [program = program->c_str(), argv = const_cast<char**>(argv_pointers.data()),
                       environment = const_cast<char**>(environment_pointers.data())] {
        execve(program, argv, environment);
      });
  if (!child) return fail(child.error());
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      ended_(std::exchange(other.ended_, std::nullopt)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    release();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::exchange(other.pidfd_, -1);
    ended_ = std::exchange(other.ended_, std::nullopt);
  }
  return *this;
}

Child::~Child() { release(); }

void Child::release() {
  if (pid_ < 0) return;
  kill();
  wait();
  if (pidfd_ >= 0) close(pidfd_);
}

void Child::kill(int signal) {
  // Until it is waited for the number cannot belong to anybody else.
  if (pid_ > 0 && !ended_) ::kill(-pid_, signal);
}

Ended Child::wait() {
  if (!ended_) ended_ = reap(pid_);
  return *ended_;
}

std::optional<Ended> Child::wait_for(std::chrono::milliseconds time) {
  const auto deadline = Clock::now() + time;
  while (!ended_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd end{pidfd_, POLLIN, 0};
    const int ready = poll(&end, 1, static_cast<int>(std::clamp<long>(left, 0, 1'000'000)));
    if (ready > 0) return wait();
    if (left <= 0) return std::nullopt;
  }
  return ended_;
}

std::string Output::last_line() const {
  for (const std::string& text : {err, out}) {
    if (std::string line = last_line_of(text); !line.empty()) return line;
  }
  return ended.words();
}

std::expected<Output, std::string> run(Command command, const Limits& limits) {
  const auto fail = [&](std::string_view why) {
    return Failure(fmt::format("{}: {}", command.argv.front(), why));
  };
  auto out = Pipe::open();
  auto err = Pipe::open();
  if (!out || !err) {
    return Failure(fmt::format("cannot make a pipe: {}", in_words(errno)));
  }
  for (const int fd : {out->read.get(), err->read.get()}) fcntl(fd, F_SETFL, O_NONBLOCK);
  command.out = out->write.get();
  command.err = err->write.get();
  auto child = Child::start(command);
  if (!child) return Failure(child.error());
  out->write.reset();
  err->write.reset();

  Output output;
  const auto deadline = Clock::now() + limits.time;
  std::array<pollfd, 3> waits{
      {{out->read.get(), POLLIN, 0}, {err->read.get(), POLLIN, 0}, {child->end_fd(), POLLIN, 0}}};
  while (true) {
    poll(waits.data(), waits.size(), 100);
    // Asked before the pipes are emptied: all that the child has written is then in them. Its own
    // children may hold the pipes open for longer; nobody waits for those.
    const bool ended = waits[2].revents != 0;
    if (waits[0].fd >= 0 && !drain(waits[0].fd, output.out, limits.output)) waits[0].fd = -1;
    if (waits[1].fd >= 0 && !drain(waits[1].fd, output.err, limits.output)) waits[1].fd = -1;
    if (output.out.size() > limits.output || output.err.size() > limits.output) {
      return fail(fmt::format("printed more than {} bytes", limits.output));
    }
    if (ended) break;
    if (limits.stopped && limits.stopped()) return fail("interrupted");
    if (Clock::now() > deadline) {
      return fail(fmt::format("not finished after {} ms", limits.time.count()));
    }
  }
  output.ended = child->wait();
  return output;
}

}  // namespace hypervet::process
