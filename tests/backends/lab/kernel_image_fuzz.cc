// SPDX-License-Identifier: Apache-2.0
// Any bytes as a kernel, as a module and as compressed data: each must be answered, and nothing
// read beyond the end. The first byte of the input says whether the rest is the file itself or a
// list of edits {offset, byte} to a good one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "backends/lab/archive.h"
#include "backends/lab/kernel_image.h"
#include "backends/lab/modules.h"
#include "tests/backends/lab/kernel_builder.h"

namespace {

using namespace hypervet::lab;
namespace test = hypervet::test;

test::ByteVector edited(test::ByteVector file, const std::uint8_t* edits, std::size_t size) {
  for (std::size_t i = 0; i + 3 <= size; i += 3) {
    file[static_cast<std::size_t>(edits[i] | edits[i + 1] << 8) % file.size()] =
        std::byte{edits[i + 2]};
  }
  return file;
}

test::ByteVector file_of(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  switch (data[0] & 3) {
    case 0:
      return edited(test::vmlinux("6.1.0"), data + 1, size - 1);
    case 1:
      return edited(test::bzimage("6.1.0", test::ByteVector(64), 64), data + 1, size - 1);
    case 2:
      return edited(test::module("kvm,ccp", "6.1.0"), data + 1, size - 1);
    default:
      return {bytes + 1, bytes + size};
  }
}

void check(bool good, const std::string& error) {
  if (!good && (error.empty() || error.find('\n') != std::string::npos)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const test::ByteVector file = file_of(data, size);
  const auto image = parse_kernel_image(file);
  check(image.has_value(), image ? "" : image.error());
  if (image && !is_release(image->release)) __builtin_trap();
  const auto module = parse_module(file);
  check(module.has_value(), module ? "" : module.error());
  const auto plain = unpacked(file, 1 << 20);
  check(plain.has_value(), plain ? "" : plain.error());
  return 0;
}
