// SPDX-License-Identifier: Apache-2.0
// A YAML file as an editor checks it by a JSON Schema.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "harness/spec/yaml.h"

namespace hypervet::spec {

class Editor {
 public:
  explicit Editor(const std::string& schema) : document_(nlohmann::json::parse(schema)) {
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(document_), schema_);
  }

  // Every document of the text?
  bool accepts(const std::string& text) const {
    const auto documents = parse_yaml(std::make_shared<const SourceFile>("t.yaml", text));
    EXPECT_TRUE(documents) << to_string(documents.error());
    if (!documents) return false;
    for (const Node& each : *documents) {
      const auto value = to_json(each);
      const valijson::adapters::NlohmannJsonAdapter adapter(value);
      if (!valijson::Validator().validate(schema_, adapter, nullptr)) return false;
    }
    return true;
  }

 private:
  // As an editor's YAML reader sees it: numbers are numbers, all else is text.
  static nlohmann::json to_json(const Node& node) {
    switch (node.kind) {
      case Node::Kind::kNull:
        return nullptr;
      case Node::Kind::kScalar: {
        std::int64_t number = 0;
        const char* end = node.scalar.data() + node.scalar.size();
        const auto [stop, problem] = std::from_chars(node.scalar.data(), end, number);
        if (!node.quoted && problem == std::errc{} && stop == end) return number;
        return node.scalar;
      }
      case Node::Kind::kList: {
        auto list = nlohmann::json::array();
        for (const Node& each : node.items) list.push_back(to_json(each));
        return list;
      }
      case Node::Kind::kMap: {
        auto map = nlohmann::json::object();
        for (const auto& [key, value] : node.entries) map[key] = to_json(value);
        return map;
      }
    }
    return nullptr;
  }

  const nlohmann::json document_;
  valijson::Schema schema_;
};

}  // namespace hypervet::spec
