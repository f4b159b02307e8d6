// SPDX-License-Identifier: Apache-2.0
// Other programs: QEMU, apt. No shell is involved, so no text of a user is ever a command line. A
// child runs in a process group of its own (Ctrl-C reaches hypervet alone, which then decides) and
// dies with hypervet.
//
// A Child belongs to one thread, and the thread that starts it must live as long as the child is to
// live: Linux ties a child to the thread, not to the process (PR_SET_PDEATHSIG, prctl(2)).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hypervet::process {

struct Command {
  std::vector<std::string> argv = {};         // [0]: a path, or a name that is looked up in PATH
  std::vector<std::string> environment = {};  // NAME=value, beside or instead of this process's own
  std::filesystem::path directory = {};  // the child's working directory; empty: this process's
  // Descriptors of this process, needed until start() returns; -1: /dev/null.
  int in = -1;
  int out = -1;
  int err = -1;
  // Further descriptors, all above 2, that the child gets under the same numbers; no other is
  // inherited.
  std::vector<int> keep = {};
};

// Where PATH has a program; a name with a slash is a path already and comes back unseen. The error
// is one line: "qemu-system-x86_64: not found in PATH".
std::expected<std::filesystem::path, std::string> find_program(const std::string& name);

// How a program ended.
struct Ended {
  int status = 0;  // its exit status
  int signal = 0;  // or what killed it; 0: nothing did

  bool ok() const { return status == 0 && signal == 0; }
  // "exit status 2", "killed by signal 9 (Killed)"
  std::string words() const;
};

class Child {
 public:
  // The error is one line that names the program: "cannot start qemu-system-x86_64: not found in
  // PATH".
  static std::expected<Child, std::string> start(const Command& command);
  // A copy of this process that does `body` and ends with its value; argv and keep are not used,
  // and no descriptor but the standard ones stays open. Only while this process has one thread.
  static std::expected<Child, std::string> call(const Command& command,
                                                const std::function<int()>& body);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  // Kills what still runs, and waits for it.
  ~Child();

  pid_t pid() const { return pid_; }
  // Readable (poll(2)) once the child has ended; lives as long as the Child.
  int end_fd() const { return pidfd_; }

  // Signals the child's process group; nothing when it has ended.
  void kill(int signal = SIGKILL);
  // Waits without limit. May be called again.
  Ended wait();
  // nullopt: it still runs.
  std::optional<Ended> wait_for(std::chrono::milliseconds time);

 private:
  Child(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  // `last` is what the child does; it comes back, with errno, only if it cannot.
  static std::expected<Child, std::string> launch(const Command& command,
                                                  const std::function<void()>& last);
  void release();

  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<Ended> ended_;
};

struct Limits {
  std::chrono::milliseconds time = std::chrono::hours(24);
  std::size_t output = std::size_t{64} << 20;  // bytes of stdout and of stderr
  std::function<bool()> stopped = {};          // asked ten times a second; may be empty
};

struct Output {
  Ended ended;
  std::string out;
  std::string err;

  // The last line of stderr (of stdout, if stderr is empty) that is not blank; how the program
  // ended, if there is none.
  std::string last_line() const;
};

// Runs a program to its end and takes what it prints; command.out and command.err are not used. A
// bad exit status is no error here. Errors, one line each that names the program: it cannot be
// started, a limit was hit, "interrupted".
std::expected<Output, std::string> run(Command command, const Limits& limits = {});

}  // namespace hypervet::process
