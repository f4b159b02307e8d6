// SPDX-License-Identifier: Apache-2.0
// Reads a result stream, record by record or whole. A stream comes from a file that may have been
// cut, edited or made by another version: every flaw is one line of the form `file:line:column:
// message`, and what is good is kept.
//
// A StreamReader borrows its istream and belongs to one thread.
#pragma once

#include <cstdint>
#include <expected>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "reports/stream/records.h"

namespace hypervet::reports {

struct StreamError {
  std::string file;
  std::uint64_t line = 0;    // from 1; 0 when the flaw is the file as a whole
  std::uint64_t column = 0;  // in bytes, from 1; 0 when it is the line as a whole
  std::string message;
  bool operator==(const StreamError&) const = default;
};
std::string to_string(const StreamError& error);

// Lines beyond these bounds are errors: nothing that hypervet writes comes near.
inline constexpr std::size_t kMaxLine = std::size_t{64} << 20;
inline constexpr std::size_t kMaxNesting = 64;

class StreamReader {
 public:
  // `file` serves error messages.
  StreamReader(std::istream& in, std::string file);

  // The next record; std::nullopt at the end. After an error the next call goes on with the
  // following line, except when finished() is true. The reader checks order too: a run record first
  // and only there, nothing after the summary, no case or path id twice.
  std::expected<std::optional<Record>, StreamError> next();

  // No further record can come: end of the stream, or an error that makes the rest meaningless (a
  // newer format).
  bool finished() const { return finished_; }
  // The last line was cut: it has no line break and is not whole. It is left out, not reported as
  // an error.
  bool truncated() const { return truncated_; }
  // Bytes of the stream to keep when the run is continued: all whole lines read so far, without the
  // summary.
  std::uint64_t resume_offset() const { return resume_offset_; }

 private:
  struct Line {
    std::string text;
    bool whole = false;  // ended by a line break
    bool too_long = false;
  };
  std::optional<Line> next_line();
  StreamError error(std::uint64_t column, std::string message) const;
  std::expected<Record, StreamError> decode(const Line& line);
  std::optional<StreamError> check_order(const Record& record);

  std::istream& in_;
  std::string file_;
  std::uint64_t line_number_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t resume_offset_ = 0;
  bool finished_ = false;
  bool truncated_ = false;
  bool have_run_ = false;
  bool have_summary_ = false;
  std::unordered_set<std::string> case_ids_;
  std::unordered_set<std::string> path_ids_;
  std::unordered_set<std::string> interface_ids_;
};

// What to do about a bad line in the middle.
enum class OnBadLine {
  kStop,  // the first bad line is the answer
  kKeep,  // leave bad lines out, list them in ReadResults::flaws, keep the rest
};

struct ReadResults {
  Results results;
  std::vector<StreamError> flaws;   // empty with kStop
  std::uint64_t resume_offset = 0;  // see StreamReader::resume_offset()
};

// Whole streams. An error also when there is no run record: without provenance there is nothing to
// report on.
std::expected<ReadResults, StreamError> read_results(std::istream& in, const std::string& file,
                                                     OnBadLine mode = OnBadLine::kStop);
// "-" is standard input.
std::expected<ReadResults, StreamError> read_results_file(const std::string& path,
                                                          OnBadLine mode = OnBadLine::kStop);

}  // namespace hypervet::reports
