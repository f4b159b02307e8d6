// SPDX-License-Identifier: Apache-2.0
#include "backends/yaml/reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace hypervet::yaml {
namespace {

namespace fs = std::filesystem;

std::expected<std::vector<Node>, Diagnostics> parse(std::string text) {
  return parse_yaml(std::make_shared<const SourceFile>("t.yaml", std::move(text)));
}

// All problems of the text, a line each.
std::string problems(std::string text) {
  const auto documents = parse(std::move(text));
  std::string lines;
  if (!documents) {
    for (const Diagnostic& each : documents.error())
      lines += to_string(each.mark) + ": " + each.message + "\n";
  }
  return lines;
}

TEST(YamlReader, MarksKeysAndValues) {
  const auto documents = parse("a: 1\nb: {c: [x, \"y z\"], d: }\n");
  ASSERT_TRUE(documents);
  const Node& root = documents->at(0);
  const Node* b = root.find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(to_string(root.key_mark("b")), "t.yaml:2:1");
  EXPECT_EQ(to_string(b->mark), "t.yaml:2:4");
  EXPECT_EQ(to_string(b->key_mark("d")), "t.yaml:2:20");
  const Node* c = b->find("c");
  ASSERT_TRUE(c->is_list());
  EXPECT_EQ(to_string(c->items[1].mark), "t.yaml:2:12");
  EXPECT_EQ(to_string(c->items[1].text_mark()), "t.yaml:2:13");
  EXPECT_TRUE(c->items[1].quoted);
  EXPECT_FALSE(c->items[0].quoted);
  EXPECT_TRUE(b->find("d")->is_null());
  EXPECT_EQ(b->find("e"), nullptr);
}

TEST(YamlReader, ColumnsCountBytes) {
  const auto documents = parse("a: {größe: 1, b: x}\n'ä': [é, z]\n");
  ASSERT_TRUE(documents);
  const Node* a = documents->at(0).find("a");
  EXPECT_EQ(to_string(a->key_mark("b")), "t.yaml:1:17");
  EXPECT_EQ(to_string(a->find("b")->mark), "t.yaml:1:20");
  EXPECT_EQ(to_string(documents->at(0).find("ä")->items[1].mark), "t.yaml:2:12");
}

TEST(YamlReader, NothingAndItsNames) {
  const auto documents = parse("a:\nb: ~\nc: null\nd: \"\"\ne: 'null'\n");
  ASSERT_TRUE(documents);
  for (const char* key : {"a", "b", "c"}) EXPECT_TRUE(documents->at(0).find(key)->is_null()) << key;
  for (const char* key : {"d", "e"}) EXPECT_TRUE(documents->at(0).find(key)->is_scalar()) << key;
}

TEST(YamlReader, SeveralDocuments) {
  const auto documents = parse("a: 1\n---\nb: 2\n---\nc: 3\n");
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 3u);
  EXPECT_EQ(to_string(documents->at(2).key_mark("c")), "t.yaml:5:1");
}

TEST(YamlReader, WindowsLineEndsAndByteOrderMark) {
  const auto documents = parse(
      "\xef\xbb\xbf"
      "a: 1\r\nb: 2\r\n");
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->at(0).find("a")->scalar, "1");
  EXPECT_EQ(to_string(documents->at(0).key_mark("b")), "t.yaml:2:1");
}

