// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "backends/lab/archive.h"
#include "backends/lab/fingerprint.h"
#include "backends/lab/kernel_image.h"
#include "backends/lab/modules.h"
#include "backends/lab/packages.h"
#include "backends/lab/pending_file.h"
#include "backends/lab/prune.h"
#include "backends/process/mapped_file.h"

namespace hypervet::lab {
namespace {

namespace fs = std::filesystem;
using Failure = std::unexpected<std::string>;
using Bytes = std::span<const std::byte>;

constexpr std::size_t kMaxUnpacked = std::size_t{1} << 30;
constexpr std::size_t kKept = 8;  // unpacked kernels, some 50 MB each

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::expected<std::vector<std::byte>, std::string> unpack_vmlinux(const KernelImage& image) {
  if (image.payload.empty()) return Failure("its header does not tell where vmlinux is");
  auto vmlinux = unpacked(image.payload, std::min<std::size_t>(kMaxUnpacked, image.unpacked_size));
  if (!vmlinux) return Failure("vmlinux cannot be unpacked: " + vmlinux.error());
  if (vmlinux->size() != image.unpacked_size) {
    return Failure(fmt::format("vmlinux unpacks to {} instead of {} bytes", vmlinux->size(),
                               image.unpacked_size));
  }
  if (auto boots = check_pvh(*vmlinux); !boots) return Failure(boots.error());
  return vmlinux;
}

// A file from an earlier run, which may have been cut short by a power failure.
bool boots_by_pvh(const fs::path& path) {
  const auto file = process::MappedFile::open(path);
  return file && check_pvh(file->bytes());
}

// Puts the vmlinux of a bzImage into the cache and the kernel onto it; one that has none to boot
// stays a bzImage, and the reason is kept instead. The names are made of the image's bytes, so that
// neither a rebuilt kernel nor a second process can be confused by what is there.
std::expected<void, std::string> boot_by_pvh(Kernel& kernel, const KernelImage& image, Bytes file,
                                             const fs::path& cache, const Progress& progress) {
  Fingerprint key;
  key.add(file);
  const fs::path stem = cache / "kernels" / fmt::format("{}-{}", image.release, key.hex());
  const fs::path vmlinux = stem.string() + ".vmlinux";
  const fs::path reason = stem.string() + ".bzimage";
  const auto found = [&] {
    kernel.boot = BootMethod::kPvh;
    kernel.image = vmlinux;
    kernel.why_bzimage.clear();
  };
  if (boots_by_pvh(vmlinux)) {
    touch(vmlinux);
    found();
    return {};
  }
  if (const auto known = process::MappedFile::open(reason); known && !known->bytes().empty()) {
    kernel.why_bzimage.assign(reinterpret_cast<const char*>(known->bytes().data()),
                              known->bytes().size());
    return {};
  }
  progress(fmt::format("unpacking Linux {}", image.release));
  const auto unpacked_kernel = unpack_vmlinux(image);
  if (!unpacked_kernel) {
    kernel.why_bzimage = unpacked_kernel.error();
    return write_file(reason, std::string_view(kernel.why_bzimage));
  }
  if (auto written = write_file(vmlinux, Bytes(*unpacked_kernel)); !written) return written;
  prune(cache / "kernels", vmlinux.extension().string(), kKept);
  found();
  return {};
}

// All but the modules.
std::expected<Kernel, std::string> read_kernel(const fs::path& path, const fs::path& cache,
                                               const Progress& progress) {
  const auto file = process::MappedFile::open(path);
  if (!file) return Failure(file.error());
  const auto image = parse_kernel_image(file->bytes());
  if (!image) return Failure(fmt::format("{}: {}", path.string(), image.error()));
  Kernel kernel{.image = path,
                .boot = BootMethod::kPvh,
                .release = image->release,
                .modules = {},
                .original = path,
                .why_bzimage = {}};
  if (image->kind == ImageKind::kElf) return kernel;
  kernel.boot = BootMethod::kBzImage;
  if (auto done = boot_by_pvh(kernel, *image, file->bytes(), cache, progress); !done) {
    return Failure(done.error());
  }
  return kernel;
}

std::string names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  std::ranges::sort(names);
  return names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", "));
}

// The folder that a user means by `given`.
std::expected<fs::path, std::string> modules_for(const std::string& release, fs::path given) {
  if (!given.has_filename()) given = given.parent_path();  // "folder/"
  std::error_code error;
  if (!fs::exists(given, error)) {
    return Failure(fmt::format("{}: No such file or directory", given.string()));
  }
  if (!is_folder(given)) return Failure(fmt::format("{}: is not a folder", given.string()));
  for (const char* base : {"lib/modules", "usr/lib/modules"}) {
    if (is_folder(given / base / release)) return given / base / release;
  }
  for (const char* base : {"lib/modules", "usr/lib/modules"}) {
    if (!is_folder(given / base)) continue;
    return Failure(fmt::format("{} has modules of {}, but the kernel is {}",
                               (given / base).string(), names_in(given / base), release));
  }
  const auto owner = modules_release(given);
  if (!owner) return Failure(owner.error());
  if (*owner != release) {
    return Failure(
        fmt::format("{} has modules of {}, but the kernel is {}", given.string(), *owner, release));
  }
  return given;
}

// The one kernel in an unpacked package.
std::expected<fs::path, std::string> image_in(const Package& package) {
  std::vector<fs::path> images;
  std::error_code error;
  const fs::path boot = package.folder / "boot";
  for (fs::directory_iterator it(boot, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with("vmlinuz")) images.push_back(it->path());
  }
  if (images.size() == 1) return images.front();
  return Failure(fmt::format("the package {} has {} in boot/", package.name,
                             images.empty() ? "no kernel (vmlinuz-...)" : "several kernels"));
}

}  // namespace

std::expected<Kernel, std::string> kernel_from_package(std::string_view glob, const fs::path& cache,
                                                       const Progress& progress) {
  const auto package = unpacked_package(glob, cache, progress);
  if (!package) return Failure(package.error());
  const auto image = image_in(*package);
  if (!image) return Failure(image.error());
  return kernel_from_file(*image, package->folder, cache, progress);
}

std::expected<Kernel, std::string> kernel_from_file(const fs::path& image, const fs::path& modules,
                                                    const fs::path& cache,
                                                    const Progress& progress) {
  auto kernel = read_kernel(image, cache, progress);
  if (!kernel) return kernel;
  if (!modules.empty()) {
    auto folder = modules_for(kernel->release, modules);
    if (!folder) return Failure(folder.error());
    kernel->modules = *folder;
  } else if (const fs::path own = fs::path("/lib/modules") / kernel->release; is_folder(own)) {
    kernel->modules = own;
  }
  return kernel;
}

}  // namespace hypervet::lab
