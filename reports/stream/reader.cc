// SPDX-License-Identifier: Apache-2.0
#include "reports/stream/reader.h"

#include <errno.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>
#include <type_traits>
#include <utility>

#include "reports/stream/decode.h"

namespace hypervet::reports {
namespace {

constexpr std::string_view kBlank = " \t\r";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(kBlank) == std::string_view::npos;
}

}  // namespace

std::string to_string(const StreamError& error) {
  std::string where = error.file;
  if (error.line != 0) where += fmt::format(":{}", error.line);
  if (error.column != 0) where += fmt::format(":{}", error.column);
  return fmt::format("{}: {}", where, error.message);
}

StreamReader::StreamReader(std::istream& in, std::string file) : in_(in), file_(std::move(file)) {}

StreamError StreamReader::error(std::uint64_t column, std::string message) const {
  return {file_, line_number_, column, std::move(message)};
}

// std::getline, but bounded: the rest of a line that is too long is read and dropped.
std::optional<StreamReader::Line> StreamReader::next_line() {
  std::streambuf* const source = in_.rdbuf();
  constexpr int kEnd = std::char_traits<char>::eof();
  Line line;
  bool any = false;
  for (int c = source->sbumpc(); c != kEnd; c = source->sbumpc()) {
    any = true;
    ++offset_;
    if (c == '\n') {
      line.whole = true;
      break;
    }
    if (line.text.size() < kMaxLine) {
      line.text.push_back(static_cast<char>(c));
    } else {
      line.too_long = true;
    }
  }
  if (!any) return std::nullopt;
  ++line_number_;
  return line;
}

std::expected<Record, StreamError> StreamReader::decode(const Line& line) {
  if (line.too_long) {
    return std::unexpected(error(0, fmt::format("longer than {} bytes", kMaxLine)));
  }
  auto record = decode_record(line.text);
  if (record) return std::move(*record);
  const LineError& flaw = record.error();
  if (flaw.kind == LineError::Kind::kNewer) finished_ = true;
  // Without a line break, whatever does not parse is what an interrupted write left behind. But a
  // file that is no stream at all should be told so.
  const bool cut = flaw.kind == LineError::Kind::kCut || have_run_;
  if (!line.whole && cut && flaw.message.starts_with("not JSON")) truncated_ = true;
  return std::unexpected(error(flaw.column, flaw.message));
}

std::optional<StreamError> StreamReader::check_order(const Record& record) {
  if (have_summary_) return error(1, "a record after the summary, which must be the last one");
  const bool is_run = std::holds_alternative<Run>(record);
  if (is_run && have_run_) return error(1, "a second run record");
  if (!is_run && !have_run_) {
    have_run_ = true;  // say it once
    return error(1, "the first record must be the run record");
  }
  have_run_ = true;
  if (const auto* c = std::get_if<Case>(&record); c && !case_ids_.insert(c->id).second) {
    return error(1, fmt::format("case \"{}\" appears a second time", c->id));
  }
  if (const auto* p = std::get_if<Path>(&record); p && !path_ids_.insert(p->id).second) {
    return error(1, fmt::format("path \"{}\" appears a second time", p->id));
  }
  if (const auto* i = std::get_if<Interface>(&record); i && !interface_ids_.insert(i->id).second) {
    return error(1, fmt::format("interface \"{}\" appears a second time", i->id));
  }
  have_summary_ = std::holds_alternative<Summary>(record);
  return std::nullopt;
}

std::expected<std::optional<Record>, StreamError> StreamReader::next() {
  while (!finished_) {
    std::optional<Line> line;
    try {
      line = next_line();
    } catch (const std::ios_base::failure& failure) {
      finished_ = true;
      return std::unexpected(error(0, fmt::format("cannot read on: {}", failure.what())));
    }
    if (!line) {
      finished_ = true;
      break;
    }
    if (is_blank(line->text) && !line->too_long) continue;
    auto record = decode(*line);
    if (truncated_) {
      finished_ = true;
      break;
    }
    if (!record) return std::unexpected(std::move(record.error()));
    if (auto flaw = check_order(*record)) return std::unexpected(std::move(*flaw));
    if (!have_summary_) resume_offset_ = offset_;
    return std::optional<Record>(std::move(*record));
  }
  return std::optional<Record>();
}

namespace {

void keep(Record&& record, Results& results, bool& have_run) {
  std::visit(
      [&](auto&& typed) {
        using T = std::remove_cvref_t<decltype(typed)>;
        if constexpr (std::is_same_v<T, Run>) {
          results.run = std::move(typed);
          have_run = true;
        } else if constexpr (std::is_same_v<T, Interface>) {
          results.interfaces.push_back(std::move(typed));
        } else if constexpr (std::is_same_v<T, Case>) {
          results.cases.push_back(std::move(typed));
        } else if constexpr (std::is_same_v<T, Path>) {
          results.paths.push_back(std::move(typed));
        } else if constexpr (std::is_same_v<T, Log>) {
          results.logs.push_back(std::move(typed));
        } else if constexpr (std::is_same_v<T, Summary>) {
          results.summary = std::move(typed);
        } else {
          results.others.push_back(std::move(typed));
        }
      },
      std::move(record));
}

std::string why_no_run(const ReadResults& read, const StreamReader& reader) {
  if (reader.truncated()) return "the stream was cut before its run record was whole";
  if (read.flaws.empty()) return "no records: the file is empty";
  return "no run record";
}

}  // namespace

std::expected<ReadResults, StreamError> read_results(std::istream& in, const std::string& file,
                                                     OnBadLine mode) {
  StreamReader reader(in, file);
  ReadResults read;
  bool have_run = false;
  while (true) {
    auto record = reader.next();
    if (!record) {
      if (mode == OnBadLine::kStop || reader.finished()) return std::unexpected(record.error());
      read.flaws.push_back(std::move(record.error()));
      continue;
    }
    if (!*record) break;
    keep(std::move(**record), read.results, have_run);
  }
  if (!have_run) {
    // The first flaw tells more than its consequence.
    if (!read.flaws.empty()) return std::unexpected(read.flaws.front());
    return std::unexpected(StreamError{file, 0, 0, why_no_run(read, reader)});
  }
  read.results.truncated = reader.truncated();
  read.resume_offset = reader.resume_offset();
  return read;
}

std::expected<ReadResults, StreamError> read_results_file(const std::string& path, OnBadLine mode) {
  if (path == "-") return read_results(std::cin, "standard input", mode);
  const auto cannot_open = [&](int error) {
    const std::string why = std::generic_category().message(error);
    return std::unexpected(StreamError{path, 0, 0, "cannot open: " + why});
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return cannot_open(EISDIR);
  std::ifstream in(path, std::ios::binary);
  if (!in) return cannot_open(errno);
  return read_results(in, path, mode);
}

}  // namespace hypervet::reports
