// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/modules.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "backends/lab/archive.h"
#include "backends/lab/kernel_image.h"
#include "backends/lab/memo.h"
#include "backends/process/mapped_file.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using Bytes = std::span<const std::byte>;
using Failure = std::unexpected<std::string>;

// A module with all its debug information; kvm.ko has some 60 MiB then.
constexpr std::size_t kMaxModule = std::size_t{512} << 20;

std::optional<Bytes> slice(Bytes file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) return std::nullopt;
  return file.subspan(offset, size);
}

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string canonical(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '-', '_');
  return text;
}

// "kernel/arch/x86/kvm/kvm-amd.ko.xz" is kvm_amd; nullopt: no module's file.
std::optional<std::string> module_name(std::string_view path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash != path.npos) path.remove_prefix(slash + 1);
  for (const std::string_view ending : {".ko", ".ko.xz", ".ko.gz", ".ko.zst"}) {
    if (!path.ends_with(ending) || path.size() == ending.size()) continue;
    return canonical(path.substr(0, path.size() - ending.size()));
  }
  return std::nullopt;
}

// Calls what with each piece between separators.
template <typename What>
void for_each_piece(std::string_view text, char separator, What what) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    what(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::optional<Bytes> find_section(Bytes file, std::string_view name) {
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  const auto table =
      slice(file, header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr));
  if (!table || header.e_shentsize != sizeof(Elf64_Shdr)) return std::nullopt;
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  if (!sections.empty()) std::memcpy(sections.data(), table->data(), table->size());
  if (header.e_shstrndx >= sections.size()) return std::nullopt;
  const Elf64_Shdr& strings = sections[header.e_shstrndx];
  const auto names = slice(file, strings.sh_offset, strings.sh_size);
  if (!names) return std::nullopt;
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type == SHT_NOBITS || section.sh_name >= names->size()) continue;
    const std::string_view rest = as_text(names->subspan(section.sh_name));
    if (rest.substr(0, rest.find('\0')) != name) continue;
    return slice(file, section.sh_offset, section.sh_size);
  }
  return std::nullopt;
}

std::set<std::string> built_in(const fs::path& folder) {
  std::set<std::string> names;
  const auto list = process::MappedFile::open(folder / "modules.builtin");
  if (!list) return names;
  for_each_piece(as_text(list->bytes()), '\n', [&](std::string_view line) {
    if (auto name = module_name(line)) names.insert(*name);
  });
  return names;
}

// Of two files with one name, what was installed beside the kernel's own goes first, as for depmod;
// otherwise the first path does, so that the order of a folder's entries plays no part.
bool goes_before(const fs::path& one, const fs::path& other, const fs::path& folder) {
  const auto is_update = [&](const fs::path& file) {
    return *file.lexically_relative(folder).begin() == "updates";
  };
  if (is_update(one) != is_update(other)) return is_update(one);
  return one < other;
}

std::expected<std::map<std::string, fs::path>, std::string> files_in(const fs::path& folder) {
  std::map<std::string, fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error);
  for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    const auto name = module_name(it->path().native());
    if (!name) continue;
    const auto [at, fresh] = files.emplace(*name, it->path());
    if (!fresh && goes_before(it->path(), at->second, folder)) at->second = it->path();
  }
  if (error) return Failure(fmt::format("{}: {}", folder.string(), error.message()));
  return files;
}

std::expected<ModuleInfo, std::string> read_info(const fs::path& path) {
  const auto module = read_module(path);
  if (!module) return Failure(module.error());
  auto info = parse_module(*module);
  if (!info) return Failure(fmt::format("{}: {}", path.string(), info.error()));
  return info;
}

// The names of the modules that this one needs. Kept as text between bars: no name has one, as what
// needs such a module finds no file for it.
std::expected<std::vector<std::string>, std::string> needs(const fs::path& path,
                                                           const fs::path& memo) {
  const auto text = recall(memo, "modules that it needs", path, [&]() -> Answer {
    const auto info = read_info(path);
    if (!info) return Failure(info.error());
    return fmt::format("|{}", fmt::join(info->depends, "|"));
  });
  if (!text) return Failure(text.error());
  std::vector<std::string> names;
  for_each_piece(*text, '|', [&](std::string_view name) {
    if (!name.empty()) names.emplace_back(name);
  });
  return names;
}

