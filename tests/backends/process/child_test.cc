// SPDX-License-Identifier: Apache-2.0
#include "backends/process/child.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "backends/process/descriptor.h"

namespace hypervet::process {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

std::vector<std::string> shell(std::string script) { return {"sh", "-c", std::move(script)}; }

bool alive(pid_t pid) { return ::kill(pid, 0) == 0; }

TEST(Run, TakesBothOutputsAndTheExitStatus) {
  const auto output = run({.argv = shell("echo one; echo two >&2; exit 3")});
  ASSERT_TRUE(output) << output.error();
  EXPECT_EQ(output->out, "one\n");
  EXPECT_EQ(output->err, "two\n");
  EXPECT_FALSE(output->ended.ok());
  EXPECT_EQ(output->ended.words(), "exit status 3");
  EXPECT_EQ(output->last_line(), "two");
}

TEST(Run, ArgumentsReachTheProgramUntouched) {
  const auto output = run({.argv = {"printf", "%s|", "a b", "$HOME;'\"", ""}});
  ASSERT_TRUE(output) << output.error();
  EXPECT_EQ(output->out, "a b|$HOME;'\"||");
}

TEST(Run, MoreThanAPipeHolds) {
  const auto output =
      run({.argv = shell("head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2")});
  ASSERT_TRUE(output) << output.error();
  EXPECT_EQ(output->out.size(), 3'000'000u);
  EXPECT_EQ(output->err.size(), 300'000u);
}

TEST(Run, EnvironmentIsAddedAndReplaced) {
  setenv("HV_CHILD_OLD", "old", 1);
  setenv("HV_CHILD_KEPT", "kept", 1);
  const auto output = run({.argv = shell("echo $HV_CHILD_OLD $HV_CHILD_NEW $HV_CHILD_KEPT"),
                           .environment = {"HV_CHILD_OLD=new", "HV_CHILD_NEW=x"}});
  ASSERT_TRUE(output) << output.error();
  EXPECT_EQ(output->out, "new x kept\n");
}

TEST(Run, DirectoryAndStandardInput) {
  const auto output = run({.argv = shell("pwd; cat | wc -c"), .directory = "/usr"});
  ASSERT_TRUE(output) << output.error();
  EXPECT_EQ(output->out, "/usr\n0\n");
}

TEST(Run, ASignalIsNamed) {
  const auto output = run({.argv = shell("kill -TERM $$")});
  ASSERT_TRUE(output) << output.error();
  EXPECT_EQ(output->ended.words(), "killed by signal 15 (Terminated)");
  EXPECT_EQ(output->last_line(), "killed by signal 15 (Terminated)");
}

TEST(Run, ProgramsThatCannotBeStarted) {
  EXPECT_EQ(run({.argv = {"hv-no-such-program"}}).error(),
            "cannot start hv-no-such-program: not found in PATH");
  EXPECT_EQ(run({.argv = {"/etc/passwd"}}).error(), "cannot start /etc/passwd: Permission denied");
  EXPECT_EQ(run({.argv = {"/no/such"}}).error(),
            "cannot start /no/such: No such file or directory");
  EXPECT_EQ(run({.argv = {"true"}, .directory = "/no/such"}).error(),
            "cannot start true: No such file or directory");
  EXPECT_FALSE(Child::start({}));
}

TEST(Run, LimitsEndTheProgram) {
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(run({.argv = {"sleep", "60"}}, {.time = 150ms}).error(),
            "sleep: not finished after 150 ms");
  EXPECT_EQ(run({.argv = {"yes"}}, {.output = 100'000}).error(),
            "yes: printed more than 100000 bytes");
  EXPECT_EQ(run({.argv = {"sleep", "60"}}, {.stopped = [] { return true; }}).error(),
            "sleep: interrupted");
  EXPECT_LT(std::chrono::steady_clock::now() - started, 10s);
}

// A daemon left behind by the program holds its stdout; that is no reason to wait for the daemon.
TEST(Run, GrandchildrenAreNotWaitedFor) {
  const auto started = std::chrono::steady_clock::now();
  const auto output = run({.argv = shell("sleep 60 & echo $!")});
  ASSERT_TRUE(output) << output.error();
  EXPECT_LT(std::chrono::steady_clock::now() - started, 10s);
  ::kill(std::stoi(output->out), SIGKILL);
}

TEST(ChildProcess, WaitsWithAndWithoutALimit) {
  auto child = Child::start({.argv = {"sleep", "0.2"}});
  ASSERT_TRUE(child) << child.error();
  EXPECT_FALSE(child->wait_for(1ms));
  EXPECT_TRUE(child->wait().ok());
  EXPECT_TRUE(child->wait().ok());
  EXPECT_TRUE(child->wait_for(0ms)->ok());
  pollfd end{child->end_fd(), POLLIN, 0};
  EXPECT_EQ(poll(&end, 1, 0), 1);
}

TEST(ChildProcess, KillReachesItsChildrenToo) {
  auto pipe = Pipe::open();
  ASSERT_TRUE(pipe);
  auto child = Child::start({.argv = shell("sleep 60 & sleep 60"), .out = pipe->write.get()});
  ASSERT_TRUE(child) << child.error();
  pipe->write.reset();
  std::this_thread::sleep_for(50ms);
  child->kill(SIGTERM);
  EXPECT_EQ(child->wait().words(), "killed by signal 15 (Terminated)");
  char byte;
  EXPECT_EQ(read(pipe->read.get(), &byte, 1), 0);  // both ends are gone
}

TEST(ChildProcess, DestructionEndsIt) {
  pid_t pid = 0;
  {
    auto child = Child::start({.argv = {"sleep", "60"}});
    ASSERT_TRUE(child) << child.error();
    pid = child->pid();
    Child moved = std::move(*child);
    EXPECT_TRUE(alive(pid));
  }
  EXPECT_FALSE(alive(pid));
}

TEST(ChildProcess, ACallEndsWithItsValueAndItsOutput) {
  auto out = Pipe::open();
  ASSERT_TRUE(out);
  std::string word = "before";
  auto child = Child::call(
      {.environment = {"HV_CHILD_CALL=x=y"}, .directory = "/usr", .out = out->write.get()}, [&] {
        const int open = out->read.get();
        std::printf("%s %s %s", word.c_str(), getenv("HV_CHILD_CALL"),
                    fcntl(open, F_GETFD) < 0 ? "closed" : "open");
        word = "in the child";
        char folder[16] = {};
        return getcwd(folder, sizeof folder) != nullptr && std::string(folder) == "/usr" ? 7 : 1;
      });
  ASSERT_TRUE(child) << child.error();
  out->write.reset();
  char text[64] = {};
  EXPECT_GT(read(out->read.get(), text, sizeof text - 1), 0);
  EXPECT_STREQ(text, "before x=y closed");
  EXPECT_EQ(child->wait().words(), "exit status 7");
  EXPECT_EQ(word, "before");
  EXPECT_EQ(getenv("HV_CHILD_CALL"), nullptr);
}

TEST(ChildProcess, ACallThatCannotBeMade) {
  const auto child = Child::call({.directory = "/nowhere"}, [] { return 0; });
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error(), "cannot start a process: No such file or directory");
}

TEST(ChildProcess, OnlyKeptDescriptorsAreInherited) {
  const int leaky = fcntl(0, F_DUPFD, 60);  // no O_CLOEXEC
  ASSERT_GE(leaky, 60);
  auto pipe = Pipe::open();
  ASSERT_TRUE(pipe);
  const int kept = pipe->write.get();
  const auto output = run(
      {.argv = shell("ls /proc/self/fd; echo hello >&" + std::to_string(kept)), .keep = {kept}});
  close(leaky);
  ASSERT_TRUE(output) << output.error();
  EXPECT_EQ(output->err, "");
  EXPECT_THAT(output->out, HasSubstr("\n" + std::to_string(kept) + "\n"));
  EXPECT_THAT(output->out, ::testing::Not(HasSubstr("\n" + std::to_string(leaky) + "\n")));
  char text[6] = {};
  EXPECT_EQ(read(pipe->read.get(), text, 5), 5);
  EXPECT_STREQ(text, "hello");
}

TEST(ChildProcess, StandardDescriptorsMayBeSwapped) {
  const auto pipe = Pipe::open();
  ASSERT_TRUE(pipe);
  auto child =
      Child::start({.argv = shell("echo out; echo err >&2"), .out = 2, .err = pipe->write.get()});
  ASSERT_TRUE(child) << child.error();
  EXPECT_TRUE(child->wait().ok());
  char text[5] = {};
  EXPECT_EQ(read(pipe->read.get(), text, 4), 4);
  EXPECT_STREQ(text, "err\n");
}

// hypervet may be killed with SIGKILL: whatever it had started must go too.
TEST(ChildProcess, DiesWithItsParent) {
  const auto pipe = Pipe::open();
  ASSERT_TRUE(pipe);
  const pid_t parent = fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    auto child = Child::start({.argv = {"sleep", "60"}});
    const pid_t pid = child ? child->pid() : -1;
    if (write(pipe->write.get(), &pid, sizeof pid) != sizeof pid) _exit(1);
    while (true) pause();
  }
  pid_t pid = -1;
  ASSERT_EQ(read(pipe->read.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ASSERT_GT(pid, 0);
  ASSERT_TRUE(alive(pid));
  ::kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  // Whoever adopts it reaps it sooner or later; until then it is a zombie.
  std::string state = "?";
  for (int i = 0; i < 100 && alive(pid) && state != "Z"; ++i) {
    std::this_thread::sleep_for(20ms);
    const auto ps = run({.argv = {"sed", "-n", "s/^State:[[:space:]]*\\(.\\).*/\\1/p",
                                  "/proc/" + std::to_string(pid) + "/status"}});
    if (ps) state = ps->out.substr(0, 1);
  }
  EXPECT_TRUE(!alive(pid) || state == "Z") << state;
}

}  // namespace
}  // namespace hypervet::process
