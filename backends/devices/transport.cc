// SPDX-License-Identifier: Apache-2.0
#include "backends/devices/transport.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace hypervet::devices {
namespace {

// From a notification to the device's work, in the machine's time.
constexpr std::uint64_t kServeDelay = 1'500;
// Between the interrupts that a violation repeats.
constexpr std::uint64_t kRepeatDelay = 20'000;

constexpr std::uint64_t kRingFeatures = bit(kIndirectDesc) | bit(kEventIdx) | bit(kVersion1) |
                                        bit(kRingPacked) | bit(kInOrder) | bit(kNotificationData) |
                                        bit(kRingReset) | bit(kSuspendFeature);

}  // namespace

// A queue that the device may not use: it yields and takes nothing.
class Transport::DeadQueue final : public Queue {
 public:
  bool usable() const override { return false; }
  std::uint16_t size() const override { return 0; }
  std::optional<Chain> take() override { return std::nullopt; }
  void give_back(const Chain&, std::uint32_t) override {}
  void untake(const Chain&) override {}
  std::size_t read(const Chain&, std::uint64_t, std::span<std::uint8_t>) override { return 0; }
  std::size_t write(const Chain&, std::uint64_t, std::span<const std::uint8_t>) override {
    return 0;
  }
};

Transport::Transport(Device& device, Board& board, machine::GuestMemory& memory,
                     violations::Interposer& interposer, const TransportOptions& options,
                     std::uint64_t extra_features)
    : device_(device),
      board_(board),
      memory_(memory),
      interposer_(interposer),
      dma_(memory, interposer,
           [this](std::uint64_t ns, std::function<void()> then) { after(ns, std::move(then)); }),
      queues_(device, options.queue_limit, dma_, *this),
      offered_(device.own_features() | kRingFeatures | extra_features) {
  device_.attach(*this);
}

void Transport::power_on() {
  reset();
  generation_ = 0;
  selected_ = 0;
  device_.power_on();
}

// --- Status
// ------------------------------------------------------------------------------------------------

bool Transport::running() const {
  constexpr std::uint8_t kStopped = kNeedsReset | kFailed | kSuspend;
  return (status_ & kDriverOk) != 0 && (status_ & kStopped) == 0 && reaches_memory();
}

violations::Phase Transport::phase() const {
  if ((status_ & (kDriverOk | kSuspend)) != 0) return violations::Phase::kDriverOk;
  return (status_ & kFeaturesOk) != 0 ? violations::Phase::kFeaturesOk : violations::Phase::kReset;
}

// Nothing but a reset clears a bit, whatever is written; DEVICE_NEEDS_RESET is the device's alone.
void Transport::write_status(std::uint8_t value) {
  if (value == 0) return reset();
  const auto set = static_cast<std::uint8_t>(value & ~status_);
  status_ |= set & (kAcknowledge | kDriver | kFailed);
  if ((set & kFeaturesOk) != 0 && features_are_good()) {
    status_ |= kFeaturesOk;
    negotiated_ = driver_features_;
  }
  if (suspended()) {
    if ((value & kDriverOk) != 0) resume();
    return;
  }
  if ((set & kDriverOk) != 0 && (status_ & kFeaturesOk) != 0) start();
  if ((set & kSuspend) != 0 && (set & kDriverOk) == 0) suspend();
}

// 2.2.1, 3.1.1. A driver that does not know VERSION_1 is a legacy one, which is not served.
bool Transport::features_are_good() const {
  return (driver_features_ & ~offered_) == 0 && (driver_features_ & bit(kVersion1)) != 0 &&
         device_.accepts(driver_features_);
}

void Transport::start() {
  status_ |= kDriverOk;
  if (running()) device_.started();
  serve_all();
}

// Only a live device that was told so suspends; what it was notified of is done first, 3.4.1.
void Transport::suspend() {
  if ((status_ & kDriverOk) == 0 || !negotiated(kSuspendFeature)) return;
  serve();
  status_ = static_cast<std::uint8_t>((status_ | kSuspend) & ~kDriverOk);
  arm_timer();
}

