// SPDX-License-Identifier: Apache-2.0
#include "backends/kvm/events.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace hypervet::kvm {

Result<Event> Event::create() {
  Event event;
  event.fd_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.fd_) return failure("eventfd");
  return event;
}

Result<Event> Event::share() const {
  Event event;
  event.fd_ = Fd(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!event.fd_) return failure("fcntl(F_DUPFD_CLOEXEC)");
  return event;
}

// Fails only when 2^64 - 2 signals were not taken: then there is nothing to add.
void Event::signal() const {
  const std::uint64_t one = 1;
  (void)!write(fd_.get(), &one, sizeof(one));
}

std::uint64_t Event::take() const {
  std::uint64_t count = 0;
  return read(fd_.get(), &count, sizeof(count)) == sizeof(count) ? count : 0;
}

Result<Doorbell> Doorbell::create(const Vm& vm, const DoorbellPlace& place) {
  auto event = Event::create();
  if (!event) return std::unexpected(event.error());
  return create(vm, place, std::move(*event));
}

Result<Doorbell> Doorbell::create(const Vm& vm, const DoorbellPlace& place, Event event) {
  Doorbell bell;
  bell.place_ = place;
  bell.event_ = std::move(event);
  bell.vm_ = vm.fd();
  if (auto done = bell.wire(true); !done) {
    bell.vm_.reset();
    return std::unexpected(done.error());
  }
  return bell;
}

Doorbell& Doorbell::operator=(Doorbell&& other) noexcept {
  std::swap(vm_, other.vm_);
  std::swap(place_, other.place_);
  std::swap(event_, other.event_);
  return *this;
}

Doorbell::~Doorbell() {
  if (vm_) (void)wire(false);
}

Result<int> Doorbell::wire(bool on) const {
  kvm_ioeventfd request{};
  request.addr = place_.address;
  request.len = place_.length;
  request.fd = event_.descriptor();
  request.datamatch = place_.value.value_or(0);
  request.flags =
      (place_.value ? 1u << kvm_ioeventfd_flag_nr_datamatch : 0u) |
      (place_.space == DoorbellPlace::Space::kPort ? 1u << kvm_ioeventfd_flag_nr_pio : 0u) |
      (on ? 0u : 1u << kvm_ioeventfd_flag_nr_deassign);
  return call(*vm_, HV_REQUEST(KVM_IOEVENTFD), &request);
}

Result<EventInterrupt> EventInterrupt::create(const Vm& vm, std::uint32_t gsi) {
  return create(vm, gsi, false);
}

Result<EventInterrupt> EventInterrupt::create_level(const Vm& vm, std::uint32_t gsi) {
  return create(vm, gsi, true);
}

Result<EventInterrupt> EventInterrupt::create(const Vm& vm, std::uint32_t gsi, bool level) {
  auto trigger = Event::create();
  if (!trigger) return std::unexpected(trigger.error());
  EventInterrupt made;
  made.gsi_ = gsi;
  made.trigger_ = std::move(*trigger);
  if (level) {
    auto resample = Event::create();
    if (!resample) return std::unexpected(resample.error());
    made.resample_ = std::move(*resample);
  }
  made.vm_ = vm.fd();
  if (auto done = made.wire(true); !done) {
    made.vm_.reset();
    return std::unexpected(done.error());
  }
  return made;
}

EventInterrupt& EventInterrupt::operator=(EventInterrupt&& other) noexcept {
  std::swap(vm_, other.vm_);
  std::swap(gsi_, other.gsi_);
  std::swap(trigger_, other.trigger_);
  std::swap(resample_, other.resample_);
  return *this;
}

EventInterrupt::~EventInterrupt() {
  if (vm_) (void)wire(false);
}

Result<int> EventInterrupt::wire(bool on) const {
  kvm_irqfd request{};
  request.fd = static_cast<std::uint32_t>(trigger_.descriptor());
  request.gsi = gsi_;
  request.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN;
  if (on && resample_) {
    request.flags |= KVM_IRQFD_FLAG_RESAMPLE;
    request.resamplefd = static_cast<std::uint32_t>(resample_->descriptor());
  }
  return call(*vm_, HV_REQUEST(KVM_IRQFD), &request);
}

}  // namespace hypervet::kvm
