// SPDX-License-Identifier: Apache-2.0
// The template of the HTML report, put together at build time from the assets in this folder.
#pragma once

namespace hypervet::reports {

extern const char kPageTemplate[];

}  // namespace hypervet::reports
