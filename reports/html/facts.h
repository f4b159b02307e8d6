// SPDX-License-Identifier: Apache-2.0
// The provenance of a run, or of two beside each other, for the pages. Pure functions.
#pragma once

#include <kainjow/mustache.hpp>
#include <string>
#include <vector>

#include "reports/digest.h"
#include "reports/stream/records.h"

namespace hypervet::reports::html {

struct Fact {
  std::string name;
  std::string value;
  bool mono = false;  // in a fixed-width face: hashes, commands
};

// What is known of a run; facts that are not known are left out.
std::vector<Fact> facts(const Run& run);
// And of how it ended.
std::vector<Fact> facts(const Results& results, const Digest& digest);

// Lists for the templates; the second one is for provenance.mustache.
kainjow::mustache::data fact_list(const std::vector<Fact>& facts);
kainjow::mustache::data fact_pairs(std::vector<Fact> a, std::vector<Fact> b);

}  // namespace hypervet::reports::html
