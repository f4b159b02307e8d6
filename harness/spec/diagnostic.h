// SPDX-License-Identifier: Apache-2.0
// Where something stands in a text, and one problem found there. Plain values.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace hypervet::spec {

// A place in a file. Lines and columns count from 1; 0 means the file as a whole.
struct Mark {
  std::shared_ptr<const std::string> file;  // path as the user gave it; never null once loaded
  unsigned line = 0;
  unsigned column = 0;
};

// "file:line:column: message", then the line itself and a caret under the column.
struct Diagnostic {
  Mark mark;
  std::string message;
  std::string line_text;  // the line as it stands in the file; empty if not known
};
std::string to_string(const Diagnostic& diagnostic);
std::string to_string(const Mark& mark);  // "file:line:column"

using Diagnostics = std::vector<Diagnostic>;

}  // namespace hypervet::spec
