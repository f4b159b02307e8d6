// SPDX-License-Identifier: Apache-2.0
// Any bytes as a payload: the loader must answer, never read beyond them and never write outside
// RAM. The first byte of the input says whether the rest is the file itself or a list of edits
// {offset, byte} to a good one.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/machine/elf_loader.h"
#include "tests/backends/machine/elf_builder.h"

namespace {

std::vector<std::byte> edited(const std::uint8_t* edits, std::size_t size) {
  using namespace hypervet::machine::test;
  std::vector<std::byte> file =
      ElfBuilder()
          .segment({.address = 0x10'0000, .contents = {0xf4}, .memory_size = 0x2000})
          .segment({.address = 0x20'0000, .contents = {1, 2, 3}})
          .pvh(0x10'0000)
          .build();
  for (std::size_t i = 0; i + 3 <= size; i += 3) {
    file[(edits[i] | edits[i + 1] << 8) % file.size()] = std::byte{edits[i + 2]};
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hypervet::machine;
  if (size == 0) return 0;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const std::vector<std::byte> file =
      data[0] & 1 ? std::vector(bytes + 1, bytes + size) : edited(data + 1, size - 1);
  const auto payload = parse_elf(file);
  if (!payload) {
    if (payload.error().empty()) __builtin_trap();
    return 0;
  }
  static GuestMemory memory(4 << 20);
  (void)load_payload(*payload, memory, agent_reserved_areas());
  return 0;
}
