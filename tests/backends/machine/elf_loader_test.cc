// SPDX-License-Identifier: Apache-2.0
#include "backends/machine/elf_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "guest-payloads/protocol/layout.h"
#include "tests/backends/machine/elf_builder.h"

namespace hypervet::machine {
namespace {

using test::ElfBuilder;
using test::good_elf;
using testing::HasSubstr;

std::string error_of(const std::vector<std::byte>& file) {
  const auto payload = parse_elf(file);
  return payload ? "(accepted)" : payload.error();
}

std::string placement_error(const std::vector<std::byte>& file, std::uint64_t memory,
                            std::span<const ReservedArea> reserved) {
  const auto payload = parse_elf(file);
  EXPECT_TRUE(payload) << payload.error();
  const auto placed = check_placement(*payload, memory, reserved);
  return placed ? "(accepted)" : placed.error();
}

TEST(ElfLoader, TakesAGoodFile) {
  const auto file = good_elf().build();
  const auto payload = parse_elf(file);
  ASSERT_TRUE(payload) << payload.error();
  EXPECT_EQ(payload->pvh_entry, 0x10'0000u);
  ASSERT_EQ(payload->segments.size(), 1u);
  EXPECT_EQ(payload->segments[0].contents.size(), 1u);
}

TEST(ElfLoader, CopiesContentsAndClearsTheRest) {
  const auto file = ElfBuilder()
                        .segment({.address = 0x20'0000, .contents = {1, 2, 3}, .memory_size = 8})
                        .pvh(0x20'0000)
                        .build();
  GuestMemory memory(4 << 20);
  memory.fill(0x20'0000, 16, 0xee);
  const auto payload = parse_elf(file);
  ASSERT_TRUE(payload);
  ASSERT_TRUE(load_payload(*payload, memory, boot_reserved_areas()));
  EXPECT_EQ(memory.load<std::uint64_t>(0x20'0000), 0x0000'0000'0003'0201u);
  EXPECT_EQ(memory.load<std::uint8_t>(0x20'0008), 0xee);
}

TEST(ElfLoader, NamesWhatIsWrong) {
  EXPECT_EQ(error_of({}), "not an ELF file");
  EXPECT_EQ(error_of(std::vector<std::byte>(4096, std::byte{'#'})), "not an ELF file");

  auto builder = good_elf();
  builder.header.e_machine = EM_AARCH64;
  EXPECT_THAT(error_of(builder.build()), HasSubstr("machine 183, not for x86-64"));

  builder = good_elf();
  builder.header.e_ident[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(error_of(builder.build()), "not a 64-bit ELF file");

  builder = good_elf();
  builder.header.e_ident[EI_DATA] = ELFDATA2MSB;
  EXPECT_EQ(error_of(builder.build()), "not a little-endian ELF file");

  builder = good_elf();
  builder.header.e_type = ET_REL;
  EXPECT_EQ(error_of(builder.build()), "ELF type 1 is not an executable");

  builder = good_elf();
  builder.header.e_phentsize = 32;
  EXPECT_THAT(error_of(builder.build()), HasSubstr("program headers of 32 bytes"));

  EXPECT_THAT(error_of(ElfBuilder().build()), HasSubstr("no program headers"));
  EXPECT_EQ(error_of(ElfBuilder().pvh(0x10'0000).build()), "no loadable segment");
}

TEST(ElfLoader, NoticesEveryTruncation) {
  const auto whole = good_elf().build();
  ASSERT_TRUE(parse_elf(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::span<const std::byte> cut(whole.data(), size);
    const auto payload = parse_elf(cut);
    ASSERT_FALSE(payload) << size << " of " << whole.size() << " bytes were accepted";
    EXPECT_THAT(payload.error(), testing::AnyOf(HasSubstr("truncated"), HasSubstr("not an ELF")))
        << size;
  }
}

TEST(ElfLoader, RefusesOverlappingSegments) {
  auto builder = good_elf();
  builder.segment({.address = 0xf'fff8, .contents = {1}, .memory_size = 16});
  EXPECT_THAT(error_of(builder.build()), HasSubstr("overlapping segments at 0xffff8 and 0x100000"));
}

TEST(ElfLoader, RefusesSegmentsThatWrap) {
  auto builder = good_elf();
  builder.segment({.address = ~std::uint64_t{0} - 4, .contents = {1}, .memory_size = 16});
  EXPECT_THAT(error_of(builder.build()), HasSubstr("wraps around"));
}

TEST(ElfLoader, RefusesASegmentLargerInTheFileThanInMemory) {
  auto builder = ElfBuilder().segment({.contents = {1, 2, 3, 4}, .memory_size = 2}).pvh(0x10'0000);
  EXPECT_THAT(error_of(builder.build()), HasSubstr("larger in the file"));
}

TEST(ElfLoader, WantsAPvhNote) {
  EXPECT_THAT(error_of(ElfBuilder().segment({}).build()), HasSubstr("no PVH note"));
  // A note whose descriptor reaches beyond the segment of notes.
  std::vector<std::uint8_t> cut = {4,  0, 0, 0, 0xff, 0xff, 0xff, 0xff,
                                   18, 0, 0, 0, 'X',  'e',  'n',  0};
  EXPECT_THAT(error_of(ElfBuilder().segment({}).notes(cut).build()), HasSubstr("no PVH note"));
  EXPECT_THAT(error_of(ElfBuilder().segment({}).pvh(0x30'0000).build()),
              HasSubstr("the PVH entry 0x300000 lies in no segment"));
}

TEST(ElfLoader, FindsTheNoteBehindOthers) {
  std::vector<std::uint8_t> notes = {
      4, 0, 0, 0, 1, 0, 0, 0, 1,  0, 0, 0, 'G', 'N', 'U', 0, 0x55, 0, 0,    0,  // padded to 4
      4, 0, 0, 0, 8, 0, 0, 0, 18, 0, 0, 0, 'X', 'e', 'n', 0, 0,    0, 0x10, 0, 0, 0, 0, 0};
  const auto file = ElfBuilder().segment({}).notes(notes).build();
  const auto payload = parse_elf(file);
  ASSERT_TRUE(payload) << payload.error();
  EXPECT_EQ(payload->pvh_entry, 0x10'0000u);
}

TEST(ElfLoader, ChecksThePlace) {
  const auto file = good_elf().build();
  EXPECT_THAT(placement_error(file, 0x10'0000, {}), HasSubstr("larger than memory"));
  EXPECT_EQ(placement_error(file, 0x10'0001, {}), "(accepted)");

  const auto at = [](std::uint64_t address) {
    return ElfBuilder()
        .segment({.address = address, .contents = {1}})
        .pvh(static_cast<std::uint32_t>(address))
        .build();
  };
  constexpr std::uint64_t kMemory = protocol::kDefaultMemory;
  const auto agent = agent_reserved_areas();
  EXPECT_THAT(placement_error(at(protocol::kMailboxAddress), kMemory, agent),
              HasSubstr("overlaps the mailbox"));
  EXPECT_THAT(placement_error(at(protocol::kObservationsAddress), kMemory, agent),
              HasSubstr("overlaps the observation buffer"));
  EXPECT_THAT(placement_error(at(protocol::kProgramAddress), kMemory, agent),
              HasSubstr("overlaps the program"));
  EXPECT_THAT(placement_error(at(protocol::kArenaAddress), kMemory, agent),
              HasSubstr("overlaps the arena"));
  EXPECT_THAT(placement_error(at(0x1000), kMemory, agent), HasSubstr("PVH boot information"));
  // Another payload may lie where only the agent may not, but not on the boot information.
  EXPECT_EQ(placement_error(at(protocol::kArenaAddress), kMemory, boot_reserved_areas()),
            "(accepted)");
  EXPECT_THAT(placement_error(at(0x2fff), kMemory, boot_reserved_areas()), HasSubstr("overlaps"));
}

TEST(ElfLoader, LeavesMemoryAloneOnAnError) {
  const auto file = ElfBuilder()
                        .segment({.address = 0x10'0000, .contents = {0xaa}})
                        .segment({.address = 0x30'0000, .contents = {0xbb}})
                        .pvh(0x10'0000)
                        .build();
  GuestMemory memory(2 << 20);
  ASSERT_FALSE(load_payload(*parse_elf(file), memory, {}));
  EXPECT_EQ(memory.load<std::uint8_t>(0x10'0000), 0);
}

TEST(ElfLoader, NamesTheFileThatCannotBeRead) {
  const auto missing = read_payload_file("/nonexistent/agent.elf");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error(), HasSubstr("/nonexistent/agent.elf: "));
  const auto folder = read_payload_file("/");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error(), "/: is a directory");
}

}  // namespace
}  // namespace hypervet::machine
