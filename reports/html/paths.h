// SPDX-License-Identifier: Apache-2.0
// The hot paths of a run for its page: whose behaviour they are, the chart of dividends, the table,
// a strip of samples each. Pure functions; the page's template engine escapes all strings.
#pragma once

#include <kainjow/mustache.hpp>

#include "reports/html/axis.h"
#include "reports/stream/records.h"

namespace hypervet::reports::html {

// Sets what hot_paths.mustache wants: "has_paths" and, with paths, the rest.
void set_paths(kainjow::mustache::data& page, const Results& results);

// The labelled places of an axis as a list of {x, label, edge}; each label ends with `suffix`.
kainjow::mustache::data tick_list(const Axis& axis, std::string_view suffix = "");

}  // namespace hypervet::reports::html
