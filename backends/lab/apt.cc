// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/apt.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "backends/lab/debian_version.h"
#include "backends/process/child.h"

namespace hypervet::lab::apt {
namespace {

namespace fs = std::filesystem;
using Failure = std::unexpected<std::string>;

constexpr const char* kLists = "/var/lib/apt/lists";

std::expected<process::Output, std::string> ask(std::vector<std::string> argv,
                                                const Progress& progress, fs::path directory = {}) {
  return process::run({.argv = std::move(argv),
                       .environment = {"LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"},
                       .directory = std::move(directory)},
                      {.stopped = progress.stopped});
}

// apt prints its warnings around the error that counts.
std::string complaint(const process::Output& output) {
  constexpr std::string_view kError = "E: ";
  std::string_view rest = output.err;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (rest.starts_with(kError))
      return std::string(rest.substr(kError.size(), end - kError.size()));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return output.last_line();
}

template <typename What>
void for_each_line(std::string_view text, What what) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    what(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool has_lists() {
  std::error_code error;
  for (fs::directory_iterator it(kLists, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().find("_Packages") != std::string::npos) return true;
  }
  return false;
}

std::string unknown(std::string_view glob) {
  if (!has_lists()) {
    return fmt::format("apt knows no package {}: it has no package lists (apt-get update)", glob);
  }
  return fmt::format("apt knows no package {}; perhaps its lists are old (apt-get update)", glob);
}

// The stanzas of `apt-cache show`.
std::vector<Candidate> parse_stanzas(std::string_view text) {
  std::vector<Candidate> all;
  for_each_line(text, [&](std::string_view line) {
    const std::size_t colon = line.find(": ");
    if (colon == line.npos) return;
    const std::string_view key = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (key == "Package") all.emplace_back().name = value;
    if (all.empty()) return;
    if (key == "Version") all.back().version = value;
    if (key == "Size") std::from_chars(value.data(), value.data() + value.size(), all.back().size);
  });
  std::erase_if(all, [](const Candidate& one) { return one.version.empty(); });
  return all;
}

std::string in_megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

std::optional<fs::path> deb_in(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".deb") return it->path();
  }
  return std::nullopt;
}

}  // namespace

bool matches(std::string_view glob, std::string_view name) {
  for (const std::string_view beside : {"-unsigned", "-dbg"}) {
    if (name.ends_with(beside) && !glob.ends_with(beside)) return false;
  }
  return fnmatch(std::string(glob).c_str(), std::string(name).c_str(), 0) == 0;
}

std::expected<Candidate, std::string> newest(std::string_view glob, const Progress& progress) {
  const std::string_view prefix = glob.substr(0, glob.find_first_of("*?["));
  const auto names = ask({"apt-cache", "pkgnames", "--", std::string(prefix)}, progress);
  if (!names) return Failure(names.error());
  if (!names->ended.ok()) return Failure("apt-cache: " + complaint(*names));
  std::vector<std::string> show = {"apt-cache", "show", "--no-all-versions", "--"};
  const std::size_t words = show.size();
  for_each_line(names->out, [&](std::string_view name) {
    if (matches(glob, name)) show.emplace_back(name);
  });
  if (show.size() == words) return Failure(unknown(glob));
  // Its exit status tells whether all of them are known; one is enough.
  const auto stanzas = ask(std::move(show), progress);
  if (!stanzas) return Failure(stanzas.error());
  const std::vector<Candidate> candidates = parse_stanzas(stanzas->out);
  if (candidates.empty()) return Failure(unknown(glob));
  return *std::ranges::max_element(candidates, [](const Candidate& a, const Candidate& b) {
    const int order = compare_versions(a.version, b.version);
    return order != 0 ? order < 0 : compare_versions(a.name, b.name) < 0;
  });
}

std::expected<void, std::string> unpack(const Candidate& candidate, const fs::path& folder,
                                        const Progress& progress) {
  progress(fmt::format("downloading {} {} ({})", candidate.name, candidate.version,
                       in_megabytes(candidate.size)));
  const fs::path download = folder.string() + ".download";
  std::error_code error;
  fs::create_directory(download, error);
  if (error) return Failure(fmt::format("{}: {}", download.string(), error.message()));
  const auto fetched = ask({"apt-get", "download", "-q", "-o", "Acquire::Retries=2", "-o",
                            "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30", "--",
                            fmt::format("{}={}", candidate.name, candidate.version)},
                           progress, download);
  if (!fetched) return Failure(fetched.error());
  const auto deb = deb_in(download);
  if (!fetched->ended.ok() || !deb) {
    return Failure(
        fmt::format("cannot download {}: {}; perhaps apt's lists are old (apt-get update)",
                    candidate.name, complaint(*fetched)));
  }
  progress(fmt::format("unpacking {}", candidate.name));
  const auto extracted = ask({"dpkg-deb", "-x", deb->string(), folder.string()}, progress);
  if (!extracted) return Failure(extracted.error());
  if (!extracted->ended.ok()) {
    return Failure(fmt::format("cannot unpack {}: {}", candidate.name, extracted->last_line()));
  }
  fs::remove_all(download, error);  // what stays behind goes with the folder around it
  return {};
}

std::string state() {
  std::string text;
  for (const char* path : {kLists, "/etc/apt", "/etc/apt/sources.list", "/etc/apt/sources.list.d",
                           "/etc/apt/preferences.d"}) {
    struct stat status{};
    if (stat(path, &status) != 0) status = {};
    text += fmt::format("{}.{:09} ", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
  return text;
}

}  // namespace hypervet::lab::apt
