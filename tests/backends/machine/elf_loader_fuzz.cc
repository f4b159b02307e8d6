// SPDX-License-Identifier: Apache-2.0
// Any bytes as a payload: the loader must answer, never read beyond them and never write outside
// RAM.
#include <cstddef>
#include <cstdint>

#include "backends/machine/elf_loader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hypervet::machine;
  const auto payload = parse_elf({reinterpret_cast<const std::byte*>(data), size});
  if (!payload) return payload.error().empty() ? __builtin_trap(), 0 : 0;
  static GuestMemory memory(4 << 20);
  (void)load_payload(*payload, memory, agent_reserved_areas());
  return 0;
}