class Order {
 public:
  Order(const fs::path& folder, std::map<std::string, fs::path> files, std::set<std::string> inside,
        const fs::path& memo)
      : folder_(folder), files_(std::move(files)), built_in_(std::move(inside)), memo_(memo) {}

  // `needed_by`: the modules that led here, the wanted one first.
  std::expected<void, std::string> add(const std::string& name, bool required,
                                       std::vector<std::string>& needed_by) {
    if (done_.contains(name) || built_in_.contains(name)) return {};
    if (std::ranges::find(needed_by, name) != needed_by.end()) {
      return Failure(fmt::format("the modules {} in {} need each other", fmt::join(needed_by, ", "),
                                 folder_.string()));
    }
    const auto file = files_.find(name);
    if (file == files_.end()) {
      if (!required) return {};
      return missing(name, needed_by);
    }
    const auto depends = needs(file->second, memo_);
    if (!depends) return Failure(depends.error());
    needed_by.push_back(name);
    for (const std::string& dependency : *depends) {
      if (auto added = add(dependency, true, needed_by); !added) return added;
    }
    needed_by.pop_back();
    done_.insert(name);
    order_.push_back({name, file->second});
    return {};
  }

  std::vector<Module> take() { return std::move(order_); }

 private:
  Failure missing(const std::string& name, const std::vector<std::string>& needed_by) const {
    const std::string line =
        fmt::format("no module {} in {}, nor is it built in", name, folder_.string());
    return Failure(needed_by.empty() ? line
                                     : fmt::format("{}; {} needs it", line, needed_by.back()));
  }

  const fs::path& folder_;
  std::map<std::string, fs::path> files_;
  std::set<std::string> built_in_;
  const fs::path& memo_;
  std::set<std::string> done_;
  std::vector<Module> order_;
};

}  // namespace

std::expected<ModuleInfo, std::string> parse_module(Bytes file) {
  Elf64_Ehdr header;
  if (file.size() < sizeof header || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) {
    return Failure(fmt::format("{}, not a kernel module", describe(file)));
  }
  std::memcpy(&header, file.data(), sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64) {
    return Failure("a module for another machine than x86-64");
  }
  const auto section = find_section(file, ".modinfo");
  if (!section) return Failure("not a kernel module: it has no .modinfo section, or is truncated");
  ModuleInfo info;
  for_each_piece(as_text(*section), '\0', [&](std::string_view entry) {
    constexpr std::string_view kDepends = "depends=";
    constexpr std::string_view kMagic = "vermagic=";
    if (entry.starts_with(kDepends)) {
      for_each_piece(entry.substr(kDepends.size()), ',', [&](std::string_view name) {
        if (!name.empty()) info.depends.push_back(canonical(name));
      });
    } else if (entry.starts_with(kMagic)) {
      entry.remove_prefix(kMagic.size());
      info.release = entry.substr(0, entry.find(' '));
    }
  });
  return info;
}

std::expected<std::vector<std::byte>, std::string> read_module(const fs::path& path) {
  const auto file = process::MappedFile::open(path);
  if (!file) return Failure(file.error());
  auto bytes = unpacked(file->bytes(), kMaxModule);
  if (!bytes) return Failure(fmt::format("{}: {}", path.string(), bytes.error()));
  return bytes;
}

std::expected<std::vector<Module>, std::string> load_order(const fs::path& folder,
                                                           std::span<const WantedModule> wanted,
                                                           const fs::path& memo) {
  if (folder.empty()) return std::vector<Module>{};
  auto files = files_in(folder);
  if (!files) return Failure(files.error());
  Order order(folder, std::move(*files), built_in(folder), memo);
  for (const WantedModule& one : wanted) {
    std::vector<std::string> needed_by;
    if (auto added = order.add(canonical(one.name), one.required, needed_by); !added) {
      return Failure(added.error());
    }
  }
  return order.take();
}

std::expected<std::string, std::string> modules_release(const fs::path& folder) {
  const auto files = files_in(folder);
  if (!files) return Failure(files.error());
  if (files->empty()) {
    std::error_code error;
    if (fs::exists(folder / "modules.builtin", error)) return folder.filename().string();
    return Failure(fmt::format("{}: neither a folder lib/modules/RELEASE nor one that has it",
                               folder.string()));
  }
  const fs::path& first = files->begin()->second;
  auto info = read_info(first);
  if (!info) return Failure(info.error());
  return std::move(info->release);
}

}  // namespace hypervet::lab
