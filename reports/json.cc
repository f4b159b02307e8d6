// SPDX-License-Identifier: Apache-2.0
// One JSON document: the records as in the stream, and beside them the digest that the other
// reports print.
#include "reports/digest.h"
#include "reports/headline.h"
#include "reports/stream/encode.h"
#include "reports/writers.h"

namespace hypervet::reports {
namespace {

Json to_json(const Coverage& c) {
  return {{"clauses", c.clauses}, {"judged", c.judged},   {"skipped", c.skipped},
          {"error", c.errors},    {"not_run", c.not_run}, {"untestable", c.untestable},
          {"no_case", c.no_case}};
}

Json to_json(const InterfaceDigest& interface) {
  Json clauses = Json::array();
  for (const ClauseDigest& clause : interface.clauses) {
    Json entry = {{"id", clause.clause.id}, {"state", name(clause.state)}};
    entry["verdict"] = clause.verdict ? Json(name(*clause.verdict)) : Json();
    if (clause.waived) entry["waived"] = true;
    clauses.push_back(std::move(entry));
  }
  return {{"id", interface.id},
          {"providers", interface.providers},
          {"counts", to_json(interface.counts)},
          {"coverage", to_json(interface.coverage)},
          {"clauses", std::move(clauses)}};
}

Json to_json(const ProviderDigest& p) {
  return {{"name", p.name},
          {"reference_model", p.reference_model},
          {"counts", to_json(p.counts)},
          {"judged_clauses", p.judged_clauses},
          {"violated_clauses", p.violated_clauses},
          {"waived_clauses", p.waived_clauses}};
}

Json to_json(const Digest& d) {
  const Headline head = headline(d);
  Json sentences = Json::array();
  for (const Sentence& sentence : head.sentences) sentences.push_back(sentence.text);
  Json providers = Json::array();
  for (const ProviderDigest& provider : d.providers) providers.push_back(to_json(provider));
  Json interfaces = Json::array();
  for (const InterfaceDigest& interface : d.interfaces) interfaces.push_back(to_json(interface));
  return {{"standing", name(head.standing)},
          {"sentences", std::move(sentences)},
          {"cautions", head.cautions},
          {"complete", d.complete},
          {"planned", d.planned},
          {"counts", to_json(d.counts)},
          {"coverage", to_json(d.coverage)},
          {"providers", std::move(providers)},
          {"interfaces", std::move(interfaces)}};
}

template <typename T>
Json list(const std::vector<T>& records) {
  Json array = Json::array();
  for (const T& record : records) array.push_back(to_json(record));
  return array;
}

}  // namespace

WriterStatus write_json(const Results& results, std::ostream& out, const WriterOptions&) {
  Json document = {{"format", results.run.format},
                   {"digest", to_json(digest(results))},
                   {"run", to_json(results.run)},
                   {"interfaces", list(results.interfaces)},
                   {"cases", list(results.cases)},
                   {"paths", list(results.paths)},
                   {"logs", list(results.logs)},
                   {"others", list(results.others)},
                   {"summary", results.summary ? to_json(*results.summary) : Json()},
                   {"truncated", results.truncated}};
  out << dump(document, 2) << '\n';
  return finish(out);
}

}  // namespace hypervet::reports
