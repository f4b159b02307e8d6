// SPDX-License-Identifier: Apache-2.0
#include "harness/program/virtio/good_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "harness/spec/load.h"

namespace hypervet::program::virtio {
namespace {

// A clause per device. The first step names the queues, the others are the request.
constexpr std::string_view kText = R"(interface: good-request
title: The simplest request of each device
source: {document: Virtual I/O Device (VIRTIO), version: "1.4"}
clauses:
  - id: good-request.blk
    level: must
    section: 5.2.6
    text: VIRTIO_BLK_T_IN of sector 0 ends with VIRTIO_BLK_S_OK.
    on: {devices: [blk]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}}}
          - chain: {as: good-request, readable: [{data: 16}], writable: [{data: 512}, {data: 1, fill: 0xff, as: status}]}
          - submit: {chain: good-request}
          - notify: {queue: 0}
          - await: {used: good-request, within: within}
          - load: {from: good-request.status, width: 1}
            expect: {value: 0}
  - id: good-request.entropy
    level: must
    section: 5.4.6
    text: A buffer gets one or more bytes.
    on: {devices: [entropy]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 8}}}
          - chain: {as: good-request, writable: [{data: 64}]}
          - submit: {chain: good-request}
          - notify: {queue: 0}
          - await: {used: good-request, within: within}
            expect: {length: {at-least: 1, at-most: 64}}
  - id: good-request.net
    level: must
    section: 5.1.9.2
    text: A frame to all, of the EtherType for local experiments, is sent.
    on: {devices: [net]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}, 1: {size: 16}}}
          - chain:
              as: good-request
              queue: 1
              readable:
                - {data: 12}
                - {bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x88, 0xb5]}
                - {data: 46}
          - submit: {chain: good-request}
          - notify: {queue: 1}
          - await: {used: good-request, within: within}
  - id: good-request.console
    level: must
    section: 5.3.6
    text: A line is transmitted by port 0.
    on: {devices: [console]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}, 1: {size: 16}}}
          - chain: {as: good-request, queue: 1, readable: [{bytes: [0x67, 0x6f, 0x6f, 0x64, 0x0a]}]}
          - submit: {chain: good-request}
          - notify: {queue: 1}
          - await: {used: good-request, within: within}
  - id: good-request.balloon
    level: must
    section: 5.5.6
    text: One page is inflated.
    on: {devices: [balloon]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}, 1: {size: 16}}}
          - alloc: {as: good-request-page, size: 4096, align: 4096}
          - chain:
              as: good-request
              readable:
                - bytes: ["good-request-page >> 12 & 0xff", "good-request-page >> 20 & 0xff", "good-request-page >> 28 & 0xff", 0]
          - submit: {chain: good-request}
          - notify: {queue: 0}
          - await: {used: good-request, within: within}
  - id: good-request.vsock
    level: must
    section: 5.10.6
    text: A packet (RST of a connection that there is none of) is transmitted.
    on: {devices: [vsock]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}, 1: {size: 16}, 2: {size: 16}}}
          - chain:
              as: good-request
              queue: 1
              readable:
                - bytes: [3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xd2, 4, 0, 0, 0xd3, 4, 0, 0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
          - submit: {chain: good-request}
          - notify: {queue: 1}
          - await: {used: good-request, within: within}
  - id: good-request.scsi
    level: must
    section: 5.6.6.1
    text: TEST UNIT READY to target 0 ends with VIRTIO_SCSI_S_OK, or BAD_TARGET where no disk is.
    on: {devices: [scsi]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}, 1: {size: 16}, 2: {size: 16}}}
          - chain:
              as: good-request
              queue: 2
              readable:
                - bytes: [1, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
              writable: [{data: 108, fill: 0xff, as: answer}]
          - submit: {chain: good-request}
          - notify: {queue: 2}
          - await: {used: good-request, within: within}
          - load: {from: good-request.answer + 11, width: 1}
            expect: {value: {one-of: [0, 3]}}
  - id: good-request.9p
    level: must
    section: 5.10
    text: Tversion is answered with Rversion.
    on: {devices: [9p]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}}}
          - chain:
              as: good-request
              readable:
                - bytes: [21, 0, 0, 0, 100, 0xff, 0xff, 0, 0x20, 0, 0, 8, 0, 0x39, 0x50, 0x32, 0x30, 0x30, 0x30, 0x2e, 0x4c]
              writable: [{data: 4}, {data: 60, as: reply}]
          - submit: {chain: good-request}
          - notify: {queue: 0}
          - await: {used: good-request, within: within}
          - load: {from: good-request.reply, width: 1}
            expect: {value: 101}
  - id: good-request.gpu
    level: must
    section: 5.7.6.8
    text: VIRTIO_GPU_CMD_GET_DISPLAY_INFO is answered with VIRTIO_GPU_RESP_OK_DISPLAY_INFO.
    on: {devices: [gpu]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}, 1: {size: 16}}}
          - chain: {as: good-request, readable: [{bytes: [0, 1, 0, 0]}, {data: 20}], writable: [{data: 408, as: response}]}
          - submit: {chain: good-request}
          - notify: {queue: 0}
          - await: {used: good-request, within: within}
          - load: {from: good-request.response}
            expect: {value: 0x1101}
  - id: good-request.input
    level: must
    section: 5.8.6
    text: An event of the status queue (EV_LED 0 off) is used.
    on: {devices: [input]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}, 1: {size: 16}}}
          - chain: {as: good-request, queue: 1, readable: [{bytes: [0x11, 0, 0, 0, 0, 0, 0, 0]}]}
          - submit: {chain: good-request}
          - notify: {queue: 1}
          - await: {used: good-request, within: within}
  - id: good-request.crypto
    level: must
    section: 5.9.7.4
    text: HASH of nothing in a session that was never created ends with NOTSUPP, ERR or INVSESS.
    on: {devices: [crypto]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}}}
          - chain: {as: good-request, readable: [{bytes: [0, 1, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]}, {data: 60}], writable: [{data: 1, fill: 0xff, as: status}]}
          - submit: {chain: good-request}
          - notify: {queue: 0}
          - await: {used: good-request, within: within}
          - load: {from: good-request.status, width: 1}
            expect: {value: {one-of: [1, 3, 4]}}
  - id: good-request.iommu
    level: must
    section: 5.13.6.6
    text: UNMAP in a domain that does not exist ends with VIRTIO_IOMMU_S_NOENT.
    on: {devices: [iommu]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}, 1: {size: 16}}}
          - chain:
              as: good-request
              readable: [{bytes: [4, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}]
              writable: [{data: 4, fill: 0xff, as: tail}]
          - submit: {chain: good-request}
          - notify: {queue: 0}
          - await: {used: good-request, within: within}
          - load: {from: good-request.tail, width: 1}
            expect: {value: 6}
  - id: good-request.mem
    level: must
    section: 5.15.6
    text: VIRTIO_MEM_REQ_UNPLUG_ALL, with nothing plugged, is acknowledged.
    on: {devices: [mem]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}}}
          - chain: {as: good-request, readable: [{bytes: [2, 0]}, {data: 22}], writable: [{data: 10, fill: 0xff, as: response}]}
          - submit: {chain: good-request}
          - notify: {queue: 0}
          - await: {used: good-request, within: within}
          - load: {from: good-request.response, width: 2}
            expect: {value: 0}
  - id: good-request.pmem
    level: must
    section: 5.19.6
    text: A flush succeeds.
    on: {devices: [pmem]}
    cases:
      - steps:
          - bring-up: {queues: {0: {size: 16}}}
          - chain: {as: good-request, readable: [{data: 4}], writable: [{data: 4, fill: 0xff, as: response}]}
          - submit: {chain: good-request}
          - notify: {queue: 0}
          - await: {used: good-request, within: within}
          - load: {from: good-request.response}
            expect: {value: 0}
)";

const spec::Specs& requests() {
  static const spec::Specs specs = [] {
    auto loaded = spec::load_text(kText, "<good requests>");
    if (!loaded)
      throw std::logic_error("the good requests do not load: " + to_string(loaded.error().front()));
    return *std::move(loaded);
  }();
  return specs;
}

}  // namespace

std::string_view good_requests_text() { return kText; }

GoodRequest good_request(std::string_view device) {
  const auto& clauses = requests().interfaces.front().clauses;
  const auto found =
      std::ranges::find(clauses, fmt::format("good-request.{}", device), &spec::Clause::id);
  if (found == clauses.end())
    throw std::logic_error(fmt::format("there is no good request of {}", device));
  const auto& steps = found->cases.front().steps;
  GoodRequest request;
  request.queues = steps.front().arguments.find("queues");
  request.steps = std::span(steps).subspan(1);
  const auto notify = std::ranges::find(request.steps, "notify", &spec::Step::verb);
  if (notify != request.steps.end()) {
    const std::string& number = notify->arguments.find("queue")->scalar;
    std::from_chars(number.data(), number.data() + number.size(), request.queue);
  }
  return request;
}

}  // namespace hypervet::program::virtio
