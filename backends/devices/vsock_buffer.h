// SPDX-License-Identifier: Apache-2.0
// Bytes of one direction of a connection that wait, with the ends of seqpacket messages in them.
// A stream has no ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace hypervet::devices {

class VsockBuffer {
 public:
  struct Piece {
    std::vector<std::uint8_t> bytes;
    std::uint32_t flags = 0;  // kVsockEndOf... if a message ends with the piece
  };

  std::size_t size() const { return bytes_.size(); }
  std::size_t messages() const { return ends_.size(); }  // ends in it
  bool empty() const { return bytes_.empty() && ends_.empty(); }

  // flags other than 0: a message ends behind these bytes.
  void append(std::span<const std::uint8_t> bytes, std::uint32_t flags) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    if (flags != 0) ends_.push_back({head_ + bytes_.size(), flags});
  }
  // At most that many bytes, and none beyond the end of a message.
  Piece take(std::size_t most) {
    const std::size_t until = ends_.empty() ? bytes_.size() : ends_.front().position - head_;
    const auto end = bytes_.begin() + static_cast<std::ptrdiff_t>(std::min(most, until));
    Piece piece{.bytes = {bytes_.begin(), end}};
    bytes_.erase(bytes_.begin(), end);
    head_ += piece.bytes.size();
    if (!ends_.empty() && ends_.front().position == head_) {
      piece.flags = ends_.front().flags;
      ends_.pop_front();
    }
    return piece;
  }
  void clear() {
    bytes_.clear();
    ends_.clear();
  }

 private:
  struct End {
    std::uint64_t position;  // counted from the first byte ever
    std::uint32_t flags;
  };
  std::deque<std::uint8_t> bytes_;
  std::deque<End> ends_;
  std::uint64_t head_ = 0;  // position of bytes_.front()
};

}  // namespace hypervet::devices
