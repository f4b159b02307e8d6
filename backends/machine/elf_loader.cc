// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/elf_loader.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <system_error>

#include "backends/machine/pvh_boot.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::machine {
namespace {

using Bytes = std::span<const std::byte>;
using Failure = std::unexpected<std::string>;

// Xen's public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY, the entry of a PVH guest.
constexpr std::uint32_t kPhys32Entry = 18;
constexpr std::string_view kXenNoteName{"Xen\0", 4};

constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 30;

constexpr std::array<ReservedArea, 6> kAgentReserved{{
    {kBootInfoAddress, kBootInfoEnd, "the PVH boot information"},
    {protocol::kTrampolineAddress, protocol::kTrampolineAddress + kPageSize,
     "the trampoline of the application processors"},
    {protocol::kMailboxAddress, protocol::kMailboxAddress + kPageSize, "the mailbox"},
    {protocol::kObservationsAddress, protocol::kObservationsAddress + protocol::kObservationsSize,
     "the observation buffer"},
    {protocol::kProgramAddress, protocol::kProgramAddress + protocol::kProgramMaxSize,
     "the program"},
    {protocol::kArenaAddress, protocol::kArenaAddress + protocol::kArenaSize, "the arena"},
}};

std::optional<Bytes> slice(Bytes file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) return std::nullopt;
  return file.subspan(offset, size);
}

template <typename T>
std::optional<T> read_at(Bytes file, std::uint64_t offset) {
  const auto part = slice(file, offset, sizeof(T));
  if (!part) return std::nullopt;
  T value;
  std::memcpy(&value, part->data(), sizeof(T));
  return value;
}

std::expected<Elf64_Ehdr, std::string> parse_header(Bytes file) {
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) {
    return Failure("not an ELF file");
  }
  const auto header = read_at<Elf64_Ehdr>(file, 0);
  if (!header) return Failure("truncated: the ELF header is incomplete");
  if (header->e_ident[EI_CLASS] != ELFCLASS64) return Failure("not a 64-bit ELF file");
  if (header->e_ident[EI_DATA] != ELFDATA2LSB) return Failure("not a little-endian ELF file");
  if (header->e_machine != EM_X86_64) {
    return Failure(fmt::format("made for machine {}, not for x86-64 (62)", header->e_machine));
  }
  if (header->e_type != ET_EXEC && header->e_type != ET_DYN) {
    return Failure(fmt::format("ELF type {} is not an executable", header->e_type));
  }
  if (header->e_phnum == 0) return Failure("no program headers: nothing to load");
  if (header->e_phentsize != sizeof(Elf64_Phdr)) {
    return Failure(fmt::format("program headers of {} bytes instead of {}", header->e_phentsize,
                               sizeof(Elf64_Phdr)));
  }
  return *header;
}

std::expected<std::vector<Elf64_Phdr>, std::string> parse_program_headers(
    Bytes file, const Elf64_Ehdr& header) {
  const auto table =
      slice(file, header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr));
  if (!table) return Failure("truncated: the program headers lie beyond the end of the file");
  std::vector<Elf64_Phdr> headers(header.e_phnum);
  std::memcpy(headers.data(), table->data(), table->size());
  return headers;
}

std::expected<PayloadSegment, std::string> parse_segment(Bytes file, std::size_t index,
                                                         const Elf64_Phdr& header) {
  const auto contents = slice(file, header.p_offset, header.p_filesz);
  if (!contents) {
    return Failure(fmt::format("truncated: segment {} lies beyond the end of the file", index));
  }
  if (header.p_filesz > header.p_memsz) {
    return Failure(fmt::format("segment {} is larger in the file than in memory", index));
  }
  if (header.p_paddr + header.p_memsz < header.p_paddr) {
    return Failure(fmt::format("segment {} wraps around the end of the address space", index));
  }
  return PayloadSegment{*contents, header.p_paddr, header.p_memsz};
}

std::expected<void, std::string> check_overlaps(const std::vector<PayloadSegment>& sorted) {
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const PayloadSegment& below = sorted[i - 1];
    if (below.address + below.memory_size > sorted[i].address) {
      return Failure(
          fmt::format("overlapping segments at {:#x} and {:#x}", below.address, sorted[i].address));
    }
  }
  return {};
}

