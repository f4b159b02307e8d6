// SPDX-License-Identifier: Apache-2.0
// The templates of the HTML reports, of one run, of a difference and of a
// comparison of timed paths, put together at build time
// from the assets in this folder.
#pragma once

namespace hypervet::reports {

extern const char kPageTemplate[];
extern const char kDiffTemplate[];
extern const char kComparisonTemplate[];

}  // namespace hypervet::reports
