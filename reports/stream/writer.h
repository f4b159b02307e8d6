// SPDX-License-Identifier: Apache-2.0
// Writes a result stream. Each record leaves the process as one line by one write(2), so a run that
// is killed at any moment leaves a valid prefix. A full disk or a closed pipe is an error that the
// caller gets, never a silent loss and never a death by SIGPIPE.
//
// A StreamWriter owns its file descriptor. Any thread may call write(): lines are never
// interleaved.
#pragma once

#include <cstdint>
#include <expected>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "reports/stream/records.h"

namespace hypervet::reports {

// One line of JSON for the record, without the line break. Bytes that are not UTF-8 become U+FFFD,
// control characters are escaped, and a string longer than kMaxString bytes is clipped with a note
// of how much is missing; of a log head and tail are kept.
inline constexpr std::size_t kMaxString = std::size_t{1} << 20;
std::string to_json_line(const Record& record);

class StreamWriter {
 public:
  // All errors are one line: the path, what was tried, and the text of errno.
  using Status = std::expected<void, std::string>;

  // Starts a stream: creates or empties the file. "-" is standard output.
  static std::expected<StreamWriter, std::string> create(const std::string& path);
  // Continues an interrupted stream: cuts the file at `offset` (StreamReader::resume_offset()) and
  // appends there.
  static std::expected<StreamWriter, std::string> resume(const std::string& path,
                                                         std::uint64_t offset);
  // Takes ownership of an open descriptor; `path` serves error messages.
  static StreamWriter adopt(int fd, std::string path);

  StreamWriter(StreamWriter&& other) noexcept;
  StreamWriter& operator=(StreamWriter&& other) noexcept;
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;
  ~StreamWriter();  // closes without asking; call close() to learn whether all arrived

  // After a failed write the stream may end in a cut line, so every later write fails with the same
  // error.
  Status write(const Record& record);
  // Makes a file's content durable and closes. A second call is harmless.
  Status close();

 private:
  StreamWriter(int fd, std::string path);
  Status write_line(std::string_view line);
  Status fail(std::string_view action, int error);
  void release() noexcept;

  int fd_ = -1;
  bool regular_file_ = false;
  std::string path_;
  std::optional<std::string> failure_;
  std::mutex mutex_;  // guards all of the above
};

}  // namespace hypervet::reports
