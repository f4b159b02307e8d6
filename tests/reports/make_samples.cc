// SPDX-License-Identifier: Apache-2.0
// Writes sample streams and all reports of them into a folder, to look at: make_samples FOLDER
// [CASES].
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "reports/comparison_writers.h"
#include "reports/diff_writers.h"
#include "reports/writers.h"
#include "tests/reports/path_samples.h"
#include "tests/reports/samples.h"

using namespace hypervet::reports;

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::cerr << "usage: make_samples FOLDER [CASES]\n";
    return 2;
  }
  const std::string folder = argv[1];
  const std::size_t cases = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000;
  const std::pair<const char*, Results> samples[] = {
      {"mixed", samples::mixed()},        {"reference", samples::reference_model()},
      {"hostile", samples::hostile()},    {"large", samples::large(cases)},
      {"timed", samples::timed()},        {"counted", samples::counted_in_a_lab()},
      {"absurd", samples::absurd_paths()}};
  for (const auto& [name, results] : samples) {
    const std::string base = folder + "/" + name;
    std::ofstream(base + ".jsonl") << samples::stream(results);
    for (const Format& format : formats()) {
      const auto status = write_report(format, results, base + "." + std::string(format.extension));
      if (!status) {
        std::cerr << status.error() << '\n';
        return 1;
      }
    }
  }
  const std::pair<const char*, TimingComparison> comparisons[] = {
      {"comparison", samples::compared()},
      {"exact", samples::compared_exactly()},
      {"absurd-comparison", samples::absurd_comparison()}};
  for (const auto& [name, comparison] : comparisons) {
    for (const char* format : {"html", "json"}) {
      const auto status = write_comparison(*find_comparison_format(format), comparison,
                                           folder + "/" + name + "." + format);
      if (!status) {
        std::cerr << status.error() << '\n';
        return 1;
      }
    }
  }
  Results later = samples::mixed();
  later.run.target = "Linux 6.12.117 kvm_amd";
  later.cases[0].verdict = Verdict::kFail;
  later.cases[0].reason = "rax is not -KVM_ENOSYS";
  later.cases[0].expected = later.cases[2].expected;
  later.cases[0].observed = "rax = 0x0";
  later.cases[5].verdict = Verdict::kPass;
  later.cases[9].verdict = Verdict::kSkip;
  later.cases[9].reason = "the target does not offer it: kvmclock";
  later.cases.pop_back();
  samples::summarize(later);
  const Results before = samples::mixed();
  const auto status =
      write_diff(*find_diff_format("html"), Comparison(before, later), folder + "/difference.html");
  if (!status) {
    std::cerr << status.error() << '\n';
    return 1;
  }
}
