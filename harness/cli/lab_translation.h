// SPDX-License-Identifier: Apache-2.0
// What the records of a lab say differently from what the inner hypervet knows. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reports/stream/records.h"

namespace hypervet::cli {

struct Translation {
  std::string emulation;                  // behind the target's name, in brackets
  std::string lab;                        // NAME[:KERNEL]
  std::string notes;                      // about the lab
  std::vector<std::string> command_line;  // of this process
  std::string started;                    // "": what the inner clock says
  std::string spec_hash;
  std::uint64_t planned = 0;
  bool exact = false;                       // the inner clock counts instructions
  std::vector<std::string> reproduce_head;  // command and verb; the instance's id comes behind
  std::vector<std::string> reproduce_tail;  // the options
  std::map<std::string, std::string> spec_paths;  // prefix of a location inside -> here
};

// "Linux 6.12 kvm_amd (emulated SVM)".
std::string emulated(const std::string& target, const Translation& translation);
reports::Run translated(reports::Run run, const Translation& translation);

}  // namespace hypervet::cli
