// SPDX-License-Identifier: Apache-2.0
// The simplest request of each type of device, which a healthy device carries out: steps in the
// language of specs. Constant data, parsed once; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "harness/spec/clause.h"

namespace hypervet::program::virtio {

struct GoodRequest {
  const spec::Node* queues = nullptr;  // that it needs, as `bring-up` has them
  std::uint64_t queue = 0;             // that the request goes to
  std::span<const spec::Step> steps;
};
// `device`: a word of `on:`, each of which has one. The steps may use `within`, and name what they
// make `good-request...`.
GoodRequest good_request(std::string_view device);

// The text that they stand in, for tests.
std::string_view good_requests_text();

}  // namespace hypervet::program::virtio
