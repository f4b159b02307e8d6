// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/initramfs.h"

#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "backends/lab/archive.h"
#include "backends/lab/fingerprint.h"
#include "backends/lab/pending_file.h"
#include "backends/process/mapped_file.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using Done = std::expected<void, std::string>;
using Failure = std::unexpected<std::string>;

// To be raised when the layout or the way of writing changes: part of every fingerprint.
constexpr std::uint64_t kFormat = 1;

enum class NodeKind { kFolder, kText, kFile, kModule, kLink, kDevice };

struct Node {
  NodeKind kind = NodeKind::kFolder;
  fs::path source = {};   // kFile, kModule
  std::string text = {};  // kText: the contents; kLink: the target
  bool executable = false;
  std::uint32_t permissions = 0;  // kDevice
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
};

// Paths without a leading slash. A map's order puts each folder before what is in it, and is the
// same every time.
class Tree {
 public:
  void folder(const std::string& path) { put(path, {.kind = NodeKind::kFolder}); }
  void text(const std::string& path, std::string contents, bool executable) {
    put(path, {.kind = NodeKind::kText, .text = std::move(contents), .executable = executable});
  }
  void file(const std::string& path, fs::path source, bool executable) {
    put(path, {.kind = NodeKind::kFile, .source = std::move(source), .executable = executable});
  }
  void module(const std::string& path, fs::path source) {
    put(path, {.kind = NodeKind::kModule, .source = std::move(source)});
  }
  void link(const std::string& path, std::string target) {
    put(path, {.kind = NodeKind::kLink, .text = std::move(target)});
  }
  void device(const std::string& path, std::uint32_t permissions, std::uint32_t major,
              std::uint32_t minor) {
    put(path,
        {.kind = NodeKind::kDevice, .permissions = permissions, .major = major, .minor = minor});
  }
  // All regular files below a folder, but hidden ones.
  Done copy(const std::string& path, const fs::path& folder) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) {
      return Failure(fmt::format("{}: no such folder", folder.string()));
    }
    this->folder(path);
    fs::recursive_directory_iterator it(folder, error);
    for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
      const bool hidden = it->path().filename().native().starts_with('.');
      std::error_code gone;
      if (hidden && it->is_directory(gone)) it.disable_recursion_pending();
      if (hidden || !it->is_regular_file(gone)) continue;
      file(path + "/" + it->path().lexically_relative(folder).string(), it->path(), false);
    }
    if (error) return Failure(fmt::format("{}: {}", folder.string(), error.message()));
    return {};
  }

  const std::map<std::string, Node>& nodes() const { return nodes_; }

 private:
  void put(const std::string& path, Node node) {
    for (std::size_t slash = path.find('/'); slash != path.npos;
         slash = path.find('/', slash + 1)) {
      nodes_.try_emplace(path.substr(0, slash));
    }
    nodes_[path] = std::move(node);
  }

  std::map<std::string, Node> nodes_;
};

std::string inside(const fs::path& absolute) {
  return absolute.lexically_normal().relative_path().string();
}

// The loader inside has no cache of paths (ld.so.cache) and searches its own few folders alone.
// That of the C library is one of them, so what comes from elsewhere gets a link there.
void add_libraries(Tree& tree, const std::vector<fs::path>& libraries) {
  const auto c_library = std::ranges::find_if(
      libraries, [](const fs::path& file) { return file.filename() == "libc.so.6"; });
  for (const fs::path& library : libraries) {
    tree.file(inside(library), library, true);
    if (c_library == libraries.end()) continue;
    const fs::path found = c_library->parent_path() / library.filename();
    if (found != library && std::ranges::find(libraries, found) == libraries.end()) {
      tree.link(inside(found), library.lexically_normal().string());
    }
  }
}

