// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/door.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <expected>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/lab/job.h"
#include "backends/process/child.h"
#include "backends/process/descriptor.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;

constexpr int kBroken = 3;

// QEMU docs/specs/pvpanic.rst: one byte port; writing bit 0 says that the guest panicked, which
// QEMU answers as its -action option says: it pauses.
constexpr std::uint16_t kPanicPort = 0x505;
constexpr std::uint8_t kPanicked = 1;

// QEMU docs/specs/fw_cfg.rst: a 16-bit selector and a byte of data; file 0x19 is the directory,
// big-endian.
constexpr std::uint16_t kSelectorPort = 0x510;
constexpr std::uint16_t kDataPort = 0x511;
constexpr std::uint16_t kDirectory = 0x19;
constexpr std::size_t kNameSize = 56;
constexpr std::uint32_t kMostFiles = 4096;
constexpr std::uint32_t kLargestJob = 256u << 20;

void say(std::string_view line) {
  // In one piece and on a line of its own, whatever the kernel was printing.
  const auto text = fmt::format("\n{}{}\n", kMark, line);
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
}

int fail(std::string_view reason) {
  say(fmt::format("fail {}", reason));
  return kBroken;
}

// The C library's insb() does not tell the compiler that it writes memory.
void read_bytes(void* to, std::size_t count) {
  asm volatile("rep insb" : "+D"(to), "+c"(count) : "d"(kDataPort) : "memory");
}

std::uint32_t read_big_endian(std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | inb(kDataPort);
  return value;
}

std::expected<Job, std::string> read_job() {
  outw(kDirectory, kSelectorPort);
  const auto count = read_big_endian(4);
  if (count > kMostFiles) return std::unexpected("the machine has no fw_cfg device");
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto size = read_big_endian(4);
    const auto selector = static_cast<std::uint16_t>(read_big_endian(2));
    read_big_endian(2);  // reserved
    std::array<char, kNameSize + 1> name{};
    read_bytes(name.data(), kNameSize);
    if (std::string_view(name.data()) != kJobFile) continue;
    if (size > kLargestJob) return std::unexpected("the job is too large");
    std::string bytes(size, '\0');
    outw(selector, kSelectorPort);
    read_bytes(bytes.data(), bytes.size());
    return decode_job(bytes);
  }
  return std::unexpected("the machine carries no job");
}

// The device file of the virtio console port with this name.
std::expected<process::Descriptor, std::string> open_port(std::string_view wanted) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/class/virtio-ports", error)) {
    std::ifstream in(entry.path() / "name");
    std::string name;
    if (!std::getline(in, name) || name != wanted) continue;
    const auto device = fs::path("/dev") / entry.path().filename();
    process::Descriptor port(::open(device.c_str(), O_WRONLY | O_CLOEXEC));
    if (!port) return std::unexpected(fmt::format("{}: {}", device.string(), std::strerror(errno)));
    return port;
  }
  return std::unexpected("the kernel has no virtio console (CONFIG_VIRTIO_CONSOLE, VIRTIO_PCI)");
}

bool write_all(int to, const char* bytes, std::size_t count) {
  while (count > 0) {
    const auto written = ::write(to, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
  return true;
}

// Moves what comes from the child to the ports as it comes; returns the bytes of standard output.
std::uint64_t relay(int from_out, int to_out, int from_err, int to_err) {
  std::uint64_t count = 0;
  std::array<pollfd, 2> sources = {pollfd{from_out, POLLIN, 0}, pollfd{from_err, POLLIN, 0}};
  const std::array<int, 2> sinks = {to_out, to_err};
  std::vector<char> buffer(65536);
  while (sources[0].fd >= 0 || sources[1].fd >= 0) {
    if (::poll(sources.data(), sources.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sources[i].fd < 0 || sources[i].revents == 0) continue;
      const auto got = ::read(sources[i].fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || !write_all(sinks[i], buffer.data(), static_cast<std::size_t>(got))) {
        sources[i].fd = -1;
        continue;
      }
      if (i == 0) count += static_cast<std::uint64_t>(got);
    }
  }
  return count;
}

void send_kernel_log(int port) {
  constexpr int kReadAll = 3;  // syslog(2)
  constexpr int kBufferSize = 10;
  const int size = ::klogctl(kBufferSize, nullptr, 0);
  if (size <= 0) return;
  std::vector<char> log(static_cast<std::size_t>(size));
  const int got = ::klogctl(kReadAll, log.data(), size);
  if (got > 0) write_all(port, log.data(), static_cast<std::size_t>(got));
}

std::expected<void, std::string> write_files(const Job& job, const fs::path& folder) {
  for (const auto& [name, content] : job.files) {
    std::ofstream out(folder / name, std::ios::binary);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    if (!out.flush()) return std::unexpected(fmt::format("no room for the job's file {}", name));
  }
  return {};
}

struct Ports {
  process::Descriptor out, err, log;
};

int do_job(const Job& job, const Doer& doer, const fs::path& folder, const Ports& ports) {
  if (const auto written = write_files(job, folder); !written) return fail(written.error());
  auto out = process::Pipe::open();
  auto err = process::Pipe::open();
  if (!out || !err) return fail(fmt::format("pipe: {}", std::strerror(errno)));
  process::Command command;
  command.environment = job.environment;
  command.directory = folder;
  command.out = out->write.get();
  command.err = err->write.get();
  auto child = process::Child::call(command, [&] { return doer(job.arguments); });
  if (!child) return fail(child.error());
  out->write.reset();
  err->write.reset();
  const auto bytes = relay(out->read.get(), ports.out.get(), err->read.get(), ports.err.get());
  const auto ended = child->wait();
  send_kernel_log(ports.log.get());
  if (ended.signal != 0) return fail(fmt::format("the inner hypervet was {}", ended.words()));
  say(fmt::format("end {} {}", ended.status, bytes));
  return ended.status;
}

}  // namespace

int serve_door(const Doer& doer, const fs::path& folder) {
  auto out = open_port(kOutPort);
  auto err = open_port(kErrPort);
  auto log = open_port(kLogPort);
  if (!out) return fail(out.error());
  if (!err) return fail(err.error());
  if (!log) return fail(log.error());
  if (::ioperm(kPanicPort, 1, 1) != 0 || ::ioperm(kSelectorPort, 2, 1) != 0)
    return fail(fmt::format("no right to I/O ports: {}", std::strerror(errno)));
  say("ready");
  outb(kPanicked, kPanicPort);  // the machine stands still here until it is told to go on
  const auto job = read_job();
  if (!job) return fail(job.error());
  return do_job(*job, doer, folder, {std::move(*out), std::move(*err), std::move(*log)});
}

}  // namespace hypervet::lab
