// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>
#include <utility>

namespace hypervet::reports {
namespace {

std::string message(std::string_view path, std::string_view action, int error) {
  return fmt::format("{}: cannot {}: {}", path, action, std::generic_category().message(error));
}

// Holds SIGPIPE back from this thread, and swallows the one that a write has raised meanwhile. The
// handler of the process is left alone: it is not ours.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~SigpipeGuard() {
    if (!was_pending_) {
      const timespec now{};
      while (sigtimedwait(&sigpipe_, nullptr, &now) < 0 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_;
};

// Writes all bytes, by one write(2) unless the kernel takes fewer. 0 or the errno.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // somebody else's non-blocking pipe
      pollfd ready = {fd, POLLOUT, 0};
      if (::poll(&ready, 1, -1) < 0 && errno != EINTR) return errno;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

std::expected<StreamWriter, std::string> StreamWriter::create(const std::string& path) {
  const int fd = path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                             : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return std::unexpected(message(path, "create", errno));
  return StreamWriter(fd, path == "-" ? "standard output" : path);
}

std::expected<StreamWriter, std::string> StreamWriter::resume(const std::string& path,
                                                              std::uint64_t offset) {
  const int fd = ::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (fd < 0) return std::unexpected(message(path, "open", errno));
  StreamWriter writer(fd, path);
  struct stat status{};
  if (::fstat(fd, &status) != 0) return std::unexpected(message(path, "examine", errno));
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected(fmt::format("{}: cannot continue a stream that is no file", path));
  }
  if (offset > static_cast<std::uint64_t>(status.st_size)) {
    return std::unexpected(fmt::format("{}: cannot continue at byte {}: the file has only {}", path,
                                       offset, status.st_size));
  }
  if (::ftruncate(fd, static_cast<off_t>(offset)) != 0) {
    return std::unexpected(message(path, "cut", errno));
  }
  // The last record may have been whole but for its line break.
  char last = '\n';
  if (offset > 0 && ::pread(fd, &last, 1, static_cast<off_t>(offset - 1)) != 1) {
    return std::unexpected(message(path, "read", errno));
  }
  if (last != '\n') {
    if (Status status_of_break = writer.write_line("\n"); !status_of_break) {
      return std::unexpected(status_of_break.error());
    }
  }
  return writer;
}

StreamWriter StreamWriter::adopt(int fd, std::string path) {
  return StreamWriter(fd, std::move(path));
}

StreamWriter::StreamWriter(int fd, std::string path) : fd_(fd), path_(std::move(path)) {
  struct stat status{};
  regular_file_ = ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
}

StreamWriter::StreamWriter(StreamWriter&& other) noexcept {
  const std::lock_guard lock(other.mutex_);
  fd_ = std::exchange(other.fd_, -1);
  regular_file_ = other.regular_file_;
  path_ = std::move(other.path_);
  failure_ = std::move(other.failure_);
}

StreamWriter& StreamWriter::operator=(StreamWriter&& other) noexcept {
  if (this == &other) return *this;
  const std::scoped_lock lock(mutex_, other.mutex_);
  release();
  fd_ = std::exchange(other.fd_, -1);
  regular_file_ = other.regular_file_;
  path_ = std::move(other.path_);
  failure_ = std::move(other.failure_);
  return *this;
}

StreamWriter::~StreamWriter() { release(); }

void StreamWriter::release() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

StreamWriter::Status StreamWriter::fail(std::string_view action, int error) {
  failure_ = message(path_, action, error);
  return std::unexpected(*failure_);
}

StreamWriter::Status StreamWriter::write(const Record& record) {
  std::string line = to_json_line(record);
  line += '\n';
  return write_line(line);
}

StreamWriter::Status StreamWriter::write_line(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (failure_) return std::unexpected(*failure_);
  if (fd_ < 0) return std::unexpected(message(path_, "write", EBADF));
  int error = 0;
  if (regular_file_) {
    error = write_all(fd_, line);
  } else {
    const SigpipeGuard guard;
    error = write_all(fd_, line);
  }
  if (error != 0) return fail("write", error);
  return {};
}

StreamWriter::Status StreamWriter::close() {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0) return failure_ ? Status(std::unexpected(*failure_)) : Status();
  // Network and delayed-allocation file systems report a full disk here at the earliest.
  const int sync_error = regular_file_ && ::fsync(fd_) != 0 ? errno : 0;
  const int close_error = ::close(std::exchange(fd_, -1)) != 0 ? errno : 0;
  if (failure_) return std::unexpected(*failure_);
  if (sync_error != 0) return fail("write", sync_error);
  if (close_error != 0) return fail("close", close_error);
  return {};
}

}  // namespace hypervet::reports
