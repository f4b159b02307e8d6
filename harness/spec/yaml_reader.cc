// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/yaml_reader.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <istream>
#include <iterator>
#include <optional>
#include <spanstream>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace hypervet::spec {
namespace {

// Thrown by the builder through the YAML parser to end a document that goes beyond a limit.
struct GaveUp {
  Mark mark;
  std::string message;
};

// Builds nodes from the parser's events.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::shared_ptr<const SourceFile> file, Problems& problems)
      : file_(std::move(file)), problems_(problems) {}

  // Where the innermost list or map begins whose end has not been seen.
  std::optional<Mark> innermost() const {
    return open_.empty() ? std::nullopt : std::optional(open_.back().node.mark);
  }

  // The document that was just parsed.
  Node take() { return std::exchange(root_, Node{}); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    root_ = Node{};
    root_.mark = place(mark);
    if (documents_++ > 0 && !begins_document(root_.mark)) {
      throw GaveUp{
          root_.mark,
          "this does not go on what stands above: look at the indentation and for a missing ':'"};
    }
    open_.clear();
    anchors_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.mark = place(mark);
    count(1, node.mark);
    finish(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw GaveUp{place(mark), "the alias stands inside what it names"};
    if (open_.size() + found->second.depth > kMaxDepth) throw too_deep(place(mark));
    count(found->second.nodes, place(mark));
    last_nodes_ = found->second.nodes;
    last_depth_ = found->second.depth;
    Node node = found->second.node;
    add(std::move(node), last_nodes_, last_depth_, place(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.mark = place(mark);
    node.quoted = tag == "!";
    refuse_tag(tag, node.mark);
    if (node.quoted) check_closed(node.mark);
    if (value.size() > kMaxScalar) {
      throw GaveUp{node.mark, fmt::format("the value is longer than {} bytes", kMaxScalar)};
    }
    node.scalar = value;
    count(1, node.mark);
    finish(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::kList, place(mark), tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::kMap, place(mark), tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or map whose end has not been seen.
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    std::size_t nodes = 1;  // in it, with itself
    std::size_t depth = 1;  // levels in it, with itself
    bool has_key = false;   // a map: the key was seen, the value is next
    bool drop = false;      // the key is not to be kept
    std::string key;
    Mark key_mark;
    std::unordered_map<std::string, unsigned> keys;  // line of each
  };
  struct Anchored {
    Node node;
    std::size_t nodes = 1;
    std::size_t depth = 0;
  };

  Mark place(const YAML::Mark& mark) const {
    return {file_, static_cast<unsigned>(mark.line + 1), static_cast<unsigned>(mark.column + 1)};
  }

  // The YAML library begins a new document where the old one cannot go on. We want the line with
  // '---'.
  bool begins_document(const Mark& mark) const {
    for (unsigned line = mark.line; line > 0; --line) {
      const std::string_view text = file_->line(line);
      if (text.starts_with("---")) return true;
      const std::size_t first = text.find_first_not_of(' ');
      const bool blank = first == std::string_view::npos || text[first] == '#';
      if (line != mark.line && !blank) return false;
    }
    return false;
  }

  static GaveUp too_deep(const Mark& mark) {
    return {mark, fmt::format("lists and maps are nested deeper than {} levels", kMaxDepth)};
  }

  void count(std::size_t nodes, const Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) {
      throw GaveUp{
          mark, fmt::format("the file holds more than {} values, aliases written out", kMaxNodes)};
    }
  }

  // A tag is never wanted, and is mostly an expression that begins with '!'.
  void refuse_tag(const std::string& tag, const Mark& mark) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    problems_.add(mark, fmt::format("{} is a YAML tag here; an expression that begins with '!' is "
                                    "written in quotes",
                                    quote(tag)));
  }

  // The YAML library takes the end of the file for a closing quote, and so the rest of the file for
  // one value.
  void check_closed(const Mark& mark) {
    const std::string_view text = file_->text;
    std::size_t at = file_->line_starts[mark.line - 1] + mark.column - 1;
    const char quote_mark = at < text.size() ? text[at] : '\0';
    if (quote_mark != '"' && quote_mark != '\'') return;
    for (++at; at < text.size(); ++at) {
      const bool escaped = quote_mark == '"' ? text[at] == '\\' : text.substr(at, 2) == "''";
      if (escaped) {
        ++at;
      } else if (text[at] == quote_mark) {
        return;
      }
    }
    throw GaveUp{mark, "the quote is never closed"};
  }

  void open(Node::Kind kind, const Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_tag(tag, mark);
    if (open_.size() == kMaxDepth) throw too_deep(mark);
    if (!open_.empty() && open_.back().node.is_map() && !open_.back().has_key) {
      throw GaveUp{mark, "a key is a single word, not a list or a map"};
    }
    count(1, mark);
    Open& fresh = open_.emplace_back();
    fresh.node.kind = kind;
    fresh.node.mark = mark;
    fresh.anchor = anchor;
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    last_nodes_ = done.nodes;
    last_depth_ = done.depth;
    finish_counted(std::move(done.node), done.anchor);
  }

  void finish(Node node, YAML::anchor_t anchor) {
    last_nodes_ = 1;
    last_depth_ = 0;
    finish_counted(std::move(node), anchor);
  }

  void finish_counted(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      count(last_nodes_, node.mark);  // the copy that aliases are made from
      anchors_.insert_or_assign(anchor, Anchored{node, last_nodes_, last_depth_});
    }
    const Mark mark = node.mark;
    add(std::move(node), last_nodes_, last_depth_, mark);
  }

  void add(Node node, std::size_t nodes, std::size_t depth, const Mark& mark) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    parent.nodes += nodes;
    parent.depth = std::max(parent.depth, depth + 1);
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      add_key(parent, node, mark);
    } else {
      parent.has_key = false;
      if (parent.drop) return;
      parent.node.entries.emplace_back(std::move(parent.key), std::move(node));
      parent.node.key_marks.push_back(parent.key_mark);
    }
  }

  void add_key(Open& parent, Node& key, const Mark& mark) {
    parent.has_key = true;
    parent.drop = false;
    parent.key_mark = mark;
    if (!key.is_scalar() || key.scalar.empty()) {
      problems_.add(mark, "a key is missing before this ':'");
      parent.drop = true;
      return;
    }
    const auto [first, fresh] = parent.keys.emplace(key.scalar, mark.line);
    if (!fresh) {
      problems_.add(mark, fmt::format("the key {} appears twice (first in line {})",
                                      quote(key.scalar), first->second));
      parent.drop = true;
      return;
    }
    parent.key = std::move(key.scalar);
  }

  std::shared_ptr<const SourceFile> file_;
  Problems& problems_;
  Node root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::size_t documents_ = 0;
  std::size_t nodes_ = 0;
  std::size_t last_nodes_ = 1;
  std::size_t last_depth_ = 0;
};