void Transport::resume() {
  status_ = static_cast<std::uint8_t>((status_ | kDriverOk) & ~kSuspend);
  arm_timer();
  if (std::exchange(change_untold_, false)) tell(true, 0, true);
  serve_all();
}

void Transport::reset() {
  status_ = 0;
  driver_features_ = 0;
  negotiated_ = 0;
  notified_ = 0;
  change_untold_ = false;
  timers_.clear();
  dma_.reset();
  queues_.reset_all();
  arm_timer();
  reset_interrupts();
  device_.reset();
}

void Transport::needs_reset() {
  if ((status_ & kNeedsReset) != 0) return;
  status_ |= kNeedsReset;
  if ((status_ & kDriverOk) != 0) tell(true, 0, true);
}

void Transport::queue_broken(unsigned) {
  if (!switched("virtio-broken-ring-goes-on")) needs_reset();
}

// --- Registers
// ---------------------------------------------------------------------------------------------

std::uint64_t Transport::value_of(VirtioRegister reg) const {
  const QueueRegisters* const queue = queues_.registers(selected_);
  switch (reg) {
    case VirtioRegister::kDeviceFeatures:
      return offered_;
    case VirtioRegister::kDriverFeatures:
      return driver_features_;
    case VirtioRegister::kStatus:
      return status_;
    case VirtioRegister::kConfigGeneration:
      return generation_;
    case VirtioRegister::kQueueCount:
      return queues_.count();
    case VirtioRegister::kQueueSizeMax:
      return queues_.size_max(selected_);
    case VirtioRegister::kQueueSize:
      return queue ? queue->size : 0;
    case VirtioRegister::kQueueEnable:
      return queue && queue->enabled ? 1 : 0;
    case VirtioRegister::kQueueDesc:
      return queue ? queue->descriptors : 0;
    case VirtioRegister::kQueueDriver:
      return queue ? queue->driver : 0;
    case VirtioRegister::kQueueDevice:
      return queue ? queue->device : 0;
    default:
      return 0;  // QueueReset too: a reset is over when the write returns
  }
}

void Transport::store(VirtioRegister reg, std::uint64_t value) {
  QueueRegisters* const queue = queues_.settable(selected_);
  switch (reg) {
    case VirtioRegister::kDriverFeatures:
      // FEATURES_OK seals them, 3.1.1.
      if ((status_ & kFeaturesOk) == 0) {
        driver_features_ = value;
      } else if (driver_features_ != value && switched("features-never-sealed")) {
        driver_features_ = negotiated_ = value;
      }
      return;
    case VirtioRegister::kStatus:
      return write_status(static_cast<std::uint8_t>(value));
    case VirtioRegister::kQueueSize:
      return queues_.set_size(selected_, value, negotiated(kRingPacked));
    case VirtioRegister::kQueueEnable:
      if (value == 1) queues_.enable(selected_);
      if (value == 0 && disables_queues()) disable_queue(selected_);
      return;
    case VirtioRegister::kQueueDesc:
      if (queue) queue->descriptors = value;
      return;
    case VirtioRegister::kQueueDriver:
      if (queue) queue->driver = value;
      return;
    case VirtioRegister::kQueueDevice:
      if (queue) queue->device = value;
      return;
    case VirtioRegister::kQueueReset:
      if (value == 1 && negotiated(kRingReset)) reset_queue(selected_);
      return;
    default:
      return;
  }
}

void Transport::reset_queue(unsigned index) {
  if (index >= queues_.count()) return;
  disable_queue(index);
  queues_.reset(index);
}

void Transport::disable_queue(unsigned index) {
  if (index >= queues_.count()) return;
  queues_.disable(index);
  notified_ &= ~(std::uint64_t{1} << index);
  device_.queue_reset(index);
}

std::uint64_t Transport::shown(VirtioRegister reg, std::uint64_t value) {
  return interposer_.register_read({reg, selected_, false, phase()}, value);
}

violations::RegisterWrite Transport::written(VirtioRegister reg, std::uint64_t value) {
  return interposer_.register_write({reg, selected_, true, phase()}, value);
}

std::uint64_t Transport::read_register(VirtioRegister reg) { return shown(reg, value_of(reg)); }

