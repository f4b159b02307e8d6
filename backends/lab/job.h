// SPDX-License-Identifier: Apache-2.0
// What hypervet hands to hypervet inside a lab: a command line, the files that it names, and where
// the two meet (device names and marks). Both sides of the door include this.
// Plain values; any thread.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hypervet::lab {

struct Job {
  std::vector<std::string> arguments;        // of hypervet, without its own name
  std::vector<std::string> environment;      // NAME=value
  std::map<std::string, std::string> files;  // name -> content; they lie in the working folder
  bool operator==(const Job&) const = default;
};

// CBOR (RFC 8949).
std::string encode(const Job& job);
// A file's name that could lead out of the folder is an error, as is anything that is no job.
std::expected<Job, std::string> decode_job(std::string_view bytes);

// The job is this file of QEMU's fw_cfg device (docs/specs/fw_cfg.rst; "opt/" is for users'
// names): read synchronously by the guest, and given anew to a machine that goes on from a
// snapshot.
inline constexpr std::string_view kJobFile = "opt/org.hypervet/job";

// Ports of the virtio console device through which the inner output leaves.
inline constexpr std::string_view kOutPort = "org.hypervet.out";
inline constexpr std::string_view kErrPort = "org.hypervet.err";
inline constexpr std::string_view kLogPort = "org.hypervet.log";  // the kernel's log, at the end

// Lines on the console begin with this: "ready", "fail REASON", "end STATUS BYTES-OF-OUT".
inline constexpr std::string_view kMark = "hypervet-lab: ";

}  // namespace hypervet::lab