// Length of the valid UTF-8 sequence at the start of `text`; 0: none. Overlong forms and surrogates
// are not valid.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

// What the YAML library should never see: it takes 0x04 for the end of the text, guesses encodings,
// and keeps the tokens of a whole flow collection in memory.
std::optional<Diagnostic> refuse_bytes(const std::shared_ptr<const SourceFile>& file) {
  const std::string_view text = file->text;
  std::size_t flow_pieces = 0;
  bool indentation = true;
  unsigned line = 1;
  std::size_t line_start = 0;
  const auto here = [&](std::size_t at, std::string message) {
    return diagnose({file, line, static_cast<unsigned>(at - line_start + 1)}, std::move(message));
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::size_t length = utf8_length(text.substr(at, 4));
    if (length == 0) {
      return here(at, fmt::format("the byte {:#04x} is not UTF-8", static_cast<unsigned char>(c)));
    }
    if (c == '\t' && indentation) return here(at, "a tab in the indentation; YAML wants spaces");
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
        c == 0x7f) {
      return here(at, fmt::format("the control character {:#04x} does not belong in a text",
                                  static_cast<unsigned char>(c)));
    }
    flow_pieces += c == ',' || c == '[' || c == '{' ? 1 : 0;
    if (flow_pieces > kMaxNodes)
      return here(at, fmt::format("the file holds more than {} values", kMaxNodes));
    if (c == '\n') {
      ++line;
      line_start = at + 1;
      indentation = true;
    } else if (c != ' ') {
      indentation = false;
    }
    at += length;
  }
  return std::nullopt;
}

// The library's words for what people get wrong most, and ours.
struct Wording {
  std::string_view theirs;
  std::string_view ours;
};
const Wording kWordings[] = {
    {YAML::ErrorMsg::MAP_VALUE,
     "a ': ' is not allowed here; a text that holds one is written in quotes; or the line above "
     "lacks its ':'"},
    {YAML::ErrorMsg::END_OF_MAP,
     "this does not go on the map above: look at the indentation and for a missing ':'"},
    {YAML::ErrorMsg::END_OF_SEQ, "this does not go on the list above: look at the indentation"},
    {YAML::ErrorMsg::BLOCK_ENTRY, "a list item is not allowed here: look at the indentation"},
};

Diagnostic from_exception(const YAML::Exception& problem, const Builder& builder,
                          const std::shared_ptr<const SourceFile>& file) {
  const bool unclosed = problem.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW ||
                        problem.msg == YAML::ErrorMsg::END_OF_MAP_FLOW;
  // The library names the place where it gave up, often the last line of the file.
  if (const auto open = builder.innermost(); unclosed && open)
    return diagnose(*open, "the bracket is never closed");
  Mark mark{file, 0, 0};
  if (!problem.mark.is_null()) {
    mark.line = static_cast<unsigned>(problem.mark.line + 1);
    mark.column = static_cast<unsigned>(problem.mark.column + 1);
  }
  const auto* known = std::ranges::find(kWordings, problem.msg, &Wording::theirs);
  return diagnose(
      mark, fmt::format("not YAML: {}", known == std::end(kWordings) ? problem.msg : known->ours));
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
  Builder builder(file, problems);
  try {
    std::ispanstream stream(std::span<const char>(file->text.data(), file->text.size()));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) documents.push_back(builder.take());
  } catch (const GaveUp& reason) {
    problems.add(reason.mark, reason.message);
  } catch (const YAML::Exception& problem) {
    problems.add(from_exception(problem, builder, file));
  } catch (const std::exception& problem) {
    problems.add({file, 0, 0}, fmt::format("not YAML: {}", problem.what()));
  }
  if (problems.empty() && documents.empty()) problems.add({file, 0, 0}, "the file is empty");
  if (!problems.empty()) return std::unexpected(problems.take());
  return documents;
}

}  // namespace hypervet::spec
