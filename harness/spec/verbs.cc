// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/verbs.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "harness/spec/verb_families.h"

namespace hypervet::spec {
namespace {

using enum KeyType;

constexpr std::uint64_t kAny = ~std::uint64_t{0};
constexpr VerbKey kAs = {"as", kName, false, "", 0, kAny, "name of what the step observes"};
constexpr VerbKey kInstructionKeys[] = {
    {"cpl", kKnown, false, "", 0, 3, "privilege level: 0 or 3"},
    {"mode", kWord, false, "long compat", 0, kAny, "compat: in a 32-bit code segment"},
    {"interrupts", kWord, false, "off on", 0, kAny, "on: with RFLAGS.IF set"},
};

constexpr std::string_view kRegisterFields =
    "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip rflags length";
constexpr std::string_view kFaultFields = "fault error-code cr2";

constexpr std::array<std::string_view, 3> kListFields = {"per-cpu", "order", "bytes"};
constexpr std::array<std::string_view, 4> kExpectationWords = {"even", "odd", "zero", "nonzero"};
constexpr std::array<std::string_view, 9> kExpectationKeys = {
    "at-least", "at-most", "mask", "bit", "is", "not", "one-of", "all-of", "differs-from"};
constexpr std::array<std::string_view, 20> kFaultNames = {
    "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "#TS",
    "#NP", "#SS", "#GP", "#PF", "#MF", "#AC", "#MC", "#XM", "#VE", "#CP"};

}  // namespace

std::span<const Verb> verbs() {
  static const std::vector<Verb> all = [] {
    std::vector<Verb> made;
    for (const auto family : {machine_verbs(), virtio_verbs()})
      made.insert(made.end(), family.begin(), family.end());
    return made;
  }();
  return all;
}

const Verb* find_verb(std::string_view name) {
  const auto found = std::ranges::find(verbs(), name, &Verb::name);
  return found == verbs().end() ? nullptr : &*found;
}

std::vector<const VerbKey*> keys_of(const Verb& verb) {
  std::vector<const VerbKey*> keys;
  for (const VerbKey& key : verb.keys) keys.push_back(&key);
  if (verb.named) keys.push_back(&kAs);
  if (verb.instruction) {
    for (const VerbKey& key : kInstructionKeys) keys.push_back(&key);
  }
  return keys;
}

const VerbKey* find_key(const Verb& verb, std::string_view name) {
  const auto keys = keys_of(verb);
  const auto found = std::ranges::find(keys, name, &VerbKey::name);
  return found == keys.end() ? nullptr : *found;
}

std::vector<std::string_view> fields_of(const Verb& verb) {
  std::vector<std::string_view> fields = split_words(verb.observes);
  if (verb.instruction) std::ranges::copy(split_words(kRegisterFields), std::back_inserter(fields));
  if (verb.may_fault) std::ranges::copy(split_words(kFaultFields), std::back_inserter(fields));
  return fields;
}

bool is_list_field(std::string_view field) {
  return std::ranges::find(kListFields, field) != kListFields.end();
}

std::span<const std::string_view> expectation_words() { return kExpectationWords; }
std::span<const std::string_view> expectation_keys() { return kExpectationKeys; }

bool is_fault(std::string_view text) {
  const std::size_t open = text.find('(');
  if (std::ranges::find(kFaultNames, text.substr(0, open)) == kFaultNames.end()) return false;
  if (open == std::string_view::npos) return true;
  std::string_view code = text.substr(open + 1);
  const bool hexadecimal = code.starts_with("0x");
  if (hexadecimal) code.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, problem] =
      std::from_chars(code.data(), code.data() + code.size(), value, hexadecimal ? 16 : 10);
  return problem == std::errc{} && std::string_view(end, code.data() + code.size()) == ")";
}

std::vector<std::string_view> split_words(std::string_view words) {
  std::vector<std::string_view> found;
  while (!words.empty()) {
    const std::size_t end = words.find(' ');
    if (end != 0) found.push_back(words.substr(0, end));
    if (end == std::string_view::npos) break;
    words.remove_prefix(end + 1);
  }
  return found;
}

}  // namespace hypervet::spec