TEST(YamlReader, BytesThatAreNoText) {
  EXPECT_EQ(problems(""), "t.yaml: the file is empty\n");
  EXPECT_EQ(problems("# nothing\n"), "t.yaml: the file is empty\n");
  EXPECT_EQ(problems(std::string("a: 1\nb: \0x\n", 11)),
            "t.yaml:2:4: the control character 0x00 does not belong in a text\n");
  EXPECT_EQ(problems("a: \x04\n"),
            "t.yaml:1:4: the control character 0x04 does not belong in a text\n");
  EXPECT_EQ(problems("a: 1\nb: x\xff\n"), "t.yaml:2:5: the byte 0xff is not UTF-8\n");
  EXPECT_EQ(problems("a: \xc0\x80\n"), "t.yaml:1:4: the byte 0xc0 is not UTF-8\n");  // overlong
  EXPECT_EQ(problems("a: \xed\xa0\x80\n"),
            "t.yaml:1:4: the byte 0xed is not UTF-8\n");                           // surrogate
  EXPECT_EQ(problems("a: \xe2\x82"), "t.yaml:1:4: the byte 0xe2 is not UTF-8\n");  // cut off
  EXPECT_EQ(problems(std::string("\xff\xfe"
                                 "a\0",
                                 4)),
            "t.yaml:1:1: the byte 0xff is not UTF-8\n");
  // What begins a line in YAML 1.1 alone, and a mark of the byte order that begins nothing.
  EXPECT_EQ(problems("a: 1\rb: 2\n"),
            "t.yaml:1:5: the control character 0x0d does not belong in a text\n");
  EXPECT_EQ(problems("a: x\xc2\x85y\n"),
            "t.yaml:1:5: the control character 0x85 does not belong in a text\n");
  EXPECT_EQ(problems("a: x\xe2\x80\xa8y\n"),
            "t.yaml:1:5: the control character 0x2028 does not belong in a text\n");
  EXPECT_EQ(problems("a: x\xef\xbb\xbfy\n"),
            "t.yaml:1:5: the control character 0xfeff does not belong in a text\n");
  EXPECT_EQ(problems("a:\n\tb: 1\n"), "t.yaml:2:1: a tab in the indentation; YAML wants spaces\n");
  EXPECT_EQ(problems("a:\n  \tb: 1\n"),
            "t.yaml:2:3: a tab in the indentation; YAML wants spaces\n");
}

TEST(YamlReader, BrokenYaml) {
  EXPECT_EQ(problems("a: [1, 2\nb: 3\n"), "t.yaml:1:4: the bracket is never closed\n");
  EXPECT_EQ(problems("a: {b: 1\n"), "t.yaml:1:4: the bracket is never closed\n");
  EXPECT_EQ(problems("a: *nobody\n"), "t.yaml:1:4: nothing above is named '&nobody'\n");
  EXPECT_EQ(problems("text: one: two\n"),
            "t.yaml:1:10: not YAML: a ': ' is not allowed here; a text that holds one is written "
            "in quotes; or the line above lacks its ':'\n");
  EXPECT_EQ(problems("- a\n# so\n\nb: 1\n"),
            "t.yaml:4:1: not YAML: this does not go on the list above: look at the indentation\n");
  EXPECT_EQ(problems("{a: 1}\nb: 2\n"),
            "t.yaml:2:1: not YAML: this does not go on what stands above: look at the indentation "
            "and for a missing ':'\n");
  EXPECT_EQ(problems("a: {b: 1 c: 2}\n"),
            "t.yaml:1:11: a key, a ',' or a closing bracket is missing before this\n");
  EXPECT_EQ(problems("a: 1\nb\nc: 2\n"), "t.yaml:2:1: not YAML: a ':' is missing behind this\n");
  EXPECT_EQ(problems("a: 1\n- b\n"),
            "t.yaml:2:1: not YAML: this does not go on the map above: look at the indentation and "
            "for a missing ':'\n");
}

TEST(YamlReader, AQuoteThatIsNotClosedDoesNotSwallowTheFile) {
  EXPECT_EQ(problems("a: 1\nb: \"open\nc: 2\n"), "t.yaml:2:4: the quote is never closed\n");
  EXPECT_EQ(problems("b: 'it''s open\nc: 2\n"), "t.yaml:1:4: the quote is never closed\n");
  EXPECT_EQ(problems("b: \"open\\\"\nc: 2\n"), "t.yaml:1:4: the quote is never closed\n");
  EXPECT_EQ(problems("b: \"over\n  two lines\"\nc: 'it''s'\nd: \"\\\\\"\n"), "");
}

TEST(YamlReader, DuplicateKeysAreAllReported) {
  EXPECT_EQ(problems("a: 1\nb: {c: 1, c: 2}\na: 3\n"),
            "t.yaml:2:11: the key 'c' appears twice (first in line 2)\n"
            "t.yaml:3:1: the key 'a' appears twice (first in line 1)\n");
}

TEST(YamlReader, KeysAreWords) {
  EXPECT_EQ(problems("[a, b]: 1\n"), "t.yaml:1:1: a key is a single word, not a list or a map\n");
  EXPECT_EQ(problems("? {a: 1}\n: 2\n"),
            "t.yaml:1:3: a key is a single word, not a list or a map\n");
  EXPECT_EQ(problems("{: 1}\n"),
            "t.yaml:1:2: a key, a ',' or a closing bracket is missing before this\n");
}

