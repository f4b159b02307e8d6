// SPDX-License-Identifier: Apache-2.0
// The paths of a run as a table of text, a line each. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "reports/stream/records.h"

namespace hypervet::reports {

// A figure with four digits that count, whole numbers as they are: "412.5", "1203", "0.03125".
std::string figure(double value);
// "2.1 %" of a relative figure.
std::string percent(double relative);

// A heading and a line per path, in the given order; nothing without paths. Of a path without
// figures the line gives the reason. Strings are made harmless for a terminal.
std::vector<std::string> path_table(const std::vector<Path>& paths);

// "12 paths: 10 measured, 2 not".
std::string path_tally(const std::vector<Path>& paths);

}  // namespace hypervet::reports
