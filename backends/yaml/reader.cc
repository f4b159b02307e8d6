// SPDX-License-Identifier: Apache-2.0
#include "backends/yaml/reader.h"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "backends/yaml/node_builder.h"
#include "backends/yaml/plain_text.h"

namespace hypervet::yaml {
namespace {

std::string_view text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string_view{}
                         : std::string_view(reinterpret_cast<const char*>(text));
}

// The library counts characters where marks count bytes. Nearly all places come in order, so each
// is found from the one before.
class Places {
 public:
  explicit Places(std::shared_ptr<const SourceFile> file) : file_(std::move(file)) {}

  Mark operator()(const yaml_mark_t& mark) {
    if (mark.line != line_ || mark.column < characters_ || line_text_.data() == nullptr) {
      line_ = mark.line;
      line_text_ = file_->line(static_cast<unsigned>(line_ + 1));
      characters_ = 0;
      bytes_ = 0;
    }
    for (; characters_ < mark.column; ++characters_)
      bytes_ += std::max<std::size_t>(1, utf8_length(line_text_, bytes_));
    return {file_, static_cast<unsigned>(line_ + 1), static_cast<unsigned>(bytes_ + 1)};
  }

 private:
  std::shared_ptr<const SourceFile> file_;
  std::string_view line_text_;
  std::size_t line_ = 0;
  std::size_t characters_ = 0;
  std::size_t bytes_ = 0;  // that these characters take
};

// libyaml's parser over a whole file, and its events as calls of a builder.
class Parser {
 public:
  Parser(const std::shared_ptr<const SourceFile>& file, Problems& problems)
      : file_(file), place_(file), builder_(problems) {
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_input_string(
        &parser_, reinterpret_cast<const unsigned char*>(file->text.data()), file->text.size());
  }
  ~Parser() { yaml_parser_delete(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // Throws GaveUp.
  std::vector<Node> documents() {
    std::vector<Node> found;
    for (;;) {
      yaml_event_t event;
      if (yaml_parser_parse(&parser_, &event) == 0) throw broken();
      struct Deleted {
        yaml_event_t* event;
        ~Deleted() { yaml_event_delete(event); }
      } const deleted{&event};
      if (event.type == YAML_STREAM_END_EVENT) return found;
      if (event.type == YAML_DOCUMENT_END_EVENT) found.push_back(builder_.take());
      take(event);
    }
  }

 private:
  void take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        return builder_.begin(place_(event.start_mark));
      case YAML_SCALAR_EVENT: {
        const auto& scalar = event.data.scalar;
        return builder_.scalar(place_(event.start_mark),
                               {text_of(scalar.tag), text_of(scalar.anchor)},
                               {reinterpret_cast<const char*>(scalar.value), scalar.length},
                               scalar.style != YAML_PLAIN_SCALAR_STYLE);
      }
      case YAML_SEQUENCE_START_EVENT: {
        const auto& list = event.data.sequence_start;
        return builder_.open(Node::Kind::kList, place_(event.start_mark),
                             {text_of(list.tag), text_of(list.anchor)});
      }
      case YAML_MAPPING_START_EVENT: {
        const auto& map = event.data.mapping_start;
        return builder_.open(Node::Kind::kMap, place_(event.start_mark),
                             {text_of(map.tag), text_of(map.anchor)});
      }
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return builder_.close();
      case YAML_ALIAS_EVENT:
        return builder_.alias(place_(event.start_mark), text_of(event.data.alias.anchor));
      default:
        return;
    }
  }

  GaveUp broken();

  std::shared_ptr<const SourceFile> file_;
  Places place_;
  NodeBuilder builder_;
  yaml_parser_t parser_{};
};

// The library's words for what people get wrong most, and ours.
struct Wording {
  std::string_view theirs;
  std::string_view ours;
};
constexpr Wording kWordings[] = {
    {"mapping values are not allowed in this context",
     "a ': ' is not allowed here; a text that holds one is written in quotes; or the line above "
     "lacks its ':'"},
    {"did not find expected key",
     "this does not go on the map above: look at the indentation and for a missing ':'"},
    {"did not find expected '-' indicator",
     "this does not go on the list above: look at the indentation"},
    {"block sequence entries are not allowed in this context",
     "a list item is not allowed here: look at the indentation"},
    {"did not find expected <document start>",
     "this does not go on what stands above: look at the indentation and for a missing ':'"},
};

GaveUp Parser::broken() {
  const std::string_view problem = parser_.problem == nullptr ? "" : parser_.problem;
  const std::string_view context = parser_.context == nullptr ? "" : parser_.context;
  if (parser_.error == YAML_MEMORY_ERROR) throw std::bad_alloc();
  if (parser_.error == YAML_READER_ERROR)
    return {{file_, 0, 0}, fmt::format("not YAML: {}", problem)};
  // The library names the place where it gave up, often the last line of the file.
  if (context == "while scanning a quoted scalar" && problem == "found unexpected end of stream")
    return {place_(parser_.context_mark), "the quote is never closed"};
  if (problem == "could not find expected ':'")
    return {place_(parser_.context_mark), "not YAML: a ':' is missing behind this"};
  const auto mark = place_(parser_.problem_mark);
  const auto open = builder_.innermost();
  if (context.starts_with("while parsing a flow") && open) {
    if (open->line != mark.line) return {*open, "the bracket is never closed"};
    return {mark, "a key, a ',' or a closing bracket is missing before this"};
  }
  const auto* known = std::ranges::find(kWordings, problem, &Wording::theirs);
  return {mark, fmt::format("not YAML: {}", known == std::end(kWordings) ? problem : known->ours)};
}

}  // namespace

std::expected<std::shared_ptr<const SourceFile>, Diagnostic> read_source(
    const std::filesystem::path& path) {
  const auto refuse = [&path](std::string message) {
    const auto nothing = std::make_shared<const SourceFile>(path.string(), "");
    return std::unexpected(diagnose({nothing, 0, 0}, std::move(message)));
  };
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    return refuse("there is no such file");
  if (error) return refuse(fmt::format("cannot be read: {}", error.message()));
  if (std::filesystem::is_directory(status)) return refuse("is a folder, not a file");
  // A pipe without a writer would hold us for ever.
  if (!std::filesystem::is_regular_file(status)) return refuse("is not a regular file");

  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
  std::string text;
  char piece[64 << 10];
  while (stream && text.size() <= kMaxFileSize) {
    stream.read(piece, sizeof piece);
    text.append(piece, static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) return refuse("cannot be read: the medium reports an error");
  if (text.size() > kMaxFileSize)
    return refuse(fmt::format("is larger than {} MiB", kMaxFileSize >> 20));
  return std::make_shared<const SourceFile>(path.string(), std::move(text));
}

std::expected<std::vector<Node>, Diagnostics> parse_yaml(
    const std::shared_ptr<const SourceFile>& file) {
  if (file->text.size() > kMaxFileSize) {
    return std::unexpected(Diagnostics{
        diagnose({file, 0, 0}, fmt::format("is larger than {} MiB", kMaxFileSize >> 20))});
  }
  if (std::optional<Diagnostic> refused = refuse_bytes(file))
    return std::unexpected(Diagnostics{*refused});

  Problems problems;
  std::vector<Node> documents;
  try {
    documents = Parser(file, problems).documents();
  } catch (const GaveUp& reason) {
    problems.add(reason.mark, reason.message);
  }
  if (problems.empty() && documents.empty()) problems.add({file, 0, 0}, "the file is empty");
  if (!problems.empty()) return std::unexpected(problems.take());
  return documents;
}

}  // namespace hypervet::yaml
