// SPDX-License-Identifier: Apache-2.0
#include "backends/lab/job.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace hypervet::lab {
namespace {

using Json = nlohmann::json;

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

// The library throws for a list that claims more elements than memory can hold, also where it is
// told not to.
Json read_cbor(std::string_view bytes) {
  try {
    return Json::from_cbor(bytes, true, false);
  } catch (const Json::exception&) {
    return {};
  }
}

bool plain(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && !name.contains('/') &&
         !name.contains('\0');
}

}  // namespace

std::string encode(const Job& job) {
  Json files = Json::object();
  for (const auto& [name, content] : job.files) files[name] = Json::binary(bytes_of(content));
  // Arguments need not be UTF-8, so they travel as bytes too.
  const auto list = [](const std::vector<std::string>& texts) {
    Json values = Json::array();
    for (const auto& text : texts) values.push_back(Json::binary(bytes_of(text)));
    return values;
  };
  const auto bytes = Json::to_cbor(Json{{"arguments", list(job.arguments)},
                                        {"environment", list(job.environment)},
                                        {"files", std::move(files)}});
  return {bytes.begin(), bytes.end()};
}

std::expected<Job, std::string> decode_job(std::string_view bytes) {
  const auto json = read_cbor(bytes);
  if (!json.is_object()) return std::unexpected("the job is not CBOR");
  Job job;
  const auto list = [&](const char* key, std::vector<std::string>& texts) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_array()) return false;
    for (const auto& value : *found) {
      if (!value.is_binary()) return false;
      texts.emplace_back(value.get_binary().begin(), value.get_binary().end());
    }
    return true;
  };
  if (!list("arguments", job.arguments) || !list("environment", job.environment))
    return std::unexpected("the job lacks its arguments");
  const auto files = json.find("files");
  if (files == json.end() || !files->is_object()) return std::unexpected("the job lacks its files");
  for (const auto& [name, content] : files->items()) {
    if (!plain(name)) return std::unexpected(fmt::format("the job has a file named '{}'", name));
    if (!content.is_binary()) return std::unexpected("a file of the job is not bytes");
    job.files.emplace(name, std::string(content.get_binary().begin(), content.get_binary().end()));
  }
  return job;
}

}  // namespace hypervet::lab
