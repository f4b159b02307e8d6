// SPDX-License-Identifier: Apache-2.0
// Records to JSON values. Keys keep the order in which a person wants to read them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "reports/stream/records.h"

namespace hypervet::reports {

using Json = nlohmann::ordered_json;

// Objects as they stand in the stream, "type" included. An OtherRecord is parsed back from its
// text.
Json to_json(const Run& run);
Json to_json(const Interface& interface);
Json to_json(const Case& c);
Json to_json(const Path& path);
Json to_json(const Log& log);
Json to_json(const Summary& summary);
Json to_json(const OtherRecord& other);
Json to_json(const Record& record);
Json to_json(const Counts& counts);

// JSON text in which bytes that are not UTF-8 became U+FFFD. indent: spaces per level, -1 for one
// line.
std::string dump(const Json& json, int indent = -1);

}  // namespace hypervet::reports
