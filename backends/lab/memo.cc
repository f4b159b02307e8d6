// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/memo.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <optional>

#include "backends/lab/fingerprint.h"
#include "backends/lab/pending_file.h"
#include "backends/lab/prune.h"
#include "backends/process/mapped_file.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKept = 500;  // of some 100 bytes
// Closes every answer, so that one cut short by a power failure is known.
constexpr std::string_view kClosing = "\n.\n";

// The time of the last change of the file's inode goes in too: it moves even when the bytes are
// replaced and the old time is put back.
std::optional<std::string> key(std::string_view question, const fs::path& file) {
  struct stat status{};
  if (stat(file.c_str(), &status) != 0) return std::nullopt;
  Fingerprint print;
  print.add(question);
  print.add(fs::absolute(file).native());
  for (const auto number : {status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                            status.st_ctim.tv_sec, status.st_ctim.tv_nsec}) {
    print.add(static_cast<std::uint64_t>(number));
  }
  print.add(static_cast<std::uint64_t>(status.st_ino));
  return print.hex();
}

std::optional<std::string> kept(const fs::path& path) {
  const auto file = process::MappedFile::open(path);
  if (!file) return std::nullopt;
  std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  if (!text.ends_with(kClosing)) return std::nullopt;
  text.remove_suffix(kClosing.size());
  return std::string(text);
}

}  // namespace

Answer recall(const fs::path& folder, std::string_view question, const fs::path& file,
              const std::function<Answer()>& find_out) {
  // Taken before the file is read: one that changes meanwhile has another key afterwards.
  const auto name = folder.empty() ? std::nullopt : key(question, file);
  if (!name) return find_out();
  if (auto known = kept(folder / *name)) return *known;
  auto answer = find_out();
  if (!answer || answer->empty()) return answer;
  if (write_file(folder / *name, std::string_view(fmt::format("{}{}", *answer, kClosing))))
    prune(folder, "", kKept);
  return answer;
}

}  // namespace hypervet::lab