// Notes are {name size, descriptor size, type}, then name and descriptor, each padded to 4 bytes.
// nullopt: these notes hold no PVH entry. Malformed notes end the search.
std::optional<std::uint64_t> find_pvh_note(Bytes notes) {
  std::uint64_t at = 0;
  while (const auto note = read_at<Elf64_Nhdr>(notes, at)) {
    const std::uint64_t name_at = at + sizeof(Elf64_Nhdr);
    const std::uint64_t desc_at =
        name_at + ((std::uint64_t{note->n_namesz} + 3) & ~std::uint64_t{3});
    const auto name = slice(notes, name_at, note->n_namesz);
    const auto desc = slice(notes, desc_at, note->n_descsz);
    if (!name || !desc) return std::nullopt;
    const bool xen = name->size() == kXenNoteName.size() &&
                     std::memcmp(name->data(), kXenNoteName.data(), name->size()) == 0;
    if (xen && note->n_type == kPhys32Entry) {
      if (desc->size() == 4) return read_at<std::uint32_t>(*desc, 0);
      if (desc->size() == 8) return read_at<std::uint64_t>(*desc, 0);
      return std::nullopt;
    }
    at = desc_at + ((std::uint64_t{note->n_descsz} + 3) & ~std::uint64_t{3});
  }
  return std::nullopt;
}

std::expected<std::uint32_t, std::string> find_entry(Bytes file,
                                                     const std::vector<Elf64_Phdr>& headers,
                                                     const std::vector<PayloadSegment>& segments) {
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_NOTE) continue;
    const auto notes = slice(file, header.p_offset, header.p_filesz);
    if (!notes) return Failure("truncated: the ELF notes lie beyond the end of the file");
    const auto entry = find_pvh_note(*notes);
    if (!entry) continue;
    const bool inside = std::ranges::any_of(segments, [&](const PayloadSegment& segment) {
      return *entry >= segment.address && *entry - segment.address < segment.memory_size;
    });
    if (!inside || *entry > UINT32_MAX) {
      return Failure(fmt::format("the PVH entry {:#x} lies in no segment below 4 GiB", *entry));
    }
    return static_cast<std::uint32_t>(*entry);
  }
  return Failure("no PVH note (XEN_ELFNOTE_PHYS32_ENTRY): it cannot be booted");
}

}  // namespace

std::span<const ReservedArea> agent_reserved_areas() { return kAgentReserved; }
std::span<const ReservedArea> boot_reserved_areas() { return std::span(kAgentReserved).first<1>(); }

std::expected<Payload, std::string> parse_elf(std::span<const std::byte> file) {
  const auto header = parse_header(file);
  if (!header) return Failure(header.error());
  const auto headers = parse_program_headers(file, *header);
  if (!headers) return Failure(headers.error());

  Payload payload;
  for (std::size_t i = 0; i < headers->size(); ++i) {
    if ((*headers)[i].p_type != PT_LOAD || (*headers)[i].p_memsz == 0) continue;
    auto segment = parse_segment(file, i, (*headers)[i]);
    if (!segment) return Failure(segment.error());
    payload.segments.push_back(*segment);
  }
  if (payload.segments.empty()) return Failure("no loadable segment");
  std::ranges::sort(payload.segments, {}, &PayloadSegment::address);
  if (auto apart = check_overlaps(payload.segments); !apart) return Failure(apart.error());

  const auto entry = find_entry(file, *headers, payload.segments);
  if (!entry) return Failure(entry.error());
  payload.pvh_entry = *entry;
  return payload;
}

std::expected<void, std::string> check_placement(const Payload& payload, std::uint64_t memory,
                                                 std::span<const ReservedArea> reserved) {
  for (const PayloadSegment& segment : payload.segments) {
    const std::uint64_t end = segment.address + segment.memory_size;
    if (end > memory) {
      return Failure(
          fmt::format("larger than memory: a segment ends at {:#x}, memory at {:#x}", end, memory));
    }
    for (const ReservedArea& area : reserved) {
      if (segment.address < area.end && area.begin < end) {
        return Failure(fmt::format("the segment [{:#x}, {:#x}) overlaps {} at [{:#x}, {:#x})",
                                   segment.address, end, area.name, area.begin, area.end));
      }
    }
  }
  return {};
}

std::expected<void, std::string> load_payload(const Payload& payload, GuestMemory& memory,
                                              std::span<const ReservedArea> reserved) {
  if (auto placed = check_placement(payload, memory.size(), reserved); !placed) return placed;
  for (const PayloadSegment& segment : payload.segments) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(segment.contents.data());
    memory.write(segment.address, {bytes, segment.contents.size()});
    memory.fill(segment.address + segment.contents.size(),
                segment.memory_size - segment.contents.size(), 0);
  }
  return {};
}

std::expected<std::vector<std::byte>, std::string> read_payload_file(
    const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return Failure(fmt::format("{}: is a directory", path.string()));
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return Failure(fmt::format("{}: {}", path.string(), error.message()));
  if (size > kMaxFile) return Failure(fmt::format("{}: larger than 1 GiB", path.string()));
  std::ifstream stream(path, std::ios::binary);
  std::vector<std::byte> bytes(size);
  if (!stream || !stream.read(reinterpret_cast<char*>(bytes.data()),
                              static_cast<std::streamsize>(bytes.size()))) {
    return Failure(fmt::format("{}: cannot be read", path.string()));
  }
  return bytes;
}

}  // namespace hypervet::machine
