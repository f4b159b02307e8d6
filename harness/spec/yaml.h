// SPDX-License-Identifier: Apache-2.0
// The YAML reader, its nodes and its diagnostics under the names by which the harness knows them.
#pragma once

#include "backends/yaml/diagnostic.h"
#include "backends/yaml/node.h"
#include "backends/yaml/reader.h"

namespace hypervet::spec {

using yaml::diagnose;
using yaml::Diagnostic;
using yaml::Diagnostics;
using yaml::kind_name;
using yaml::Mark;
using yaml::Node;
using yaml::parse_yaml;
using yaml::Problems;
using yaml::quote;
using yaml::read_source;
using yaml::SourceFile;
using yaml::to_string;

}  // namespace hypervet::spec
