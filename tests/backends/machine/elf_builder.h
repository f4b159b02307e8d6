// SPDX-License-Identifier: Apache-2.0
// Builds small ELF64 files, good ones and spoilt ones, for the loader's tests. One test, one
// thread.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace hypervet::machine::test {

struct ElfSegment {
  std::uint64_t address = 0x10'0000;
  std::vector<std::uint8_t> contents = {0xf4};  // hlt
  std::uint64_t memory_size = 0;                // 0: as large as the contents
};

class ElfBuilder {
 public:
  Elf64_Ehdr header = [] {
    Elf64_Ehdr h{};
    std::memcpy(h.e_ident, ELFMAG, SELFMAG);
    h.e_ident[EI_CLASS] = ELFCLASS64;
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    h.e_ident[EI_VERSION] = EV_CURRENT;
    h.e_type = ET_EXEC;
    h.e_machine = EM_X86_64;
    h.e_phoff = sizeof(Elf64_Ehdr);
    h.e_phentsize = sizeof(Elf64_Phdr);
    return h;
  }();

  ElfBuilder& segment(ElfSegment one) {
    segments_.push_back(std::move(one));
    return *this;
  }
  // A Xen note of 4 bytes at the end of the file.
  ElfBuilder& pvh(std::uint32_t entry) {
    struct {
      Elf64_Nhdr note{4, 4, 18};
      char name[4] = {'X', 'e', 'n', '\0'};
      std::uint32_t entry = 0;
    } note;
    note.entry = entry;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&note);
    return notes({bytes, bytes + sizeof note});
  }
  ElfBuilder& notes(std::vector<std::uint8_t> bytes) {
    notes_ = std::move(bytes);
    return *this;
  }

  std::vector<std::byte> build() const {
    Elf64_Ehdr h = header;
    h.e_phnum = static_cast<Elf64_Half>(segments_.size() + (notes_.empty() ? 0 : 1));
    std::vector<Elf64_Phdr> table;
    std::uint64_t offset = sizeof h + h.e_phnum * sizeof(Elf64_Phdr);
    std::vector<std::uint8_t> body;
    const auto add = [&](std::uint32_t type, std::uint64_t address, std::uint64_t memory_size,
                         const std::vector<std::uint8_t>& contents) {
      Elf64_Phdr p{};
      p.p_type = type;
      p.p_offset = offset + body.size();
      p.p_vaddr = p.p_paddr = address;
      p.p_filesz = contents.size();
      p.p_memsz = memory_size == 0 ? contents.size() : memory_size;
      body.insert(body.end(), contents.begin(), contents.end());
      table.push_back(p);
    };
    for (const ElfSegment& s : segments_) add(PT_LOAD, s.address, s.memory_size, s.contents);
    if (!notes_.empty()) add(PT_NOTE, 0, 0, notes_);
    std::vector<std::byte> file(offset + body.size());
    std::memcpy(file.data(), &h, sizeof h);
    if (!table.empty()) {
      std::memcpy(file.data() + sizeof h, table.data(), table.size() * sizeof(Elf64_Phdr));
    }
    if (!body.empty()) std::memcpy(file.data() + offset, body.data(), body.size());
    return file;
  }

 private:
  std::vector<ElfSegment> segments_;
  std::vector<std::uint8_t> notes_;
};

inline ElfBuilder good_elf() { return ElfBuilder().segment({}).pvh(0x10'0000); }

}  // namespace hypervet::machine::test
