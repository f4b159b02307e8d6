// SPDX-License-Identifier: Apache-2.0
// The templates of the HTML reports, of one run and of a difference, put together at build time
// from the assets in this folder.
#pragma once

namespace hypervet::reports {

extern const char kPageTemplate[];
extern const char kDiffTemplate[];

}  // namespace hypervet::reports
