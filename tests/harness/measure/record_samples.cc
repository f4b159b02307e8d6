// SPDX-License-Identifier: Apache-2.0
// Not a test: how recorded_*.txt were made. One process is one launch; it prints one line, the
// time of each batch of 64 getppid system calls in TSC ticks:
//   for i in $(seq 60); do record_samples 250 >> recorded.txt; sleep 0.1; done
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

std::uint64_t batch() {
  unsigned processor = 0;
  const std::uint64_t start = __rdtscp(&processor);
  for (int i = 0; i < 64; ++i) syscall(SYS_getppid);
  return __rdtscp(&processor) - start;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::uint64_t> samples(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 250);
  for (int warm_up = 0; warm_up < 200; ++warm_up) batch();
  for (std::uint64_t& sample : samples) sample = batch();
  for (const std::uint64_t sample : samples)
    std::printf("%ju ", static_cast<std::uintmax_t>(sample));
  std::printf("\n");
}
