// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/boot/start_info.h"

#include "guest-payloads/protocol/layout.h"

namespace hypervet::guest {

extern "C" const std::uint8_t hv_image_end[];  // agent.ld

namespace {

constexpr std::uint64_t kMappedEnd = 0x1'0000'0000;
constexpr std::uint64_t kPage = 4096;

bool usable(const StartInfo* info) {
  return readable(reinterpret_cast<std::uint64_t>(info), sizeof *info) &&
         info->magic == kStartInfoMagic;
}

bool overlap(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

}  // namespace

bool readable(std::uint64_t address, std::uint64_t size) {
  return address != 0 && address < kMappedEnd && size <= kMappedEnd - address;
}

const char* command_line(const StartInfo* info) {
  if (!usable(info)) return nullptr;
  const std::uint64_t at = info->command_line;
  return readable(at, kMaxCommandLine) ? reinterpret_cast<const char*>(at) : nullptr;
}

Module module0(const StartInfo* info) {
  if (!usable(info) || info->module_count == 0) return {};
  const std::uint64_t list = info->modules;
  if (!readable(list, sizeof(ModuleEntry))) return {};
  const volatile auto* entry = reinterpret_cast<const volatile ModuleEntry*>(list);
  return {.address = entry->address, .size = entry->size};
}

bool is_free(std::uint64_t address, std::uint64_t size) {
  using namespace protocol;
  // Not up to the mailbox: Xen's toolstack puts modules right behind the image.
  const auto image_end = reinterpret_cast<std::uint64_t>(hv_image_end);
  return readable(address, size) && !overlap(address, size, kTrampolineAddress, kPage) &&
         !overlap(address, size, kAgentAddress, image_end - kAgentAddress) &&
         !overlap(address, size, kMailboxAddress, kPage) &&
         !overlap(address, size, kObservationsAddress, kObservationsSize) &&
         !overlap(address, size, kArenaAddress, kArenaSize);
}

}  // namespace hypervet::guest
