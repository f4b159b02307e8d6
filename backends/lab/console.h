// SPDX-License-Identifier: Apache-2.0
// What a lab's machine says on its console: the kernel's last words and the marks of hypervet's own
// inner side. Everything here comes out of the machine under test and is bounded.
// One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hypervet::lab {

class Console {
 public:
  // A kernel that has more to say than this is in an endless loop of complaints.
  static constexpr std::size_t kMost = std::size_t{8} << 20;

  void add(std::string_view bytes);

  struct End {
    int status = 0;               // of the inner hypervet
    std::uint64_t out_bytes = 0;  // that it wrote on its standard output
  };
  // The explicit end mark, if it came.
  const std::optional<End>& end() const { return end_; }
  // Why the inner side gave up, if it said so.
  const std::optional<std::string>& failure() const { return failure_; }
  // The first line of a panic, an oops or a lockup, without its time stamp.
  const std::optional<std::string>& trouble() const { return trouble_; }
  bool ready() const { return ready_; }
  bool full() const { return text_.size() >= kMost; }

  const std::string& text() const { return text_; }
  // The last lines that are neither blank nor marks of ours, joined by line breaks.
  std::string last_lines(std::size_t count) const;

 private:
  void line(std::string_view text);

  std::string text_;
  std::size_t line_start_ = 0;
  bool ready_ = false;
  std::optional<End> end_;
  std::optional<std::string> failure_;
  std::optional<std::string> trouble_;
};

}  // namespace hypervet::lab
