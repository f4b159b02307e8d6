// SPDX-License-Identifier: Apache-2.0
#include "guest-payloads/boot/options.h"

#include "guest-payloads/boot/start_info.h"
#include "guest-payloads/protocol/layout.h"

namespace hypervet::guest {

namespace {

// A cursor over the text that never passes its end or its bound. Each character costs a few
// instructions, and boot time is mostly this where each is emulated: hence the tight loops.
class Words {
 public:
  explicit Words(const char* text) : at_(text), end_(text + kMaxCommandLine) {}

  bool more() const { return at_ != end_ && *at_ != '\0'; }
  char first() const { return more() ? *at_ : '\0'; }
  void next_word() {
    while (at_ != end_ && static_cast<unsigned char>(*at_) > ' ') ++at_;
    while (first() == ' ') ++at_;
    if (first() < ' ') end_ = at_;  // no control character belongs here
  }
  // Consumes `text` if it stands here, else as much of it as does.
  bool take(const char* text) {
    for (; *text != '\0'; ++text, ++at_) {
      if (at_ == end_ || *at_ != *text) return false;
    }
    return true;
  }
  bool word_ends() const { return !more() || *at_ == ' '; }
  // Decimal; 0 if none stands here or it does not fit 32 bits.
  std::uint64_t number() {
    std::uint64_t value = 0;
    while (more() && *at_ >= '0' && *at_ <= '9' && value <= 0xffff'ffff) {
      value = value * 10 + static_cast<std::uint64_t>(*at_++ - '0');
    }
    return value <= 0xffff'ffff ? value : 0;
  }

 private:
  const char* at_;
  const char* end_;
};

void parse_cpus_or_channel(Words& words, Options& options) {
  words.take("c");
  if (words.first() == 'h') {
    if (words.take("hannel=serial")) options.serial = words.word_ends();
  } else if (words.take("pus=")) {
    const std::uint64_t n = words.number();
    if (words.word_ends() && n >= 1) {
      options.cpus = static_cast<std::uint32_t>(n < protocol::kMaxCpus ? n : protocol::kMaxCpus);
    }
  }
}

void parse_word(Words& words, Options& options) {
  switch (words.first()) {
    case 'c':
      return parse_cpus_or_channel(words, options);
    case 'a':
      if (words.take("apic=x2apic")) options.x2apic = words.word_ends();
      return;
    case 'b':
      if (words.take("batch=memory")) options.batch = words.word_ends();
      return;
    case 'e':
      if (words.take("exit=debug-exit")) options.debug_exit = words.word_ends();
      return;
    case 't':
      if (words.take("tsc-khz=")) {
        const std::uint64_t khz = words.number();
        if (words.word_ends()) options.tsc_khz = khz;
      }
      return;
    default:
      return;
  }
}

}  // namespace

Options parse_options(const char* text) {
  Options options;
  if (text == nullptr) return options;
  Words words(text);
  if (words.first() == ' ') words.next_word();
  while (words.more()) {
    parse_word(words, options);
    words.next_word();
  }
  return options;
}

}  // namespace hypervet::guest
