// SPDX-License-Identifier: Apache-2.0
// The JSON Schema of spec files, for editors: made from the tables that lint reads (verbs, seams,
// settings, host verbs, scenarios), so that it cannot disagree with them. It knows shapes and
// words; names and values are lint's.
#pragma once

#include <string>

namespace hypervet::spec {

// The schema of one document (draft-07), indented, with a newline at its end:
// specs/schema/clauses.schema.json.
std::string schema_json();

}  // namespace hypervet::spec