void Transport::write_register(VirtioRegister reg, std::uint64_t value) {
  const violations::RegisterWrite write = written(reg, value);
  if (!write.ignore) store(reg, write.value);
}

void Transport::write_half(VirtioRegister reg, unsigned half, std::uint32_t value) {
  const unsigned shift = half * 32;
  const std::uint64_t kept = value_of(reg) & ~(std::uint64_t{0xffff'ffff} << shift);
  write_register(reg, kept | std::uint64_t{value} << shift);
}

// --- Configuration
// -----------------------------------------------------------------------------------------

void Transport::read_config(std::uint64_t offset, std::span<std::uint8_t> to) {
  const std::span<const std::uint8_t> config = device_.config();
  std::ranges::fill(to, std::uint8_t{0});
  for (std::size_t i = 0; i < to.size() && offset + i < config.size(); ++i) {
    to[i] = config[offset + i];
  }
  changed_unread_ = false;
  interposer_.config(violations::Seam::kConfig, {.offset = offset, .write = false}, to);
}

void Transport::write_config(std::uint64_t offset, std::span<const std::uint8_t> from) {
  std::uint8_t bytes[8];
  const auto copy = std::span(bytes).first(std::min(from.size(), sizeof(bytes)));
  std::ranges::copy(from.first(copy.size()), copy.begin());
  if (!interposer_.config(violations::Seam::kConfig, {.offset = offset, .write = true}, copy)) {
    return;
  }
  const std::uint64_t size = device_.config().size();
  if (suspended() || offset >= size) return;
  device_.write_config(offset, copy.first(std::min<std::uint64_t>(copy.size(), size - offset)));
}

// Once for all changes that no read has come between: an 8-bit count must not come round
// (4.1.4.3.1).
void Transport::config_changed() {
  if (!std::exchange(changed_unread_, true)) ++generation_;
  if (suspended()) change_untold_ = true;
  tell(true, 0, !suspended() && (status_ & kDriverOk) != 0);
}

// --- Notifications
// -----------------------------------------------------------------------------------------

Queue* Transport::queue(unsigned index) {
  static DeadQueue dead;
  if (index >= queues_.count()) return nullptr;
  if (!running() && !serving_dead_) return &dead;
  Queue* const ring = queues_.ring(index, serving_dead_ ? driver_features_ : negotiated_);
  return ring == nullptr ? &dead : ring;
}

void Transport::notify(unsigned index) {
  if (index >= queues_.count()) return;
  const violations::Notify how = interposer_.notify({.queue = index, .live = running()});
  if (how.never_returns) return board_.hang();
  if (how.drop) return;
  if (how.serve && !running()) {
    serving_dead_ = true;
    device_.notified(index);
    serving_dead_ = false;
    return;
  }
  if (!running() || !queues_.registers(index)->enabled) return;
  const bool waiting = notified_ != 0;
  notified_ |= std::uint64_t{1} << index;
  if (!waiting) after(kServeDelay, [this] { serve(); });
}

void Transport::serve() {
  for (std::uint64_t queues = std::exchange(notified_, 0); queues != 0; queues &= queues - 1) {
    const auto index = static_cast<unsigned>(std::countr_zero(queues));
    if (running()) device_.notified(index);
  }
}

void Transport::serve_all() {
  for (unsigned i = 0; i < queues_.count() && running(); ++i) {
    if (queues_.registers(i)->enabled) device_.notified(i);
  }
}

void Transport::after(std::uint64_t nanoseconds, std::function<void()> then) {
  timers_.set(now() + nanoseconds, std::move(then));
  arm_timer();
}

void Transport::work() {
  while (!suspended()) {
    const auto then = timers_.take_due(now());
    if (!then) break;
    then();
  }
  arm_timer();
}

void Transport::tell(bool config, unsigned queue, bool wanted) {
  const violations::VirtioInterrupt how =
      interposer_.virtio_interrupt({.config = config, .queue = queue, .wanted = wanted});
  if (!how.send) return;
  interrupt(how, queue);
  for (unsigned i = 1; i < how.repeat; ++i) {
    after(i * kRepeatDelay, [this, how, queue] { interrupt(how, queue); });
  }
}

}  // namespace hypervet::devices
