// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/schema.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "backends/violations/vocabulary.h"
#include "guest-payloads/protocol/host_verbs.h"
#include "guest-payloads/protocol/layout.h"
#include "guest-payloads/protocol/paths.h"
#include "guest-payloads/protocol/scenarios.h"
#include "guest-payloads/protocol/virtio.h"
#include "harness/spec/on.h"
#include "harness/spec/verbs.h"

namespace hypervet::spec {
namespace {

using Json = nlohmann::ordered_json;

Json ref(std::string_view name) { return {{"$ref", "#/definitions/" + std::string(name)}}; }
Json text() { return {{"type", "string"}, {"minLength", 1}}; }
Json list_of(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }
Json map_of(Json values) {
  return {{"type", "object"}, {"additionalProperties", std::move(values)}};
}

// YAML 1.1 readers make booleans of yes, no, on and off.
Json words(const std::vector<std::string_view>& all) {
  Json values = Json::array();
  bool truth = false;
  for (const std::string_view each : all) {
    values.push_back(each);
    truth = truth || each == "yes" || each == "no" || each == "on" || each == "off";
  }
  if (truth) {
    values.push_back(true);
    values.push_back(false);
  }
  return {{"enum", std::move(values)}};
}

Json object(Json properties, const std::vector<std::string_view>& required = {}) {
  Json made = {
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) made["required"] = required;
  return made;
}

Json described(Json schema, std::string_view what) {
  if (schema.contains("$ref")) schema = {{"allOf", Json::array({std::move(schema)})}};
  if (!what.empty()) schema["description"] = what;
  return schema;
}

template <typename Table>
std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> names;
  for (const auto& each : table) names.push_back(each.name);
  return names;
}

Json value_of(const VerbKey& key) {
  switch (key.type) {
    case KeyType::kInput:
    case KeyType::kDuration:
    case KeyType::kKnown:
    case KeyType::kExpression:
      return ref("expression");
    case KeyType::kInputs: {
      Json inputs = list_of(ref("expression"));
      inputs["maxItems"] = key.most;
      return inputs;
    }
    case KeyType::kWord:
      return words(split_words(key.words));
    case KeyType::kWords:
      return list_of(words(split_words(key.words)));
    case KeyType::kName:
      return ref("name");
    case KeyType::kStructure:
      return ref("name");
    case KeyType::kInterrupts:
      return object(
          {{"vector", ref("expression")}, {"count", ref("expression")}, {"cpu", ref("expression")}},
          {"vector"});
    case KeyType::kSteps:
      return ref("steps");
    case KeyType::kText:
      return text();
    case KeyType::kArguments:
      return map_of(ref("expression"));
    case KeyType::kRegister:
      return words(names_of(protocol::kVirtioRegisters));
    case KeyType::kRegion:
      return words(names_of(protocol::kVirtioRegions));
    case KeyType::kBits:
      return list_of(ref("expression"));
    case KeyType::kQueues:
      return map_of(object({{"size", ref("expression")}}));
    case KeyType::kParts:
      return list_of(ref("part"));
    case KeyType::kTable:
      return map_of(ref("descriptor"));
    case KeyType::kPlace:
    case KeyType::kUsed:
      return ref("expression");
    case KeyType::kSource:
      return text();
    case KeyType::kChain:
      return ref("name");
    case KeyType::kNothing:
      return {{"type", {"object", "null"}}, {"maxProperties", 0}};
  }
  return {};
}

// Of a table of callees: {name: {argument: expression, ...}}, beside it `as`.
template <typename Table>
Json callees(const Table& table) {
  Json properties = {{"as", ref("name")}};
  for (const auto& entry : table) {
    Json arguments = Json::object();
    std::vector<std::string_view> required;
    for (const std::string_view argument : entry.arguments) {
      if (argument.empty()) continue;
      arguments[std::string(argument)] = ref("expression");
      required.push_back(argument);
    }
    Json made = object(std::move(arguments), required);
    if (required.empty()) made["type"] = {"object", "null"};
    properties[std::string(entry.name)] = described(std::move(made), entry.what);
  }
  return object(std::move(properties));
}

Json verb_schema(const Verb& verb) {
  if (verb.name == "scenario") return described(callees(protocol::kScenarios), verb.what);
  if (verb.name == "host") {
    return described({{"anyOf", Json::array({callees(protocol::kHostVerbs), text()})}}, verb.what);
  }
  Json properties = Json::object();
  std::vector<std::string_view> required;
  for (const VerbKey* key : keys_of(verb)) {
    properties[std::string(key->name)] = described(value_of(*key), key->what);
    // A name may stand beside the verb.
    if (key->required && key->name != "as") required.push_back(key->name);
  }
  Json made = object(std::move(properties), required);
  if (required.empty()) made["type"] = {"object", "null"};
  if (!verb.sole.empty())
    made = {{"anyOf", Json::array({std::move(made), value_of(*find_key(verb, verb.sole))})}};
  return described(std::move(made), verb.what);
}

Json step_schema() {
  Json properties = {{"as", ref("name")}, {"expect", ref("expect")}};
  Json verb_choice = Json::array();
  for (const Verb& verb : verbs()) {
    properties[std::string(verb.name)] = verb_schema(verb);
    verb_choice.push_back({{"required", {verb.name}}});
  }
  Json step = object(std::move(properties));
  step["oneOf"] = std::move(verb_choice);
  return step;
}

Json allowed_schema() {
  Json properties = Json::object();
  for (const std::string_view key : expectation_keys()) {
    const bool choice = key == "one-of" || key == "all-of";
    properties[std::string(key)] = choice         ? list_of(ref("allowed"))
                                   : key == "not" ? ref("allowed")
                                                  : ref("expression");
  }
  Json form = object(std::move(properties));
  form["minProperties"] = 1;
  return {{"anyOf", Json::array({ref("expression"), list_of(ref("allowed")), std::move(form),
                                 Json{{"type", "boolean"}}})}};
}

Json machine_schema() {
  Json properties = {{"cpus", ref("expression")}, {"without", ref("words")}};
  for (const backends::Setting& setting : backends::known_settings()) {
    if (setting.name == kDeviceParameter || setting.name == kTransportParameter) continue;
    properties[std::string(setting.name)] = described(words(setting.values), setting.what);
  }
  return object(std::move(properties));
}

Json violation_schema() {
  Json rules = Json::array();
  for (const violations::SeamEntry& seam : violations::seams()) {
    Json properties = {{"at", words({seam.name})}};
    for (const violations::Key& key : seam.keys) {
      Json value = key.number         ? ref("expression")
                   : key.words == "*" ? text()
                                      : words(split_words(key.words));
      properties[std::string(key.name)] = described(std::move(value), key.what);
    }
    rules.push_back(object(std::move(properties), {"at"}));
  }
  Json violation = map_of({{"oneOf", std::move(rules)}});
  violation["minProperties"] = 1;
  violation["maxProperties"] = 1;
  return violation;
}

Json feature_schema() {
  const Json expression = ref("expression");
  const Json bit = object({{"leaf", expression},
                           {"register", words({"eax", "ebx", "ecx", "edx"})},
                           {"bit", expression}},
                          {"leaf", "register", "bit"});
  const Json signature =
      object({{"leaf", expression}, {"ebx", expression}, {"ecx", expression}, {"edx", expression}},
             {"leaf", "ebx", "ecx", "edx"});
  Json feature = object({{"cpuid", {{"anyOf", Json::array({bit, signature})}}},
                         {"virtio", described(expression, "bit of a device's features")},
                         {"requires", ref("words")}});
  feature["oneOf"] = Json::array({{{"required", {"cpuid"}}}, {{"required", {"virtio"}}}});
  return feature;
}

std::vector<std::string_view> texts(std::span<const OnWord> table,
                                    std::vector<std::string_view> also) {
  for (const OnWord& each : table) also.push_back(each.text);
  return also;
}

Json on_schema() {
  const auto choice = [](const std::vector<std::string_view>& all,
                         std::vector<std::string_view> one) {
    return Json{{"anyOf", Json::array({words(all), list_of(words(one))})}};
  };
  return object(
      {{"devices", choice(texts(device_words(), {"all"}), texts(device_words(), {}))},
       {"transports", choice(texts(transport_words(), {"all"}), texts(transport_words(), {}))},
       {"rings", choice(texts(ring_words(), {"all", "any"}), texts(ring_words(), {}))}},
      {"devices"});
}

// One part of a chain: what it is of, or a structure with its fields beside it.
Json part_schema() {
  const Json expression = ref("expression");
  const Json name = ref("name");
  Json structure = {{"type", "object"},
                    {"properties", {{"struct", name}, {"as", name}}},
                    {"additionalProperties", expression},
                    {"required", {"struct"}}};
  return {
      {"anyOf",
       Json::array(
           {object(
                {{"data", expression}, {"fill", expression}, {"canary", expression}, {"as", name}},
                {"data"}),
            object({{"bytes", list_of(expression)}, {"canary", expression}, {"as", name}},
                   {"bytes"}),
            object({{"at", expression}, {"size", expression}}, {"at", "size"}),
            std::move(structure)})}};
}

Json descriptor_schema() {
  const Json expression = ref("expression");
  return object({{"addr", expression},
                 {"len", expression},
                 {"flags", expression},
                 {"next", expression},
                 {"id", expression}});
}

Json structure_schema() {
  Json field = {{"type", "array"}, {"minItems", 2}, {"maxItems", 2}};
  return object({{"size", ref("expression")}, {"fields", map_of(std::move(field))}},
                {"size", "fields"});
}

Json case_schema() {
  const Json values = {{"anyOf", Json::array({ref("expression"), list_of(ref("expression"))})}};
  return object({{"name", text()},
                 {"on", ref("on")},
                 {"for", map_of(values)},
                 {"machine", ref("machine")},
                 {"requires", ref("words")},
                 {"steps", ref("steps")}},
                {"steps"});
}

// Of a table of loops: {name: {argument: expression, ...}}, one to a path.
Json measure_schema() {
  Json properties = Json::object();
  for (const protocol::PathLoopEntry& loop : protocol::kPathLoops) {
    Json arguments = Json::object();
    for (const std::string_view argument : loop.arguments) {
      if (!argument.empty()) arguments[std::string(argument)] = ref("expression");
    }
    if (loop.user) arguments["cpl"] = ref("expression");
    if (loop.proof == protocol::PathProof::kSameResult) arguments["result"] = ref("expression");
    Json made = object(std::move(arguments));
    made["type"] = {"object", "null"};
    properties[std::string(loop.name)] = described(std::move(made), loop.what);
  }
  Json measure = object(std::move(properties));
  measure["minProperties"] = 1;
  measure["maxProperties"] = 1;
  return measure;
}

Json path_schema() {
  const Json values = {{"anyOf", Json::array({ref("expression"), list_of(ref("expression"))})}};
  return object(
      {{"id", ref("id")},
       {"what", described(text(), "what one operation is")},
       {"unit", words({"ns"})},
       {"section", text()},
       {"note", described(text(), "what a reader of the figures should know")},
       {"requires", ref("words")},
       {"machine", ref("machine")},
       {"for", map_of(values)},
       {"batch", described(ref("expression"), "operations between two readings of the TSC")},
       {"path", ref("measure")},
       {"contrast", {{"anyOf", Json::array({ref("id"), ref("measure")})}}}},
      {"id", "what", "unit", "section", "path"});
}

Json clause_schema() {
  return object({{"id", ref("id")},
                 {"level", words({"must", "should", "may"})},
                 {"section", text()},
                 {"text", text()},
                 {"hostile", words({"yes", "no"})},
                 {"on", ref("on")},
                 {"machine", ref("machine")},
                 {"requires", ref("words")},
                 {"cases", list_of(ref("case"))},
                 {"violations", list_of(ref("violation"))},
                 {"untestable", described(text(), "why no black box can judge it")}},
                {"id", "level", "section", "text"});
}

Json definitions() {
  const Json name = {{"type", "string"}, {"pattern", "^[A-Za-z_][A-Za-z0-9_-]*$"}};
  const Json id = {{"type", "string"}, {"pattern", "^[a-z0-9]+([.-][a-z0-9]+)*$"}};
  Json steps = list_of(ref("step"));
  Json expect = map_of(ref("allowed"));
  expect["minProperties"] = 1;
  return {{"expression", {{"type", {"string", "number"}}}},
          {"name", name},
          {"id", id},
          {"words", {{"anyOf", Json::array({text(), list_of(text())})}}},
          {"machine", machine_schema()},
          {"structure", structure_schema()},
          {"feature", feature_schema()},
          {"on", on_schema()},
          {"part", part_schema()},
          {"descriptor", descriptor_schema()},
          {"steps", std::move(steps)},
          {"step", step_schema()},
          {"expect", std::move(expect)},
          {"allowed", allowed_schema()},
          {"violation", violation_schema()},
          {"case", case_schema()},
          {"clause", clause_schema()},
          {"measure", measure_schema()},
          {"path", path_schema()}};
}

}  // namespace

std::string schema_json() {
  Json root = object(
      {{"interface", ref("id")},
       {"title", text()},
       {"source", object({{"document", text()}, {"version", {{"type", {"string", "number"}}}}},
                         {"document", "version"})},
       {"requires", ref("words")},
       {"machine", ref("machine")},
       {"constants", map_of(ref("expression"))},
       {"structures", map_of(ref("structure"))},
       {"features", map_of(ref("feature"))},
       {"clauses", list_of(ref("clause"))},
       {"paths", list_of(ref("path"))}},
      {"interface", "title", "source"});
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "hypervet clauses"}};
  schema.update(root);
  schema["definitions"] = definitions();
  return schema.dump(2) + "\n";
}

}  // namespace hypervet::spec
