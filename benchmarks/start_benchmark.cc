// SPDX-License-Identifier: Apache-2.0
// The built binary as its user meets it, in wall time; the floor is the start and end of /bin/true.
//
//   start/version        the process alone: what the loader and the command line take
//   start/list           the same and the suite's specs
//   start/first-verdict  `run` of one case until its record is in the pipe     (50 ms)
//   run/whole            `hypervet run` without arguments; its peak memory     (200 MB)
//
// Peak memory is what wait4(2) says. A child counts with what its parent held when it started it,
// so the floor's peak is this program's own.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/turns.h"

namespace {

using namespace hypervet;
using benchmarks::compare;
using benchmarks::kMilliseconds;
namespace fs = std::filesystem;

constexpr const char* kOneCase = "kvm.hypercall.result-in-rax/a call that succeeds";
constexpr std::string_view kCaseRecord = "\"type\":\"case\"";

// A process with its standard output in a pipe and its standard error in /dev/null.
class Child {
 public:
  Child(std::vector<std::string> words, const std::string& folder) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    output_ = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int error =
        posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0) throw std::runtime_error("cannot start " + words.front());
  }
  ~Child() {
    close(output_);
    if (pid_ > 0) wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Until that text has come, or the output has ended: true if it came.
  bool read_until(std::string_view text) {
    for (;;) {
      char buffer[4096];
      const ssize_t got = read(output_, buffer, sizeof buffer);
      if (got <= 0) return false;
      seen_.append(buffer, static_cast<std::size_t>(got));
      if (!text.empty() && seen_.contains(text)) return true;
    }
  }

  struct End {
    int status = 0;   // of wait(2)
    double cpu = 0;   // seconds
    double peak = 0;  // bytes
  };
  End wait() {
    End end;
    rusage usage{};
    if (wait4(pid_, &end.status, 0, &usage) != pid_) throw std::runtime_error("wait4 failed");
    pid_ = -1;
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    end.cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    end.peak = static_cast<double>(usage.ru_maxrss) * 1024;
    return end;
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string seen_;
};

// Where the runs leave what they write; gone at the end.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("hypervet-start." + std::to_string(getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

const Folder& folder() {
  static const Folder made;
  return made;
}

// From start to end of a process: wall seconds. What it used goes into `end`.
double whole(const std::vector<std::string>& words, Child::End& end) {
  return benchmarks::seconds(CLOCK_MONOTONIC, [&] {
    Child child(words, folder().path());
    child.read_until({});
    end = child.wait();
  });
}

double nothing() {
  Child::End ignored;
  return whole({"/bin/true"}, ignored);
}

void process(benchmark::State& state, std::vector<std::string> words) {
  words.insert(words.begin(), HYPERVET_BINARY);
  Child::End end;
  compare(state, kMilliseconds, [&] { return whole(words, end); }, nothing);
  if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0) {
    state.SkipWithError("hypervet did not exit with 0");
  }
  state.counters["cpu_ms"] = end.cpu * 1e3;
}

void version(benchmark::State& state) { process(state, {"--version"}); }
void list(benchmark::State& state) { process(state, {"list"}); }

void first_verdict(benchmark::State& state) {
  bool came = true;
  const auto ours = [&] {
    const std::vector<std::string> words = {HYPERVET_BINARY, "run", kOneCase, "--results", "-"};
    double taken = 0;
    {
      std::optional<Child> child;
      taken = benchmarks::seconds(CLOCK_MONOTONIC, [&] {
        child.emplace(words, folder().path());
        came = child->read_until(kCaseRecord) && came;
      });
      child->read_until({});
    }
    return taken;
  };
  compare(state, kMilliseconds, ours, nothing);
  if (!came) state.SkipWithError("no case record came");
}

void whole_run(benchmark::State& state) {
  double peak = 0, cpu = 1e9;
  int status = 0;
  compare(
      state, kMilliseconds,
      [&] {
        Child::End end;
        const double taken = whole({HYPERVET_BINARY, "run"}, end);
        peak = std::max(peak, end.peak);
        cpu = std::min(cpu, end.cpu);
        status = end.status;
        return taken;
      },
      nothing);
  Child::End floor;
  whole({"/bin/true"}, floor);
  state.counters["cpu_ms"] = cpu * 1e3;
  state.counters["peak_MB"] = peak / 1e6;
  state.counters["floor_MB"] = floor.peak / 1e6;
  state.counters["exit"] = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

BENCHMARK(version)
    ->Name("start/version")
    ->UseManualTime()
    ->Iterations(50)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(list)->Name("start/list")->UseManualTime()->Iterations(50)->Unit(benchmark::kMillisecond);
BENCHMARK(first_verdict)
    ->Name("start/first-verdict")
    ->UseManualTime()
    ->Iterations(50)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(whole_run)
    ->Name("run/whole")
    ->UseManualTime()
    ->Iterations(5)
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
