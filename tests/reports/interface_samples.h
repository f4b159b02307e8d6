// SPDX-License-Identifier: Apache-2.0
// Interfaces for sample results: clauses of every level, untestable ones, and some without a case.
#pragma once

#include "reports/stream/records.h"

namespace hypervet::reports::samples {

Interface hypercalls();
Interface clock();
Interface block();

}  // namespace hypervet::reports::samples
