// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/schema.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "harness/spec/yaml_reader.h"
#include "tests/harness/spec/problems.h"

namespace hypervet::spec {
namespace {

using nlohmann::json;

// As an editor's YAML reader sees it: numbers are numbers, true and false are booleans, all else is
// text.
json to_json(const Node& node) {
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
      json list = json::array();
      for (const Node& each : node.items) list.push_back(to_json(each));
      return list;
    }
    case Node::Kind::kMap: {
      json map = json::object();
      for (const auto& [key, value] : node.entries) map[key] = to_json(value);
      return map;
    }
  }
  return nullptr;
}

class SchemaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(document_), schema_);
  }
  // Does an editor accept every document of the text?
  bool accepts(const std::string& text) {
    const auto documents = parse_yaml(std::make_shared<const SourceFile>("t.yaml", text));
    EXPECT_TRUE(documents) << to_string(documents.error().front());
    for (const Node& each : *documents) {
      const json value = to_json(each);
      if (!valijson::Validator().validate(schema_, valijson::adapters::NlohmannJsonAdapter(value),
                                          nullptr))
        return false;
    }
    return true;
  }
  // The README's example with one piece replaced.
  bool accepts_with(const std::string& from, const std::string& to) {
    std::string text = readme_example();
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return accepts(text.replace(at, from.size(), to));
  }
  const json document_ = json::parse(schema_json());
  valijson::Schema schema_;
};

TEST_F(SchemaTest, TheCommittedFileIsTheGeneratedOne) {
  const std::string path = std::string(HV_SOURCE_DIR) + "/specs/schema/clauses.schema.json";
  if (std::getenv("HYPERVET_WRITE_SCHEMA") != nullptr) std::ofstream(path) << schema_json();
  std::ostringstream committed;
  committed << std::ifstream(path).rdbuf();
  EXPECT_TRUE(committed.str() == schema_json())
      << "run this test with HYPERVET_WRITE_SCHEMA=1 and commit " << path;
}

TEST_F(SchemaTest, AcceptsWhatLintAccepts) { EXPECT_TRUE(accepts(readme_example())); }

TEST_F(SchemaTest, AcceptsTheSpecsThatComeWithUs) {
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::string(HV_SOURCE_DIR) + "/specs")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto source = read_source(entry.path());
    ASSERT_TRUE(source);
    EXPECT_TRUE(accepts((*source)->text)) << entry.path();
  }
}

TEST_F(SchemaTest, RejectsWhatIsWrongInShape) {
  EXPECT_TRUE(accepts_with("level: must", "level: may"));
  EXPECT_FALSE(accepts_with("level: must", "level: shall"));
  EXPECT_FALSE(accepts_with("title: Steal time", "titel: Steal time"));
  EXPECT_FALSE(accepts_with("- wrmsr:", "- wrmrs:"));
  EXPECT_FALSE(
      accepts_with("{msr: MSR_KVM_STEAL_TIME, value: area + 1}", "{msr: MSR_KVM_STEAL_TIME}"));
  EXPECT_FALSE(accepts_with("{msr: MSR_KVM_STEAL_TIME, value: area + 1}", "{msr: [1], value: 2}"));
  EXPECT_FALSE(
      accepts_with("at: wrmsr, msr: MSR_KVM_STEAL_TIME, fault: none", "at: wrmsr, fault: 7"));
  EXPECT_FALSE(accepts_with("at: wrmsr, msr", "at: wmsr, msr"));
  EXPECT_FALSE(accepts_with("id: kvm.steal-time.reserved-bits-fault", "id: Kvm"));
  EXPECT_FALSE(accepts_with("machine: {cpus: 1}  ", "machine: {cpu: 1}  "));
}

}  // namespace
}  // namespace hypervet::spec
