// SPDX-License-Identifier: Apache-2.0
// The order of Debian's version numbers (Debian Policy 5.6.12). Any thread.
#pragma once

#include <string_view>

namespace hypervet::lab {

// Below 0: `a` is the older one; above 0: the newer one; 0: both are the same.
int compare_versions(std::string_view a, std::string_view b);

}  // namespace hypervet::lab
