// SPDX-License-Identifier: Apache-2.0
// hypervet lab-door: what the init of a lab starts last. Not for people, so no help shows it.
#include "backends/lab/door.h"
#include "harness/cli/application.h"

namespace hypervet::cli {

void add_lab_door(Application& application) {
  application
      .verb("lab-door", "The inner side of a lab; of use in an emulated machine alone",
            [] { return lab::serve_door("/proc/self/exe", "/job"); })
      ->group("");
}

}  // namespace hypervet::cli
