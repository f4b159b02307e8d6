// SPDX-License-Identifier: Apache-2.0
// Every key of the vocabulary does what its role says: an effect changes what passes the seam (and
// is counted), a condition that does not hold keeps it from doing so. The events below are chosen
// so that each key can act.
#include "backends/violations/vocabulary.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "backends/violations/interposer.h"
#include "tests/backends/violations/virtio_samples.h"

namespace hypervet::violations {
namespace {

constexpr std::uint64_t kSample = 0x5a;

// What one event at the seam comes out as, in words, and whether any rule was committed.
struct Passed {
  std::string text;
  unsigned committed = 0;
};

void append(std::string& text, std::uint64_t value) { text += std::to_string(value) + " "; }

std::string show(const Fault& fault) {
  return "fault " + std::to_string(fault.vector) + " " +
         (fault.error_code ? std::to_string(*fault.error_code) : "-") + " " +
         std::to_string(fault.cr2) + " ";
}

// The event: CPU 1 at CPL 0 in compat mode calls number 999 (unknown) with the other vendor's
// opcode, and the model raises #UD; or, with `faulting` off, it returns a result.
std::string hypercall(Interposer& interposer, bool faulting) {
  const HypercallContext context{.cpu = 1,
                                 .number = 999,
                                 .arguments = {1, 2, 3, 4},
                                 .known = false,
                                 .cpl = 3,
                                 .mode = CodeMode::kCompat,
                                 .native = false};
  const HypercallCall call =
      interposer.hypercall_call(context, {.number = 999, .arguments = {1, 2, 3, 4}});
  HypercallResult result;
  result.registers.rflags = 0x247;  // PF and ZF are set
  result.registers.rip = 0x1000;
  if (faulting) result.fault = kUd;
  result = interposer.hypercall_result(result);
  std::string text;
  append(text, call.number);
  for (const std::uint64_t argument : call.arguments) append(text, argument);
  text += call.allow ? "allow " : "";
  text += call.ignore ? "ignore " : "";
  text += call.truncate ? "truncate " : "";
  const protocol::RegisterFile& r = result.registers;
  for (const std::uint64_t value : {r.rax, r.rcx, r.rdx, r.rbx, r.rbp, r.rsi, r.rdi, r.r8, r.r9,
                                    r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rflags})
    append(text, value);
  append(text, result.advance);
  if (result.fault) text += show(*result.fault);
  return text;
}

std::string cpuid(Interposer& interposer) {
  const CpuidLeaf leaf = interposer.cpuid(1, 0x40000001, {0xff08, 0xff09, 0xff0a, 0xff0b});
  std::string text;
  for (const std::uint32_t value : {leaf.eax, leaf.ebx, leaf.ecx, leaf.edx}) append(text, value);
  return text;
}

std::string rdmsr(Interposer& interposer, bool faulting) {
  const MsrRead read =
      interposer.rdmsr(1, 0x4b564d03, {.value = faulting ? 0u : 0xff08u, .fault = faulting});
  return std::to_string(read.value) + (read.fault ? " fault" : "");
}

std::string wrmsr(Interposer& interposer, bool faulting) {
  const MsrWrite write = interposer.wrmsr(1, 0x4b564d03, 0xff02);
  std::string text = std::to_string(write.value);
  text += write.ignore ? " ignore" : "";
  text += write.keep ? " keep" : "";
  bool fault = write.fault;
  if (faulting && !fault) {
    if (write.never_fault)
      interposer.spared();
    else
      fault = true;
  }
  return text + (fault ? " fault" : "");
}

std::string memory(Interposer& interposer) {
  const FieldContext context{.area = Area::kStealTime,
                             .field = "version",
                             .cpu = 1,
                             .when = WhenWritten::kUpdate,
                             .area_begin = 0x1000,
                             .area_end = 0x1040};
  std::string text;
  for (const FieldWrite& write :
       interposer.memory(context, {.address = 0x1008, .value = 0xff02, .size = 4})) {
    append(text, write.address);
    append(text, write.value);
    append(text, write.size);
    if (!write.logged) text += "unlogged ";
  }
  return text;
}

std::string interrupt(Interposer& interposer, DeliveryMode mode) {
  const InterruptContext context{.source = Source::kAsyncPfReady, .lowest = 1, .highest = 3};
  std::string text;
  for (const Interrupt& one :
       interposer.interrupt(context, {.cpu = 1, .vector = 0x41, .mode = mode})) {
    append(text, one.cpu);
    append(text, one.vector);
    append(text, static_cast<unsigned>(one.mode));
  }
  append(text, interposer.token(Source::kAsyncPfReady, 1, 0x1001));
  return text;
}

std::string apic(Interposer& interposer) {
  return interposer.end_of_interrupt(EoiKind::kPvEoi, 1, 0x41) ? "leaves" : "stays";
}

std::string exit(Interposer& interposer) {
  const Exit exit = interposer.exit(
      {.kind = ExitKind::kHypercall, .number = 12, .arguments = {1, 2, 3}, .flags = 1, .value = 7});
  std::string text;
  append(text, exit.number);
  for (const std::uint64_t argument : exit.arguments) append(text, argument);
  append(text, exit.flags);
  append(text, exit.value);
  text += exit.drop ? "drop " : "";
  if (exit.result) text += "result " + std::to_string(*exit.result);
  return text;
}

// Two events, because some effects need a faulting one and others one that succeeds.
Passed pass(const Rule* rule, Seam seam) {
  Interposer interposer;
  if (rule) interposer.arm({rule, 1});
  std::string text;
  for (const bool other : {false, true}) {
    switch (seam) {
      case Seam::kHypercall:
        text += hypercall(interposer, other);
        break;
      case Seam::kCpuid:
        text += cpuid(interposer);
        break;
      case Seam::kRdmsr:
        text += rdmsr(interposer, other);
        break;
      case Seam::kWrmsr:
        text += wrmsr(interposer, other);
        break;
      case Seam::kMemory:
        text += memory(interposer);
        break;
      case Seam::kInterrupt:
        text += interrupt(interposer, other ? DeliveryMode::kNmi : DeliveryMode::kFixed);
        break;
      case Seam::kApic:
        text += apic(interposer);
        break;
      case Seam::kExit:
        text += exit(interposer);
        break;
      case Seam::kSwitch:
        if (interposer.switched("a-switch"))
          text += "on " + std::to_string(interposer.switch_amount("a-switch", 1)) + " ";
        break;
      default:
        text += test::virtio_event(interposer, seam, other);
    }
    text += "\n";
  }
  return {text, interposer.total_committed()};
}

std::vector<Value> values_of(const Key& key, Seam seam) {
  if (seam == Seam::kSwitch && key.name == "name") return {Value{std::string("a-switch")}};
  std::vector<Value> values;
  if (key.number) values.emplace_back(kSample);
  std::string_view rest = key.words == "*" ? std::string_view("version") : key.words;
  while (!rest.empty()) {
    const std::size_t space = rest.find(' ');
    values.emplace_back(std::string(rest.substr(0, space)));
    rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
  }
  return values;
}

// An effect that any event at this seam shows.
std::pair<std::string, Value> plain_effect(Seam seam) {
  switch (seam) {
    case Seam::kHypercall:
      return {"rax", kSample};
    case Seam::kCpuid:
      return {"eax", kSample};
    case Seam::kRdmsr:
      return {"value", kSample};
    case Seam::kWrmsr:
      return {"value", kSample};
    case Seam::kMemory:
      return {"value", kSample};
    case Seam::kInterrupt:
      return {"as-vector", kSample};
    case Seam::kApic:
      return {"in-service", std::string("keep")};
    case Seam::kExit:
      return {"number", kSample};
    case Seam::kSwitch:
      return {"name", std::string("a-switch")};
    default:
      return test::virtio_effect(seam);
  }
}

TEST(Vocabulary, EveryEffectChangesWhatPassesTheSeamAndIsCounted) {
  for (const SeamEntry& seam : seams()) {
    for (const Key& key : seam.keys) {
      if (key.role != KeyRole::kEffect) continue;
      const std::string before = pass(nullptr, seam.seam).text;
      for (const Value& value : values_of(key, seam.seam)) {
        Rule rule{.at = seam.seam, .effects = {{std::string(key.name), value}}};
        // An amount belongs to a switch.
        if (seam.seam == Seam::kSwitch) rule.effects.emplace("name", std::string("a-switch"));
        if (key.name == "offset") rule.effects.emplace("set", kSample);
        if (key.name == "before") rule.conditions.emplace("field", std::string("desc.len"));
        const Passed after = pass(&rule, seam.seam);
        EXPECT_NE(before, after.text) << seam.name << " " << key.name;
        EXPECT_GE(after.committed, 1u) << seam.name << " " << key.name;
      }
    }
  }
}

// The value of each condition that the event has; one that is not listed is a gap in this test.
const std::map<std::string, std::vector<Value>>& held() {
  using namespace std::string_literals;
  static const std::map<std::string, std::vector<Value>> table = {
      {"hypercall.nr", {999ul, "any"s, "unknown"s}},
      {"hypercall.cpu", {1ul}},
      {"hypercall.cpl", {3ul}},
      {"hypercall.mode", {"compat"s}},
      {"hypercall.opcode", {"other"s}},
      {"hypercall.a0", {1ul}},
      {"hypercall.a1", {2ul}},
      {"hypercall.a2", {3ul}},
      {"hypercall.a3", {4ul}},
      {"hypercall.nth", {1ul, 2ul}},
      {"cpuid.leaf", {0x40000001ul}},
      {"cpuid.cpu", {1ul}},
      {"cpuid.nth", {1ul, 2ul}},
      {"rdmsr.msr", {0x4b564d03ul}},
      {"rdmsr.cpu", {1ul}},
      {"rdmsr.nth", {1ul}},
      {"wrmsr.msr", {0x4b564d03ul}},
      {"wrmsr.cpu", {1ul}},
      {"wrmsr.bit", {1ul, 15ul}},
      {"wrmsr.bit-clear", {0ul, 63ul}},
      {"wrmsr.value-is", {0xff02ul}},
      {"wrmsr.nth", {2ul}},
      {"memory.area", {"steal-time"s}},
      {"memory.field", {"version"s, "*"s}},
      {"memory.cpu", {1ul}},
      {"memory.when", {"update"s}},
      {"memory.nth", {2ul}},
      {"interrupt.from", {"async-pf-ready"s, "any"s}},
      {"interrupt.to", {1ul, "lowest"s}},
      {"interrupt.vector", {0x41ul}},
      {"interrupt.mode", {"fixed"s, "nmi"s}},
      {"interrupt.nth", {1ul}},
      {"apic.event", {"pv-eoi"s}},
      {"apic.vector", {0x41ul}},
      {"apic.cpu", {1ul}},
      {"apic.nth", {2ul}},
      {"exit.kind", {"hypercall"s}},
      {"exit.nr", {12ul}},
      {"exit.nth", {1ul}},
      {"register.name", {"queue_size"s}},
      {"register.queue", {2ul}},
      {"register.access", {"read"s, "write"s}},
      {"register.after", {"features-ok"s}},
      {"register.nth", {1ul}},
      {"config.offset", {0x10ul, 0x13ul}},
      {"config.access", {"read"s, "write"s}},
      {"config.nth", {1ul}},
      {"pci-config.offset", {0x10ul, 0x13ul}},
      {"pci-config.access", {"read"s, "write"s}},
      {"pci-config.capability", {"msix"s}},
      {"pci-config.nth", {2ul}},
      {"dma-write.field", values_of(*find_key(*find_seam("dma-write"), "field"), Seam::kDmaWrite)},
      {"dma-write.queue", {2ul}},
      {"dma-write.nth", {2ul}},
      {"dma-read.field", values_of(*find_key(*find_seam("dma-read"), "field"), Seam::kDmaRead)},
      {"dma-read.queue", {2ul}},
      {"dma-read.nth", {2ul}},
      {"notify.queue", {2ul}},
      {"notify.nth", {2ul}},
      {"virtio-interrupt.of", {"queue"s, "config"s}},
      {"virtio-interrupt.queue", {2ul}},
      {"virtio-interrupt.when", {"wanted"s}},  // suppressed: nothing to drop
      {"virtio-interrupt.nth", {1ul}},
  };
  return table;
}

TEST(Vocabulary, AConditionThatHoldsLetsTheRuleActAndAnyOtherValueDoesNot) {
  for (const SeamEntry& seam : seams()) {
    for (const Key& key : seam.keys) {
      if (key.role != KeyRole::kCondition) continue;
      const auto name = std::string(seam.name) + "." + std::string(key.name);
      const auto entry = held().find(name);
      ASSERT_NE(entry, held().end()) << name;
      const auto act = [&](const Value& value) {
        const Rule rule{.at = seam.seam,
                        .conditions = {{std::string(key.name), value}},
                        .effects = {plain_effect(seam.seam)}};
        return pass(&rule, seam.seam).committed;
      };
      for (const Value& value : entry->second) EXPECT_GE(act(value), 1u) << name;
      // Every other word, and a number that is none of the listed ones.
      for (const Value& value : values_of(key, seam.seam)) {
        const auto& good = entry->second;
        if (std::find(good.begin(), good.end(), value) != good.end()) continue;
        // Any bit that is not set is clear.
        if (key.name == "bit-clear" && value == Value{kSample}) continue;
        EXPECT_EQ(act(value), 0u) << name;
      }
    }
  }
}

TEST(Vocabulary, BitConditionsLookAtTheValue) {
  const auto act = [](std::string key, std::uint64_t bit) {
    const Rule rule{.at = Seam::kWrmsr,
                    .conditions = {{std::move(key), bit}},
                    .effects = {{"ignore", std::string("yes")}}};
    return pass(&rule, Seam::kWrmsr).committed;
  };
  EXPECT_EQ(act("bit", 1), 2u);
  EXPECT_EQ(act("bit", 0), 0u);
  EXPECT_EQ(act("bit-clear", 0), 2u);
  EXPECT_EQ(act("bit-clear", 1), 0u);
  EXPECT_EQ(act("bit", 64), 0u);
}

TEST(Vocabulary, ASuppressedInterruptCanBeRaised) {
  const Rule rule{.at = Seam::kVirtioInterrupt,
                  .conditions = {{"when", std::string("suppressed")}, {"of", std::string("queue")}},
                  .effects = {{"raise", std::string("yes")}}};
  EXPECT_EQ(pass(&rule, Seam::kVirtioInterrupt).committed, 2u);
}

TEST(Vocabulary, KeysAreUniqueAndDescribed) {
  for (const SeamEntry& seam : seams()) {
    EXPECT_EQ(find_seam(seam.name), &seam);
    EXPECT_EQ(&seams()[static_cast<std::size_t>(seam.seam)], &seam);
    std::set<std::string_view> names;
    for (const Key& key : seam.keys) {
      EXPECT_TRUE(names.insert(key.name).second) << seam.name << " " << key.name;
      EXPECT_FALSE(key.what.empty()) << seam.name << " " << key.name;
      EXPECT_TRUE(key.number || !key.words.empty()) << seam.name << " " << key.name;
      EXPECT_EQ(find_key(seam, key.name), &key);
    }
    EXPECT_EQ(find_key(seam, "no-such-key"), nullptr);
  }
  EXPECT_EQ(find_seam("no-such-seam"), nullptr);
}

TEST(Vocabulary, WordsAreWholeWords) {
  const Key* nr = find_key(*find_seam("hypercall"), "nr");
  EXPECT_TRUE(takes_word(*nr, "any"));
  EXPECT_TRUE(takes_word(*nr, "unknown"));
  EXPECT_FALSE(takes_word(*nr, "an"));
  EXPECT_FALSE(takes_word(*nr, "any unknown"));
  EXPECT_FALSE(takes_word(*nr, ""));
}

}  // namespace
}  // namespace hypervet::violations
