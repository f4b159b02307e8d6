// SPDX-License-Identifier: Apache-2.0
// Why a machine stops, as the part that noticed says it. A plain value.
#pragma once

#include <string>

#include "backends/backend.h"

namespace hypervet::kvm {

struct Ending {
  backends::Stop stop = backends::Stop::kBackendError;
  std::string detail;  // one line
};

}  // namespace hypervet::kvm
