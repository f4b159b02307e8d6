// SPDX-License-Identifier: Apache-2.0
// The reference devices' named switches: violations that no seam can express, each with the device,
// the clause that it breaks and why no seam does. The one table; a device asks for a switch
// (DeviceHost::switched) by the name that stands here, at one place.
#pragma once

#include <algorithm>
#include <string_view>

namespace hypervet::devices {

struct Switch {
  std::string_view name;
  std::string_view clause;  // that it breaks
  std::string_view what;    // the device or transport then does
  std::string_view why;     // no seam can express it
};

inline constexpr Switch kSwitches[] = {
    {"virtio-broken-ring-goes-on", "virtio.general.needs-reset-shown",
     "a ring that breaks the rules stops its queue, but the device never says DEVICE_NEEDS_RESET",
     "the bit is set by the device itself, not by a driver's access"},
    {"features-never-sealed", "virtio.features.sealed",
     "driver features written after FEATURES_OK take effect",
     "what a device makes of the features passes no seam"},
    {"features-above-63-alone", "virtio.net-ipsec.offered-with-outer-header",
     "bits 66, 68 and 70 are offered without those that they require",
     "no seam sees bits above 63"},
    {"feature-selector-ignored", "virtio.mmio.features-in-halves",
     "DeviceFeatures reads bits 31 to 0 whatever DeviceFeaturesSel says",
     "the register's seam sees all 64 bits at once"},
    {"shared-memory-registers-zero", "virtio.mmio.absent-shared-memory",
     "SHMLen and SHMBase read 0 for a region that is not there",
     "these registers are of one transport alone and have no name at a seam"},
    {"pci-features-repeat", "virtio.pci-common.device-feature-selected",
     "device_feature repeats its halves beyond device_feature_select 1",
     "the register's seam sees all 64 bits at once"},
    {"pci-admin-queues-out-of-range", "virtio.pci-common.admin-queue-num",
     "VIRTIO_F_ADMIN_VQ is offered with two queues from 65535 on",
     "no device here has administration queues, and their fields have no name at a seam"},
    {"blk-writes-read-only", "virtio.blk-requests.read-only-writes-nothing",
     "a write to a read-only disk is carried out", "the medium passes no seam"},
    {"blk-keeps-zeroed", "virtio.blk-ranges.write-zeroes-reads-zero",
     "a write zeroes request succeeds and changes nothing", "the medium passes no seam"},
    {"console-emergency-needs-driver", "virtio.console.emergency-write-any-time",
     "an emergency write before DRIVER_OK prints nothing",
     "what is printed leaves through no seam"},
    {"console-adds-impossible-port", "virtio.console.add-below-max",
     "DEVICE_ADD names port max_nr_ports",
     "the message is the device's own: a rule would have to know which it is"},
    {"console-adds-port-twice", "virtio.console.add-once", "each DEVICE_ADD is sent twice",
     "no rule makes a message"},
    {"console-removes-unknown-port", "virtio.console.remove-added-only",
     "DEVICE_REMOVE is sent for a port that the driver was never told of",
     "no rule makes a message"},
    {"balloon-stops-at-unknown-tag", "virtio.balloon.unknown-tags-ignored",
     "statistics behind a tag that is not known are not read",
     "what the device makes of a buffer passes no seam"},
    {"balloon-hints-of-any-command", "virtio.balloon.hints-of-other-commands-ignored",
     "pages hinted under another command ID count too",
     "what the device makes of a buffer passes no seam"},
    {"balloon-reuses-command", "virtio.balloon.command-not-reused",
     "a new round of hints has the last one's command ID",
     "the next ID is not a number that a rule knows"},
    {"balloon-changes-released-page", "virtio.balloon.released-pages-kept",
     "a hinted page is written when the device says DONE",
     "a device that keeps books writes to no page"},
    {"balloon-changes-reported-page", "virtio.balloon.reported-pages-kept",
     "a reported page is written before it is acknowledged",
     "a device that keeps books writes to no page"},
    {"vsock-ignores-credit", "virtio.vsock.sends-within-credit",
     "data is sent that the driver has no room for", "credit is the device's own reckoning"},
    {"vsock-says-no-credit", "virtio.vsock.credit-in-every-packet",
     "buf_alloc and fwd_cnt are 0 in every packet",
     "a rule on the header would meet payload at the same offset too"},
    {"vsock-ignores-credit-request", "virtio.vsock.credit-request-answered",
     "a CREDIT_REQUEST has no answer", "no seam tells one packet from another"},
    {"vsock-ignores-unknown-type", "virtio.vsock.unknown-type-reset",
     "a packet of unknown type has no answer", "no seam tells one packet from another"},
    {"vsock-silent-without-listener", "virtio.vsock.no-listener-reset",
     "a REQUEST to a port that nobody listens at has no answer",
     "no seam tells one packet from another"},
    {"vsock-loses-message-ends", "virtio.vsock-messages.message-ends-kept",
     "a message's last packet does not say that it is", "no seam tells one packet from another"},
    {"vsock-transmit-waits-for-receive", "virtio.vsock.transmit-served-without-receive",
     "nothing is taken from the transmit queue while there is no receive buffer",
     "when a device looks at a queue is its own affair"},
    {"net-ignores-filter", "virtio.net-filter.filter", "every frame reaches the driver",
     "a frame that is dropped passes no seam"},
    {"net-exceeds-mtu", "virtio.net.no-frame-beyond-mtu",
     "frames that come in may be longer than mtu", "a frame that is dropped passes no seam"},
    {"net-leaves-checksum-partial", "virtio.net-transmit.checksum-completed",
     "a partial checksum stays so, on the wire and towards the driver", "the wire passes no seam"},
    {"net-checksums-unasked", "virtio.net-transmit.no-checksum-unasked",
     "csum_start counts without NEEDS_CSUM", "the wire passes no seam"},
    {"net-sends-tunnel-packets", "virtio.net-tunnel.both",
     "packets that say they are in a tunnel are sent", "the wire passes no seam"},
    {"net-header-with-all-fields", "virtio.net-tunnel.offsets-unused",
     "the header is taken to have the fields of features that were not negotiated",
     "how a device divides a buffer passes no seam"},
    {"net-sends-packet-uncut", "virtio.net-segmentation.large-packet-cut",
     "a packet that is to be segmented is sent whole", "the wire passes no seam"},
    {"net-keeps-announce", "virtio.net.announce-cleared",
     "ANNOUNCE_ACK leaves VIRTIO_NET_S_ANNOUNCE set",
     "a rule on config reads would set the bit before the acknowledgement too"},
    {"net-keeps-configured-mac", "virtio.net-filter.mac-set-in-config",
     "MAC_ADDR_SET leaves mac as it was",
     "a rule on config reads does not know the old address from the new"},
    {"net-forgets-mac-tables", "virtio.net-filter.mac-table-set",
     "MAC_TABLE_SET is acknowledged and changes nothing", "the filter passes no seam"},
    {"net-keeps-offloads", "virtio.net-offloads.offloads-set",
     "GUEST_OFFLOADS_SET is acknowledged and changes nothing",
     "which frames it would change passes no seam"},
    {"net-keeps-frames-of-reset-queue", "virtio.net-steering.all-queues-reset-drops",
     "a frame without a receive queue waits until there is one", "the wire passes no seam"},
    {"net-keeps-coalescing", "virtio.net-coalescing-reset.zero-after-reset",
     "parameters of coalescing outlast a reset of queue or device",
     "a rule on the answer would not know the old parameters"},
    {"net-steers-elsewhere", "virtio.net-steering.flow-steered",
     "a frame goes to the receive queue behind its own", "no rule moves a buffer to another queue"},
};

constexpr const Switch* find_switch(std::string_view name) {
  const auto* found = std::ranges::find(kSwitches, name, &Switch::name);
  return found == std::end(kSwitches) ? nullptr : found;
}

}  // namespace hypervet::devices