std::expected<Tree, std::string> build(const InitramfsParts& parts) {
  Tree tree;
  for (const char* path : {"proc", "sys", "dev", "tmp", "job"}) tree.folder(path);
  tree.device("dev/console", 0600, 5, 1);
  tree.device("dev/null", 0666, 1, 3);
  tree.text("init", parts.init, true);
  tree.file("bin/busybox", parts.busybox, true);
  for (const std::string& applet : parts.applets) tree.link("bin/" + applet, "busybox");
  std::string order;
  for (const Module& module : parts.modules) {
    tree.module(fmt::format("m/{}.ko", module.name), module.file);
    order += module.name + "\n";
  }
  tree.text("m/order", order, false);
  add_libraries(tree, parts.libraries);
  tree.file("usr/bin/hypervet", parts.binary, true);
  if (auto done = tree.copy("usr/share/hypervet/specs", parts.specs); !done) {
    return Failure(done.error());
  }
  if (auto done = tree.copy("usr/share/hypervet/payloads", parts.payloads); !done) {
    return Failure(done.error());
  }
  return tree;
}

Done write_node(NewcWriter& writer, const std::string& path, const Node& node) {
  switch (node.kind) {
    case NodeKind::kFolder:
      return writer.folder(path);
    case NodeKind::kLink:
      return writer.link(path, node.text);
    case NodeKind::kDevice:
      return writer.character_device(path, node.permissions, node.major, node.minor);
    case NodeKind::kText:
      return writer.file(path, std::as_bytes(std::span(node.text)), node.executable);
    case NodeKind::kModule: {
      const auto bytes = read_module(node.source);
      if (!bytes) return Failure(bytes.error());
      return writer.file(path, *bytes, node.executable);
    }
    case NodeKind::kFile: {
      const auto file = process::MappedFile::open(node.source);
      if (!file) return Failure(file.error());
      return writer.file(path, file->bytes(), node.executable);
    }
  }
  return {};
}

// PT_INTERP of the program itself.
std::optional<std::string> loader(const dl_phdr_info& program) {
  for (int i = 0; i < program.dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = program.dlpi_phdr[i];
    if (header.p_type == PT_INTERP) {
      return reinterpret_cast<const char*>(program.dlpi_addr + header.p_vaddr);
    }
  }
  return std::nullopt;
}

int note_library(dl_phdr_info* info, std::size_t, void* data) {
  auto& found = *static_cast<std::set<fs::path>*>(data);
  const std::string name = info->dlpi_name ? info->dlpi_name : "";
  // The program has no name; what the kernel lends (linux-vdso.so.1) has no path.
  if (name.empty()) {
    if (const auto path = loader(*info)) found.insert(*path);
  } else if (name.find('/') != std::string::npos) {
    found.insert(fs::absolute(name));
  }
  return 0;
}

}  // namespace

std::vector<std::string> default_applets() {
  return {"[",    "cat",      "cp",     "cut",    "dd", "dmesg", "echo",   "expr",  "false",
          "grep", "head",     "insmod", "kill",   "ls", "mkdir", "mkfifo", "mknod", "mount",
          "mv",   "poweroff", "ps",     "reboot", "rm", "sed",   "sh",     "sleep", "stty",
          "sync", "tail",     "test",   "touch",  "tr", "true",  "umount", "uname", "wc"};
}

std::vector<fs::path> own_libraries() {
  std::set<fs::path> found;
  dl_iterate_phdr(note_library, &found);
  return {found.begin(), found.end()};
}

Done write_initramfs(const fs::path& out, const InitramfsParts& parts) {
  const auto tree = build(parts);
  if (!tree) return Failure(tree.error());
  auto file = PendingFile::create(out);
  if (!file) return Failure(file.error());
  NewcWriter writer(file->fd(), out.string());
  for (const auto& [path, node] : tree->nodes()) {
    if (auto written = write_node(writer, path, node); !written) return written;
  }
  if (auto finished = writer.finish(); !finished) return finished;
  return file->commit();
}

std::expected<std::string, std::string> fingerprint(const InitramfsParts& parts) {
  const auto tree = build(parts);
  if (!tree) return Failure(tree.error());
  Fingerprint all;
  all.add(kFormat);
  for (const auto& [path, node] : tree->nodes()) {
    all.add(path);
    all.add(node.text);
    all.add(static_cast<std::uint64_t>(node.kind) | std::uint64_t{node.executable} << 8);
    if (node.source.empty()) continue;
    if (auto added = all.add_file(node.source); !added) return Failure(added.error());
  }
  return all.hex();
}

}  // namespace hypervet::lab
