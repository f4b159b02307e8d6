// SPDX-License-Identifier: Apache-2.0
// Runs the built binary as a user does, in a scratch folder that goes with the test.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hypervet::testing {

struct Result {
  int status = -1;  // exit status; 128 + signal if a signal ended it
  std::string out;
  std::string err;
};

class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  void write(const std::string& name, const std::string& text) const;
  std::string read(const std::string& name) const;
  bool has(const std::string& name) const { return std::filesystem::exists(path_ / name); }

 private:
  std::filesystem::path path_;
};

// Runs `binary` (default: the built hypervet) in the folder. Standard input is empty.
Result execute(const Folder& folder, const std::vector<std::string>& arguments,
               const std::string& binary = HV_BINARY);

// The same through the shell, for pipes and signals; $HV is the binary.
Result shell(const Folder& folder, const std::string& script);

}  // namespace hypervet::testing
