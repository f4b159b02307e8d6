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
  // 0 if none stands here or it does not fit 32 bits.
  std::uint32_t number() {
    unsigned base = 10;
    if (first() == '0' && at_ + 1 != end_ && at_[1] == 'x') {
      base = 16;
      at_ += 2;
    }
    std::uint64_t value = 0;
    for (unsigned digit; (digit = this->digit()) < base && value <= kHighest; ++at_) {
      value = value * base + digit;
    }
    return value <= kHighest ? static_cast<std::uint32_t>(value) : 0;
  }
  // The same, perhaps in K or M.
  std::uint32_t size() {
    std::uint64_t value = number();
    const char unit = static_cast<char>(first() | 0x20);  // either case
    const unsigned shift = unit == 'k' ? 10 : unit == 'm' ? 20 : 0;
    if (shift != 0) ++at_;
    value <<= shift;
    return value <= kHighest ? static_cast<std::uint32_t>(value) : 0;
  }

 private:
  static constexpr std::uint64_t kHighest = 0xffff'ffff;

  // Of the character that stands here; 16: it is none.
  unsigned digit() const {
    const char c = first();
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return 16;
  }

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

// Linux: drivers/virtio/virtio_mmio.c; an id may follow the GSI.
void parse_mmio_device(Words& words, DeviceOptions& devices) {
  MmioDevice device;
  device.size = words.size();
  if (!words.take("@")) return;
  device.address = words.number();
  if (!words.take(":")) return;
  device.gsi = words.number();
  if (!words.word_ends() && words.first() != ':') return;
  if (device.size == 0 || device.address == 0 || device.size - 1 > ~device.address) return;
  if (devices.mmio_count < kMaxMmioDevices) devices.mmio[devices.mmio_count++] = device;
}

void parse_pci(Words& words, DeviceOptions& devices) {
  words.take("pci-");
  if (words.first() == 'w') {
    if (!words.take("window=")) return;
    const std::uint32_t address = words.number();
    if (words.word_ends() && address != 0) devices.pci_window = address;
  } else if (words.take("line=")) {
    const std::uint32_t gsi = words.number();
    if (words.word_ends()) devices.pci_line = gsi;
  }
}

void parse_exit_or_ecam(Words& words, Options& options) {
  words.take("e");
  if (words.first() == 'x') {
    if (words.take("xit=debug-exit")) options.debug_exit = words.word_ends();
  } else if (words.take("cam=")) {
    const std::uint32_t address = words.number();
    if (words.word_ends()) options.devices.ecam = address;
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
      return parse_exit_or_ecam(words, options);
    case 'p':
      return parse_pci(words, options.devices);
    case 'v':
      if (words.take("virtio_mmio.device=")) parse_mmio_device(words, options.devices);
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
