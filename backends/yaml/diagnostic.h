// SPDX-License-Identifier: Apache-2.0
// Where something stands in a text, and one problem found there. Plain values, immutable once made,
// shared freely between threads.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hypervet::yaml {

// A file that was read, kept as long as anything refers to a place in it.
struct SourceFile {
  std::string path;  // as the user gave it
  std::string text;
  std::vector<std::size_t> line_starts;  // offset of each line in text

  SourceFile(std::string file_path, std::string file_text);
  std::string_view line(unsigned number) const;  // from 1, without its end; empty if there is none
};

// A place in a file. Lines and columns count from 1, columns in bytes; 0 means the file as a whole.
struct Mark {
  std::shared_ptr<const SourceFile> file;  // never null once loaded
  unsigned line = 0;
  unsigned column = 0;
};
std::string to_string(const Mark& mark);  // "file:line:column"

// "file:line:column: message", then the line itself and a caret under the column.
struct Diagnostic {
  Mark mark;
  std::string message;    // one line, fit to print
  std::string line_text;  // fit to print; a long one cut around the column; empty if not known
  unsigned caret = 0;     // characters of line_text before the caret
};
// The line and caret come from the mark's file. Control characters in the message are shown as '?'.
Diagnostic diagnose(const Mark& mark, std::string message);
std::string to_string(const Diagnostic& diagnostic);  // no newline at the end

using Diagnostics = std::vector<Diagnostic>;
std::string to_string(const Diagnostics& diagnostics);  // one below the other

// Text of a user's for a message: in single quotes, control characters as '?', cut when long.
std::string quote(std::string_view text);

// Collects problems. Bounded: behind kLimit of them only their number is kept.
class Problems {
 public:
  static constexpr std::size_t kLimit = 1000;

  void add(const Mark& mark, std::string message);
  void add(Diagnostic diagnostic);
  void add(Diagnostics diagnostics);
  bool empty() const { return list_.empty(); }
  std::size_t count() const { return list_.size() + dropped_; }
  // What was collected, in the order found; where some were dropped, a last one says how many.
  Diagnostics take();

 private:
  Diagnostics list_;
  std::size_t dropped_ = 0;
};

}  // namespace hypervet::yaml
