// SPDX-License-Identifier: Apache-2.0
// The stream of a run while it is written, kept in memory as well because the reports are made of
// it. Main thread only.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reports/stream/records.h"
#include "reports/stream/writer.h"

namespace hypervet::cli {

class Journal {
 public:
  // Begins the stream at `path` ("-": standard output), making its folder; or, to resume, goes on
  // behind the last whole record of the stream that is there, which must be of the same specs,
  // payload, backend, target and seed: verdicts of different runs are never mixed. Throws Exit.
  Journal(std::string path, bool resume, const reports::Run& run,
          std::vector<reports::Interface> interfaces);

  // Ids of the cases that a stream to be resumed has already. Throws Exit.
  static std::set<std::string> judged(const std::string& path);

  // False when the stream cannot be written any more; error() says why.
  bool add(const reports::Case& record);
  bool add(const reports::Log& log);
  void finish(const reports::Summary& summary);

  const reports::Results& results() const { return results_; }
  const std::optional<std::string>& error() const { return error_; }

 private:
  void begin(const reports::Run& run, std::vector<reports::Interface> interfaces);
  void resume(const reports::Run& run);
  bool write(const reports::Record& record);

  std::string path_;
  std::optional<reports::StreamWriter> writer_;
  reports::Results results_;
  std::optional<std::string> error_;
};

}  // namespace hypervet::cli
