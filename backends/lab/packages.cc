// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/packages.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <system_error>
#include <thread>

#include "backends/lab/apt.h"
#include "backends/lab/debian_version.h"
#include "backends/lab/pending_file.h"
#include "backends/process/descriptor.h"
#include "backends/process/mapped_file.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using Failure = std::unexpected<std::string>;

constexpr std::string_view kTemporary = ".new-";

// How long apt's answer is taken for true. It is asked earlier when its lists change; the limit is
// for what that does not show. When it had none, the next try comes sooner.
constexpr auto kValidity = std::chrono::seconds(std::chrono::days(1));
constexpr auto kMakeshiftValidity = std::chrono::seconds(std::chrono::hours(1));

// Also what makes it fit to be a file's name.
bool is_glob(std::string_view text) {
  const auto allowed = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
           std::string_view("+-.*?[]!").find(letter) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 200 && text[0] != '-' && text[0] != '.' &&
         std::ranges::all_of(text, allowed);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// A version may have a colon, which would be odd in paths that go into other programs' lists.
std::string folder_name(const std::string& name, std::string version) {
  if (const std::size_t colon = version.find(':'); colon != version.npos) {
    version.replace(colon, 1, "%3a");
  }
  return name + "_" + version;
}

// Seconds since 1970.
std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Store {
 public:
  Store(const fs::path& cache, std::string_view glob)
      : root_(cache / "packages"), glob_(glob), answer_(root_ / "resolved" / glob_) {}

  // What apt said last, if nothing has changed since and the package is still there.
  std::optional<Package> resolved(const std::string& state) const {
    const auto file = process::MappedFile::open(answer_);
    if (!file) return std::nullopt;
    const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                                file->bytes().size());
    std::array<std::string_view, 4> lines;
    std::size_t at = 0;
    for (std::string_view& line : lines) {
      const std::size_t end = text.find('\n', at);
      if (end == text.npos) return std::nullopt;
      line = text.substr(at, end - at);
      at = end + 1;
    }
    std::int64_t until = 0;
    std::from_chars(lines[3].data(), lines[3].data() + lines[3].size(), until);
    if (lines[0] != state || !apt::matches(glob_, lines[1]) || now() >= until) return std::nullopt;
    Package package = named(std::string(lines[1]), std::string(lines[2]));
    return is_folder(package.folder) ? std::optional(package) : std::nullopt;
  }

  std::expected<void, std::string> keep(const std::string& state, const Package& package,
                                        std::chrono::seconds validity) const {
    const std::string text = fmt::format("{}\n{}\n{}\n{}\n", state, package.name, package.version,
                                         now() + validity.count());
    return write_file(answer_, std::string_view(text));
  }

  // The highest version that was ever unpacked.
  std::optional<Package> newest_cached() const {
    std::optional<Package> best;
    std::error_code error;
    for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
      const std::string entry = it->path().filename().string();
      const std::size_t split = entry.find('_');
      if (split == entry.npos || !apt::matches(glob_, entry.substr(0, split))) continue;
      std::string version = entry.substr(split + 1);
      if (const std::size_t colon = version.find("%3a"); colon != version.npos) {
        version.replace(colon, 3, ":");
      }
      if (best && compare_versions(version, best->version) <= 0) continue;
      best = Package{entry.substr(0, split), version, it->path()};
    }
    return best;
  }

  // Downloads and unpacks unless it is there. Only for the holder of the lock.
  std::expected<Package, std::string> fetch(const apt::Candidate& candidate,
                                            const Progress& progress) const {
    Package package = named(candidate.name, candidate.version);
    if (is_folder(package.folder)) return package;
    std::string temporary = (root_ / (std::string(kTemporary) + "XXXXXX")).string();
    if (!mkdtemp(temporary.data())) {
      return Failure(fmt::format("cannot write {}: {}", root_.string(), std::strerror(errno)));
    }
    const fs::path tree = fs::path(temporary) / "tree";
    std::error_code error;
    fs::create_directory(tree, error);
    auto unpacked = apt::unpack(candidate, tree, progress);
    if (unpacked) {
      fs::rename(tree, package.folder, error);
      if (error) {
        unpacked =
            Failure(fmt::format("cannot write {}: {}", package.folder.string(), error.message()));
      }
    }
    fs::remove_all(temporary, error);
    if (!unpacked) return Failure(unpacked.error());
    return package;
  }

  // One process at a time asks apt; the others wait and find its answer.
  std::expected<process::Descriptor, std::string> lock(const Progress& progress) const {
    using namespace std::chrono_literals;
    if (auto made = make_folders(root_); !made) return Failure(made.error());
    const fs::path path = root_ / ".lock";
    process::Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!file) {
      return Failure(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
    }
    bool told = false;
    while (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) {
        return Failure(fmt::format("cannot lock {}: {}", path.string(), std::strerror(errno)));
      }
      if (progress.stopped && progress.stopped()) return Failure("interrupted");
      if (!told) progress("waiting for another hypervet that fetches packages");
      told = true;
      std::this_thread::sleep_for(50ms);
    }
    return file;
  }

  // What killed processes have left. Only for the holder of the lock.
  void sweep() const {
    std::error_code error;
    for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
      std::error_code ignored;
      if (it->path().filename().string().starts_with(kTemporary)) {
        fs::remove_all(it->path(), ignored);
      }
    }
  }

 private:
  Package named(const std::string& name, const std::string& version) const {
    return {name, version, root_ / folder_name(name, version)};
  }

  fs::path root_;
  std::string glob_;
  fs::path answer_;
};

}  // namespace

std::expected<Package, std::string> unpacked_package(std::string_view glob, const fs::path& cache,
                                                     const Progress& progress) {
  if (!is_glob(glob)) return Failure(fmt::format("\"{}\" is no name of a Debian package", glob));
  const Store store(cache, glob);
  const std::string state = apt::state();
  if (auto known = store.resolved(state)) return *known;

  const auto lock = store.lock(progress);
  if (!lock) return Failure(lock.error());
  if (auto known = store.resolved(state)) return *known;
  store.sweep();
  const auto candidate = apt::newest(glob, progress);
  auto package = candidate ? store.fetch(*candidate, progress)
                           : std::expected<Package, std::string>(Failure(candidate.error()));
  auto validity = kValidity;
  if (!package) {
    if (progress.stopped && progress.stopped()) return package;
    const auto cached = store.newest_cached();
    if (!cached) return package;
    progress(fmt::format("{}; going on with {} {} of an earlier run", package.error(), cached->name,
                         cached->version));
    package = *cached;
    validity = kMakeshiftValidity;
  }
  // Without this note the next run asks again; nothing is wrong with this one.
  (void)store.keep(state, *package, validity);
  return package;
}

}  // namespace hypervet::lab
