// SPDX-License-Identifier: Apache-2.0
// One ioctl and what may go wrong with it. Fd owns a file descriptor. Stateless otherwise; any
// thread.
#pragma once

#include <sys/ioctl.h>

#include <cerrno>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace hypervet::kvm {

// What the kernel refused: "KVM_CREATE_VM: Device or resource busy".
struct Error {
  std::string what;
  int number = 0;  // errno
};
template <typename T>
using Result = std::expected<T, Error>;

// Reads errno.
std::unexpected<Error> failure(const char* what);

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct Request {
  unsigned long number;
  const char* name;
};
// The request's number together with its name, for the error text.
#define HV_REQUEST(request) (::hypervet::kvm::Request{(request), #request})

// The argument is a value or a pointer, as the request wants.
inline Result<int> call(const Fd& fd, Request request, std::uintptr_t argument = 0) {
  const int result = ioctl(fd.get(), request.number, argument);
  if (result < 0) [[unlikely]]
    return failure(request.name);
  return result;
}
template <typename T>
Result<int> call(const Fd& fd, Request request, T* argument) {
  return call(fd, request, reinterpret_cast<std::uintptr_t>(argument));
}

}  // namespace hypervet::kvm
