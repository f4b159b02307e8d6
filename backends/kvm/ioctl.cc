// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/ioctl.h"

#include <unistd.h>

#include <system_error>

namespace hypervet::kvm {

std::unexpected<Error> failure(const char* what) {
  const int number = errno;
  return std::unexpected(
      Error{std::string(what) + ": " + std::generic_category().message(number), number});
}

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace hypervet::kvm
