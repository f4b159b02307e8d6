// SPDX-License-Identifier: Apache-2.0
// Reads a payload's ELF64 image and puts it into guest memory. Every file is taken for hostile:
// nothing is read beyond its end and every bad one is answered with one clear line.
//
// Functions without state; any thread may call them. A Payload refers to the bytes that it was
// parsed from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/machine/guest_memory.h"

namespace hypervet::machine {

// A loadable part of the file (PT_LOAD). memory_size >= contents.size(); the rest is zero.
struct PayloadSegment {
  std::span<const std::byte> contents;
  std::uint64_t address = 0;      // guest-physical
  std::uint64_t memory_size = 0;  // bytes, at least 1
};

struct Payload {
  std::vector<PayloadSegment> segments;  // by address; none overlaps another
  std::uint32_t pvh_entry = 0;           // physical, lies within a segment
};

// [begin, end) of guest-physical memory that a payload's segments must leave alone.
struct ReservedArea {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string_view name;
};

// What layout.h reserves for the agent's dealings with the host, and what pvh_boot.h places.
std::span<const ReservedArea> agent_reserved_areas();
// What pvh_boot.h places: for any other payload.
std::span<const ReservedArea> boot_reserved_areas();

// The error is one line without the file's name.
std::expected<Payload, std::string> parse_elf(std::span<const std::byte> file);

// Whether all segments lie in [0, memory) and beside the reserved areas.
std::expected<void, std::string> check_placement(const Payload& payload, std::uint64_t memory,
                                                 std::span<const ReservedArea> reserved);

// Checks the placement, then copies the segments. On an error nothing was written.
std::expected<void, std::string> load_payload(const Payload& payload, GuestMemory& memory,
                                              std::span<const ReservedArea> reserved);

// Whole file, at most 1 GiB. The error names the file.
std::expected<std::vector<std::byte>, std::string> read_payload_file(
    const std::filesystem::path& path);

}  // namespace hypervet::machine
