// SPDX-License-Identifier: Apache-2.0
// Whatever a guest leaves in the channel, reading it neither crashes nor grows beyond its bounds.
// Since no random checksum is ever right, every frame's is mended before the second reading.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "guest-payloads/protocol/program.h"
#include "harness/program/observations.h"

using namespace hypervet;

namespace {

void mend(std::vector<std::byte>& frames) {
  std::size_t at = 0;
  for (std::uint32_t sequence = 0; frames.size() - at >= sizeof(protocol::FrameHeader);
       ++sequence) {
    protocol::FrameHeader header;
    std::memcpy(&header, frames.data() + at, sizeof header);
    const std::size_t padded = (std::size_t{header.length} + 7) / 8 * 8;
    if (padded > frames.size() - at - sizeof header) return;
    header.magic = protocol::kFrameMagic;
    header.sequence = sequence;
    header.cpu %= protocol::kMaxCpus;
    header.checksum = 0;
    header.checksum = protocol::checksum(frames.data() + at + sizeof header, padded,
                                         protocol::checksum(&header, sizeof header));
    std::memcpy(frames.data() + at, &header, sizeof header);
    at += sizeof header + padded;
  }
}

void read(const std::vector<std::byte>& frames) {
  for (const auto ending : {program::Ending::kWhole, program::Ending::kCutOff}) {
    const auto result = program::decode(frames, ending);
    if (!result) continue;
    if (result->size() > frames.size() / sizeof(protocol::FrameHeader)) std::abort();
    for (const auto& each : *result)
      if (each.header.cpu >= protocol::kMaxCpus) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> frames(begin, begin + size);
  read(frames);
  mend(frames);
  read(frames);
  return 0;
}
