// SPDX-License-Identifier: Apache-2.0
#include "harness/spec/verbs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace hypervet::spec {
namespace {

TEST(Verbs, TheTableIsSoundInItself) {
  std::set<std::string_view> names;
  for (const Verb& verb : verbs()) {
    SCOPED_TRACE(std::string(verb.name));
    EXPECT_TRUE(names.insert(verb.name).second);
    EXPECT_EQ(find_verb(verb.name), &verb);
    EXPECT_FALSE(verb.what.empty());
    std::set<std::string_view> keys;
    for (const VerbKey* key : keys_of(verb)) {
      EXPECT_TRUE(keys.insert(key->name).second) << key->name;
      EXPECT_EQ(find_key(verb, key->name), key);
      EXPECT_FALSE(key->what.empty()) << key->name;
      EXPECT_LE(key->least, key->most) << key->name;
      if (key->type == KeyType::kWord || key->type == KeyType::kWords) {
        EXPECT_FALSE(key->words.empty());
      }
    }
    const auto fields = fields_of(verb);
    if (!verb.primary.empty()) {
      EXPECT_NE(std::ranges::find(fields, verb.primary), fields.end());
    }
    EXPECT_EQ(fields.size(), std::set(fields.begin(), fields.end()).size());
    EXPECT_TRUE(!verb.input || !verb.primary.empty());
  }
  EXPECT_EQ(find_verb("nothing"), nullptr);
  EXPECT_EQ(find_key(*find_verb("rdtsc"), "nothing"), nullptr);
}

TEST(Verbs, Faults) {
  for (const char* good : {"#UD", "#GP(0)", "#PF(0x10)", "NMI", "#DF(0)"})
    EXPECT_TRUE(is_fault(good)) << good;
  for (const char* bad : {"", "none", "#XX", "#GP(", "#GP()", "#GP(0", "#GP(0)x", "#GP(0x)", "UD",
                          "#GP(99999999999999999999)"}) {
    EXPECT_FALSE(is_fault(bad)) << bad;
  }
}

TEST(Verbs, SplitWords) {
  EXPECT_THAT(split_words("a bc  d"), ::testing::ElementsAre("a", "bc", "d"));
  EXPECT_THAT(split_words(""), ::testing::ElementsAre());
}

}  // namespace
}  // namespace hypervet::spec
