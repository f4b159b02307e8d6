// SPDX-License-Identifier: Apache-2.0
// Results to test reports with: realistic text, every verdict, every mark, every kind of cell.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "reports/stream/records.h"

namespace hypervet::reports::samples {

// A kvm run of three interfaces, one of them of the reference devices: all six verdicts, all marks,
// untestable and empty clauses.
Results mixed();
// The same interfaces, all passed, on the simulator: no hypervisor is judged.
Results reference_model();
// mixed() with `cases` case instances in all, the additional ones spread over the clauses.
Results large(std::size_t cases);
// A run whose every string tries to break out of HTML, XML, KTAP or a terminal.
Results hostile();

// The records of `results` in stream order.
std::vector<Record> records(const Results& results);
// The stream as text.
std::string stream(const Results& results);
// Sets planned and the summary from the cases.
void summarize(Results& results);

}  // namespace hypervet::reports::samples
