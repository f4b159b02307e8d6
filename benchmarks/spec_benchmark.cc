// SPDX-License-Identifier: Apache-2.0
// From YAML to programs: the suite beside its floor, which is what libyaml takes to parse the same
// text and throw all of its events away; then generated specs of growing size, whose cost must be
// linear in their case instances (the _BigO and _RMS lines say whether it is). `each` is the time
// of one instance.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/turns.h"
#include "harness/program/compile.h"
#include "harness/run/select.h"
#include "harness/spec/lint.h"
#include "harness/spec/load.h"

namespace {

using namespace hypervet;
namespace fs = std::filesystem;

void scan(const std::string& text) {
  yaml_parser_t parser;
  if (yaml_parser_initialize(&parser) == 0) throw std::bad_alloc();
  yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()),
                               text.size());
  bool more = true;
  while (more) {
    yaml_event_t event;
    if (yaml_parser_parse(&parser, &event) == 0) throw std::runtime_error("the text is no YAML");
    more = event.type != YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
  }
  yaml_parser_delete(&parser);
}

std::vector<std::string> suite_texts() {
  std::vector<std::string> texts;
  for (const auto& entry : fs::recursive_directory_iterator(HYPERVET_SPECS)) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream file(entry.path());
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return texts;
}

template <typename Loaded>
auto must(Loaded loaded) {
  if (!loaded) throw std::runtime_error("the spec does not load");
  return std::move(*loaded);
}

spec::Specs load_suite() {
  const std::array paths = {fs::path(HYPERVET_SPECS)};
  return must(spec::load(paths));
}

void suite_load(benchmark::State& state) {
  const auto texts = suite_texts();
  benchmarks::compare(
      state, benchmarks::kMilliseconds,
      [] { return benchmarks::seconds(CLOCK_PROCESS_CPUTIME_ID, load_suite); },
      [&] {
        return benchmarks::seconds(CLOCK_PROCESS_CPUTIME_ID,
                                   [&] { std::ranges::for_each(texts, scan); });
      });
}
BENCHMARK(suite_load)
    ->Name("suite/load")
    ->UseManualTime()
    ->Iterations(20)
    ->Unit(benchmark::kMillisecond);

void suite_lint(benchmark::State& state) {
  const auto specs = load_suite();
  for ([[maybe_unused]] auto turn : state) benchmark::DoNotOptimize(spec::lint(specs));
}
BENCHMARK(suite_lint)->Name("suite/lint")->Unit(benchmark::kMillisecond);

constexpr std::int64_t kInstancesOfAClause = 10;

// Clauses of ten instances each, so many that there are `instances` in all.
std::string generated(std::int64_t instances) {
  std::string text =
      "interface: generated\n"
      "title: Generated\n"
      "source: {document: none, version: none}\n"
      "constants: {REFUSED: 1000}\n"
      "clauses:\n";
  for (std::int64_t i = 0; i < instances / kInstancesOfAClause; ++i) {
    text += fmt::format(
        "  - id: generated.clause-{0}\n"
        "    level: must\n"
        "    section: Section {0}\n"
        "    text: A number that the host does not know is refused, {0}.\n"
        "    cases:\n"
        "      - name: unused\n"
        "        for: {{nr: 1000..{1}}}\n"
        "        steps: [{{hypercall: {{kvm: nr, args: [1, 2, 3, 4]}}, expect: {{rax: "
        "-REFUSED}}}}]\n"
        "    violations:\n"
        "      - returns zero: {{at: hypercall, nr: unknown, rax: 0}}\n",
        i, 1000 + kInstancesOfAClause - 1);
  }
  return text;
}

void report(benchmark::State& state) {
  state.SetComplexityN(state.range(0));
  state.counters["each"] = benchmark::Counter(
      static_cast<double>(state.range(0)),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void load(benchmark::State& state) {
  const auto text = generated(state.range(0));
  for ([[maybe_unused]] auto turn : state) {
    benchmark::DoNotOptimize(must(spec::load_text(text, "generated.yaml")));
  }
  report(state);
}

void load_floor(benchmark::State& state) {
  const auto text = generated(state.range(0));
  for ([[maybe_unused]] auto turn : state) scan(text);
  report(state);
}

void lint(benchmark::State& state) {
  const auto specs = must(spec::load_text(generated(state.range(0)), "generated.yaml"));
  if (!spec::lint(specs).empty()) throw std::runtime_error("the generated spec is not clean");
  for ([[maybe_unused]] auto turn : state) benchmark::DoNotOptimize(spec::lint(specs));
  report(state);
}

void select(benchmark::State& state) {
  const auto specs = must(spec::load_text(generated(state.range(0)), "generated.yaml"));
  if (must(run::select(specs, {})).size() != static_cast<std::size_t>(state.range(0))) {
    throw std::runtime_error("not so many instances");
  }
  for ([[maybe_unused]] auto turn : state) benchmark::DoNotOptimize(run::select(specs, {}));
  report(state);
}

void compile(benchmark::State& state) {
  const auto specs = must(spec::load_text(generated(state.range(0)), "generated.yaml"));
  const auto instances = must(run::select(specs, {}));
  for ([[maybe_unused]] auto turn : state) {
    for (const auto& i : instances) {
      benchmark::DoNotOptimize(
          must(program::compile(specs, *i.interface, *i.clause, *i.the_case, i.binding)));
    }
  }
  report(state);
}

void sizes(benchmark::internal::Benchmark* one) {
  one->RangeMultiplier(10)
      ->Range(1'000, 100'000)
      ->Complexity(benchmark::oN)
      ->Unit(benchmark::kMillisecond);
}
BENCHMARK(load)->Name("generated/load")->Apply(sizes);
BENCHMARK(load_floor)->Name("generated/load-floor")->Apply(sizes);
BENCHMARK(lint)->Name("generated/lint")->Apply(sizes);
BENCHMARK(select)->Name("generated/select")->Apply(sizes);
BENCHMARK(compile)->Name("generated/compile")->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
