// SPDX-License-Identifier: Apache-2.0
// One line of JSON to a record. Pure: no state between lines, no I/O.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "reports/stream/records.h"

namespace hypervet::reports {

struct LineError {
  enum class Kind {
    kCut,    // the text ends before the JSON does
    kBad,    // not JSON, or not a record
    kNewer,  // a run record of a newer format: the lines after it cannot be trusted either
  };
  Kind kind = Kind::kBad;
  std::size_t column = 1;  // in bytes, from 1
  std::string message;
};

// Unknown keys are ignored and unknown record types kept as OtherRecord: a newer hypervet of the
// same format may have added them.
std::expected<Record, LineError> decode_record(std::string_view line);

}  // namespace hypervet::reports