TEST(YamlReader, TagsAreMostlyForgottenQuotes) {
  EXPECT_EQ(problems("check: !reached\n"),
            "t.yaml:1:8: '!reached' is a YAML tag here; a text that begins with '!' is "
            "written in quotes\n");
}

TEST(YamlReader, AnchorsAndAliases) {
  const auto documents = parse("a: &x {b: 1}\nc: *x\nd: &y 7\ne: *y\n");
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->at(0).find("c")->find("b")->scalar, "1");
  EXPECT_EQ(documents->at(0).find("e")->scalar, "7");
  EXPECT_EQ(problems("a: &x [1, *x]\n"), "t.yaml:1:11: the alias stands inside what it names\n");
}

TEST(YamlReader, AnAliasBombDoesNotGoOff) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    text += "]\n";
  }
  const auto documents = parse(text);
  ASSERT_FALSE(documents);
  ASSERT_EQ(documents.error().size(), 1u);
  EXPECT_EQ(documents.error()[0].message,
            "the file holds more than 2000000 values, aliases written out");
  EXPECT_EQ(documents.error()[0].mark.line, 6u);
}

TEST(YamlReader, AliasesCannotNestDeeperThanText) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 60; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  EXPECT_EQ(problems(text), "t.yaml:48:12: lists and maps are nested deeper than 48 levels\n");
}

TEST(YamlReader, NestingIsBounded) {
  const std::string deep(kMaxDepth, '[');
  EXPECT_TRUE(parse(deep + std::string(kMaxDepth, ']') + "\n"));
  EXPECT_EQ(problems(deep + "[" + std::string(kMaxDepth + 1, ']') + "\n"),
            "t.yaml:1:49: lists and maps are nested deeper than 48 levels\n");
  EXPECT_NE(problems(std::string(1'000'000, '[')), "");
  std::string blocks;
  for (int i = 0; i < 2000; ++i) blocks += "- ";
  EXPECT_EQ(problems(blocks + "x\n"),
            "t.yaml:1:97: lists and maps are nested deeper than 48 levels\n");
}

TEST(YamlReader, ValuesAreBounded) {
  EXPECT_EQ(problems("a: " + std::string(kMaxScalar + 1, 'x') + "\n"),
            "t.yaml:1:4: the value is longer than 65536 bytes\n");
  std::string list = "a: [0";
  for (std::size_t i = 0; i < kMaxNodes; ++i) list += ",0";
  EXPECT_EQ(problems(list + "]\n"), "t.yaml:1:4000004: the file holds more than 2000000 values\n");
}

class OnDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "hv-yaml-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string problem(const fs::path& path) {
    const auto found = read_source(path);
    if (found) return "";
    return to_string(found.error()).substr(folder_.string().size() + 1);
  }
  fs::path folder_;
};

TEST_F(OnDisk, WhatIsNoFile) {
  EXPECT_EQ(problem(folder_ / "none.yaml"), "none.yaml: there is no such file");
  fs::create_directory(folder_ / "sub.yaml");
  EXPECT_EQ(problem(folder_ / "sub.yaml"), "sub.yaml: is a folder, not a file");
  ASSERT_EQ(mkfifo((folder_ / "pipe.yaml").c_str(), 0600), 0);
  EXPECT_EQ(problem(folder_ / "pipe.yaml"), "pipe.yaml: is not a regular file");
  fs::create_symlink("loop.yaml", folder_ / "loop.yaml");
  EXPECT_EQ(problem(folder_ / "loop.yaml"),
            "loop.yaml: cannot be read: Too many levels of symbolic links");
}

TEST_F(OnDisk, AFileThatMayNotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  std::ofstream(folder_ / "secret.yaml") << "a: 1\n";
  fs::permissions(folder_ / "secret.yaml", fs::perms::none);
  EXPECT_EQ(problem(folder_ / "secret.yaml"), "secret.yaml: cannot be read: Permission denied");
}

TEST_F(OnDisk, SizeIsBounded) {
  std::ofstream(folder_ / "big.yaml").close();
  fs::resize_file(folder_ / "big.yaml", kMaxFileSize + 1);
  EXPECT_EQ(problem(folder_ / "big.yaml"), "big.yaml: is larger than 16 MiB");
  fs::resize_file(folder_ / "big.yaml", kMaxFileSize);
  EXPECT_TRUE(read_source(folder_ / "big.yaml"));
}

}  // namespace
}  // namespace hypervet::yaml
