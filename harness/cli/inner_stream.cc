// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/inner_stream.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "harness/run/records.h"
#include "reports/stream/decode.h"
#include "reports/stream/reader.h"
#include "reports/text.h"

namespace hypervet::cli {

InnerStream::InnerStream(const std::vector<run::Instance>& instances,
                         const Translation& translation, bool fail_fast, const Listener& listener)
    : instances_(instances),
      translation_(translation),
      fail_fast_(fail_fast),
      listener_(listener) {}

void InnerStream::add(std::string_view bytes) {
  while (!flaw_ && !satisfied_ && !bytes.empty()) {
    const auto end = bytes.find('\n');
    pending_.append(bytes.substr(0, end));
    if (pending_.size() > reports::kMaxLine) flaw_ = "a line of its stream has no end";
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    line(std::exchange(pending_, {}));
  }
}

void InnerStream::line(std::string_view text) {
  auto record = reports::decode_record(text);
  if (!record) {
    flaw_ = fmt::format("its stream has a bad line: {}", record.error().message);
    return;
  }
  if (auto* run = std::get_if<reports::Run>(&*record)) {
    take(std::move(*run));
  } else if (auto* judged = std::get_if<reports::Case>(&*record)) {
    take(std::move(*judged));
  } else if (const auto* summary = std::get_if<reports::Summary>(&*record)) {
    wall_ns_ = summary->wall_ns;
  }
}

void InnerStream::take(reports::Run run) {
  if (begun_) {
    flaw_ = "its stream has two run records";
    return;
  }
  begun_ = true;
  run_ = translated(std::move(run), translation_);
  listener_.begun(run_, reports::is_reference_model(run_.provider));
}

void InnerStream::take(reports::Case record) {
  if (!begun_ || judged_ == instances_.size() || record.id != instances_[judged_].id) {
    flaw_ = fmt::format("its stream has the case {} where {} was to come", record.id,
                        judged_ < instances_.size() ? instances_[judged_].id : "none");
    return;
  }
  ++judged_;
  record.target = emulated(record.target, translation_);
  record.location = location(record.location);
  auto words = translation_.reproduce_head;
  words.push_back(record.id);
  words.insert(words.end(), translation_.reproduce_tail.begin(), translation_.reproduce_tail.end());
  record.reproduce = reports::shell_line(words);
  listener_.mark(record);
  const bool ends =
      fail_fast_ && reports::is_failure(record.verdict) && !record.has(reports::Mark::kWaived);
  satisfied_ = !listener_.judged(record) || ends;
}

std::optional<reports::Case> InnerStream::unfinished(const std::string& reason,
                                                     const std::string& detail) const {
  if (!begun_ || judged_ == instances_.size()) return std::nullopt;
  const auto& instance = instances_[judged_];
  auto record = run::blank_record(instance);
  record.backend = run_.backend;
  record.target = run_.target;
  record.provider = run_.provider;
  record.seed = run_.seed;
  record.verdict = reports::Verdict::kError;
  record.reason = reason;
  record.detail = detail;
  auto words = translation_.reproduce_head;
  words.push_back(record.id);
  words.insert(words.end(), translation_.reproduce_tail.begin(), translation_.reproduce_tail.end());
  record.reproduce = reports::shell_line(words);
  return record;
}

std::string InnerStream::location(const std::string& inner) const {
  for (const auto& [inside, here] : translation_.spec_paths) {
    if (inner.starts_with(inside)) return here + inner.substr(inside.size());
  }
  return inner;
}

}  // namespace hypervet::cli
