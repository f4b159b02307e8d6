// SPDX-License-Identifier: Apache-2.0
#include "tests/reports/samples.h"

#include <fmt/format.h>

#include <utility>

#include "reports/stream/writer.h"
#include "tests/reports/interface_samples.h"

namespace hypervet::reports::samples {
namespace {

constexpr const char* kRegisters =
    "stopped: deadline of 2000 ms passed, CPU 1 halted with interrupts off\n"
    "rax 0000000000000000  rbx 0000000000000001  rcx 0000000000000002  rdx 0000000000000003\n"
    "rsi 0000000000000004  rdi 0000000000204040  rbp 0000000000000000  rsp 0000000000217f98\n"
    "r8  0000000000000000  r9  0000000000000000  r10 0000000000000000  r11 0000000000000000\n"
    "rip 0000000000201c3a  cs 0010  rflags 00000002 [----]\n"
    "code at rip: 0f 01 c1 <f4> eb fd 66 0f 1f 44 00 00\n"
    "op 3 of 7: await {memory: $flag, equals: 1, within: 100ms}";

// One sample case; the fields that all share are filled in by add().
struct Sketch {
  const char* clause;
  const char* name;
  std::map<std::string, std::string> parameters;
  Verdict verdict;
  std::uint64_t duration_us;
  std::vector<Mark> marks = {};
  const char* reason = "";
  const char* expected = "";
  const char* observed = "";
  const char* detail = "";
};

std::string instance_id(const Sketch& sketch) {
  std::string parameters;
  for (const auto& [key, value] : sketch.parameters) {
    parameters += fmt::format("{}{}={}", parameters.empty() ? "" : ",", key, value);
  }
  return fmt::format("{}/{}{}", sketch.clause, sketch.name,
                     parameters.empty() ? "" : "[" + parameters + "]");
}

Level level_of(const Interface& interface, std::string_view clause) {
  for (const Clause& c : interface.clauses) {
    if (c.id == clause) return c.level;
  }
  return Level::kMust;
}

void add(Results& results, const Interface& interface, const std::string& provider,
         const std::vector<Sketch>& sketches) {
  std::size_t line = 11;
  for (const Sketch& s : sketches) {
    Case c;
    c.id = instance_id(s);
    c.clause = s.clause;
    c.name = s.name;
    c.parameters = s.parameters;
    c.interface = interface.id;
    c.level = level_of(interface, s.clause);
    c.backend = results.run.backend;
    c.target = results.run.target;
    c.provider = provider;
    c.verdict = s.verdict;
    c.marks = s.marks;
    c.reason = s.reason;
    c.expected = s.expected;
    c.observed = s.observed;
    c.location = fmt::format("specs/{}.yaml:{}:9", interface.id, line += 9);
    c.reproduce = fmt::format("hypervet run '{}' --backend {} --seed 42", c.id, c.backend);
    c.seed = 42;
    c.duration_ns = s.duration_us * 1000;
    c.detail = s.detail;
    results.cases.push_back(std::move(c));
  }
  results.interfaces.push_back(interface);
}

Run run() {
  Run run;
  run.hypervet = "0.1.0";
  run.started = "2025-03-01T09:15:00Z";
  run.backend = "kvm";
  run.target = "Linux 6.1.0-31 kvm_amd";
  run.provider = "host kernel: Linux 6.1.0-31 kvm_amd";
  run.cpu = "AMD EPYC 7713 64-Core Processor (family 25, model 1, stepping 1)";
  run.kernel = "Linux 6.1.0-31-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.128-1";
  run.mitigations =
      "spectre_v2: Retpolines, IBPB; srso: Safe RET; retbleed: untrained return thunk";
  run.command_line = {"hypervet",  "run", "kvm.*",  "virtio.blk.*",
                      "--backend", "kvm", "--seed", "42"};
  run.seed = 42;
  run.jobs = 4;
  run.spec_hash = "sha256:8c1f0d6a52f3b9e7";
  run.payload_hash = "sha256:41d7be20c99a0e15";
  run.notes = "nested in a cloud instance";
  return run;
}

// Two launches of three samples, the second a bit slower.
Path path(const Run& run, const std::string& provider, const char* id, const char* what,
          double median, const char* contrast) {
  Path p;
  p.id = id;
  p.interface = "kvm.hypercall";
  p.what = what;
  p.backend = run.backend;
  p.target = run.target;
  p.provider = provider;
  p.unit = "ns";
  p.samples = 6;
  p.min = median - 12.25;
  p.median = median;
  p.p99 = median + 90.5;
  p.spread = 0.021;
  p.overhead = 1.125;
  p.noise_floor = 0.004;
  p.contrast = contrast;
  p.method = "2 launches, TSC, batches of 64 operations";
  p.launches = {{median - 12.25, median, median + 1}, {median - 2, median, median + 90.5}};
  return p;
}

void add_paths(Results& results, const std::string& provider) {
  Path vmcall = path(results.run, provider, "kvm.path.vmcall[nr=1]",
                     "Round trip of a hypercall: an exit that the kernel answers", 412.5,
                     "kvm.path.pio-user");
  vmcall.dividend = Dividend{3.5, 3.4375, 3.5625};
  results.paths.push_back(std::move(vmcall));
  results.paths.push_back(path(results.run, provider, "kvm.path.pio-user",
                               "Round trip of a port write that user space answers", 1443.75, ""));
  Path skipped;
  skipped.id = "kvm.path.send-ipi[cpus=2]";
  skipped.interface = "kvm.hypercall";
  skipped.what = "KVM_HC_SEND_IPI to two CPUs";
  skipped.unit = "ns";
  skipped.reason = "the target does not offer it: CPUID bit kvm.pv-send-ipi is 0";
  results.paths.push_back(std::move(skipped));
}

constexpr const char* kReferenceProvider = "hypervet's reference model (virtio devices)";

}  // namespace

void summarize(Results& results) {
  Summary summary;
  summary.counts = count(results.cases);
  summary.planned = summary.executed = results.cases.size();
  bool unwaived = false;
  for (const Case& c : results.cases) {
    unwaived = unwaived || (is_failure(c.verdict) && !c.has(Mark::kWaived));
    summary.wall_ns += c.duration_ns;
  }
  const bool errors = summary.counts[Verdict::kError] > 0;
  summary.conformant = !unwaived && !errors;
  summary.exit_status = unwaived ? 1 : errors ? 3 : 0;
  results.run.planned = summary.planned;
  results.summary = summary;
}

Results mixed() {
  Results results;
  results.run = run();
  const std::string& kernel = results.run.provider;
  add(results, hypercalls(), kernel,
      {{"kvm.hypercall.unknown-number", "unused number", {{"nr", "13"}}, Verdict::kPass, 412},
       {"kvm.hypercall.unknown-number", "unused number", {{"nr", "999"}}, Verdict::kPass, 398},
       {"kvm.hypercall.unknown-number",
        "unused number",
        {{"nr", "0xffffffff"}},
        Verdict::kFail,
        405,
        {},
        "rbx changed although only rax may",
        "rax = -KVM_ENOSYS (0xfffffffffffffc18)\nall others unchanged",
        "rax = 0xfffffffffffffc18\nrbx = 0xdead (was 0x1)",
        "op 0 of 1: hypercall {abi: kvm, nr: 0xffffffff, args: [1, 2, 3, 4]}\n"
        "instruction: 0f 01 d9 (vmmcall) at 0x201c37"},
       {"kvm.hypercall.user-mode", "from ring 3", {{"nr", "1"}}, Verdict::kPass, 502},
       {"kvm.hypercall.user-mode",
        "from ring 3",
        {{"nr", "5"}},
        Verdict::kCrash,
        1833,
        {},
        "the virtual machine shut down: triple fault",
        "rax = -KVM_EPERM",
        "no answer: the machine stopped before op 0 finished",
        "KVM_EXIT_SHUTDOWN\nlast vector: #DF (8), error code 0\nrip 0000000000400010  cs 002b"},
       {"kvm.hypercall.kick-cpu.wakes",
        "halted CPU",
        {},
        Verdict::kHang,
        2000120,
        {},
        "CPU 1 was not woken within 100 ms",
        "memory $flag = 1 within 100 ms",
        "memory $flag = 0 after 2000 ms",
        kRegisters},
       {"kvm.hypercall.kick-cpu.flags-reserved",
        "a0 set",
        {},
        Verdict::kFail,
        377,
        {Mark::kWaived},
        "waived until 2025-12-31: kernel ticket 4711, fixed in 6.8 (owner: kvm team)",
        "rax = 0",
        "rax = -KVM_ENOSYS (0xfffffffffffffc18)"},
       {"kvm.hypercall.clock-pairing.fields",
        "wall clock",
        {},
        Verdict::kSkip,
        120,
        {},
        "the target does not offer it: clocksource of the host is not tsc"},
       {"kvm.hypercall.clock-pairing.unknown-type",
        "type 7",
        {},
        Verdict::kError,
        90,
        {},
        "KVM_RUN failed: Interrupted system call (EINTR) 3 times in a row",
        "rax = -KVM_EOPNOTSUPP",
        "",
        "backends/kvm: vcpu 0: KVM_RUN: EINTR"}});
  add(results, clock(), kernel,
      {{"kvm.clock.version-even", "10000 reads", {{"msr", "0x12"}}, Verdict::kPass, 5120},
       {"kvm.clock.version-even", "10000 reads", {{"msr", "0x4b564d01"}}, Verdict::kPass, 5098},
       {"kvm.clock.monotonic",
        "one CPU",
        {},
        Verdict::kPass,
        20480,
        {Mark::kFlaky},
        "passed on attempt 2 of 3"},
       {"kvm.clock.monotonic-across-cpus", "two CPUs", {}, Verdict::kPass, 48211},
       {"kvm.clock.wall-clock.once",
        "written once",
        {},
        Verdict::kPass,
        244,
        {Mark::kUnexpectedPass},
        "a waiver (owner: clock team) expects this to fail; remove the waiver"}});
  add(results, block(), kReferenceProvider,
      {{"virtio.blk.read-only.refuses-write",
        "write",
        {{"transport", "mmio"}},
        Verdict::kPass,
        960},
       {"virtio.blk.read-only.refuses-write",
        "write",
        {{"transport", "pci"}},
        Verdict::kPass,
        1012},
       {"virtio.blk.unknown-request", "type 99", {{"transport", "mmio"}}, Verdict::kPass, 871},
       {"virtio.blk.unknown-request", "type 99", {{"transport", "pci"}}, Verdict::kPass, 903}});
  add_paths(results, kernel);
  results.logs.push_back({"kernel log of the lab",
                          "[    0.000000] Linux version 6.1.0-31-amd64\n"
                          "[    0.412345] kvm: Nested Virtualization enabled\n"
                          "[    0.412377] SVM: kvm: Nested Paging enabled\n"});
  summarize(results);
  return results;
}

Results reference_model() {
  Results results;
  results.run = run();
  results.run.backend = "sim";
  results.run.target = "hypervet's reference model 0.1.0";
  results.run.provider = "hypervet's reference model";
  add(results, clock(), results.run.provider,
      {{"kvm.clock.version-even", "10000 reads", {{"msr", "0x12"}}, Verdict::kPass, 5120},
       {"kvm.clock.version-even", "10000 reads", {{"msr", "0x4b564d01"}}, Verdict::kPass, 5098},
       {"kvm.clock.monotonic", "one CPU", {}, Verdict::kPass, 20480},
       {"kvm.clock.monotonic-across-cpus", "two CPUs", {}, Verdict::kPass, 48211},
       {"kvm.clock.wall-clock.once", "written once", {}, Verdict::kPass, 244}});
  summarize(results);
  return results;
}

Results large(std::size_t cases) {
  Results results = mixed();
  const std::vector<Case> patterns = results.cases;
  for (std::size_t i = patterns.size(); i < cases; ++i) {
    Case c = patterns[i % patterns.size()];
    c.parameters["i"] = fmt::format("{}", i);
    c.id = fmt::format("{}/{}[i={}]", c.clause, c.name, i);
    results.cases.push_back(std::move(c));
  }
  summarize(results);
  return results;
}

Results hostile() {
  const std::string attack =
      "</script><script>document.title='owned'</script>\"><img src=x "
      "onerror=\"document.title='owned'\">"
      "'><svg onload=alert(1)>{{{raw}}}{{&raw}}]]>\x1b[31mred\x07\nok 1 forged\n# "
      "FAILED\t\x01\xff\xfe\xc3(";
  Results results = mixed();
  results.run.target = results.run.cpu = results.run.notes = attack;
  results.logs = {{attack, attack}};
  for (Path& path : results.paths) {
    path.id += attack;
    path.interface = path.what = path.unit = path.provider = path.contrast = path.method = attack;
    if (!path.reason.empty()) path.reason = attack;
  }
  Interface& interface = results.interfaces.front();
  interface.title = interface.source.document = attack;
  interface.clauses.front().text = interface.clauses.front().section = attack;
  for (Case& c : results.cases) {
    c.reason = c.expected = c.observed = c.reproduce = c.detail = attack;
    c.id += attack;
    c.name += attack;
    c.location = "specs/" + attack;
    c.parameters["p" + attack] = attack;
  }
  return results;
}

std::vector<Record> records(const Results& results) {
  std::vector<Record> records = {results.run};
  records.insert(records.end(), results.interfaces.begin(), results.interfaces.end());
  records.insert(records.end(), results.cases.begin(), results.cases.end());
  records.insert(records.end(), results.paths.begin(), results.paths.end());
  records.insert(records.end(), results.logs.begin(), results.logs.end());
  records.insert(records.end(), results.others.begin(), results.others.end());
  if (results.summary) records.emplace_back(*results.summary);
  return records;
}

std::string stream(const Results& results) {
  std::string text;
  for (const Record& record : records(results)) text += to_json_line(record) + '\n';
  return text;
}

}  // namespace hypervet::reports::samples
