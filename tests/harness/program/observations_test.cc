// SPDX-License-Identifier: Apache-2.0
#include "harness/program/observations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/harness/program/frames.h"

namespace hypervet::program {
namespace {

using protocol::FrameKind;
using test::Frames;
using testing::HasSubstr;

std::string problem(const std::vector<std::byte>& frames, Ending ending = Ending::kWhole) {
  const auto result = decode(frames, ending);
  return result ? "" : result.error();
}

// The header of the first frame, changed and its checksum mended.
template <typename Change>
std::vector<std::byte> spoiled(std::vector<std::byte> frames, Change change) {
  protocol::FrameHeader header;
  std::memcpy(&header, frames.data(), sizeof header);
  change(header);
  header.checksum = 0;
  const std::size_t padded =
      std::min<std::size_t>((header.length + 7) / 8 * 8, frames.size() - sizeof header);
  header.checksum = protocol::checksum(frames.data() + sizeof header, padded,
                                       protocol::checksum(&header, sizeof header));
  std::memcpy(frames.data(), &header, sizeof header);
  return frames;
}

TEST(Observations, ReadsEachKind) {
  const auto frames = Frames()
                          .hello(2)
                          .done(0)
                          .executed(1, test::faulting(13, true, 8), 1, 0x41)
                          .values(2, {7, 9})
                          .bytes(3, {1, 2, 3})
                          .finished()
                          .out();
  const auto result = decode(frames, Ending::kWhole);
  ASSERT_TRUE(result) << result.error();
  ASSERT_EQ(result->size(), 6u);
  EXPECT_EQ(std::get<protocol::HelloPayload>((*result)[0].payload).cpus, 2u);
  ASSERT_NE((*result)[2].fault(), nullptr);
  EXPECT_EQ((*result)[2].fault()->error_code, 8u);
  EXPECT_EQ((*result)[2].header.context, 0x41u);
  EXPECT_EQ(std::get<Values>((*result)[3].payload), (Values{7, 9}));
  EXPECT_EQ(std::get<Bytes>((*result)[4].payload), (Bytes{1, 2, 3}));
}

TEST(Observations, RefusesWhatNoAgentWrites) {
  const auto good = Frames().values(0, {1}).out();
  EXPECT_EQ(problem(good), "");
  EXPECT_THAT(problem(spoiled(good, [](auto& h) { h.magic ^= 1; })), HasSubstr("no frame begins"));
  EXPECT_THAT(problem(spoiled(good, [](auto& h) { h.kind = FrameKind{99}; })), HasSubstr("kind"));
  EXPECT_THAT(problem(spoiled(good, [](auto& h) { h.cpu = 8; })), HasSubstr("CPU"));
  EXPECT_THAT(problem(spoiled(good, [](auto& h) { h.sequence = 1; })), HasSubstr("sequence"));
  EXPECT_THAT(problem(spoiled(good, [](auto& h) { h.length = 7; })), HasSubstr("whole number"));
  EXPECT_THAT(problem(spoiled(good, [](auto& h) { h.length = 0xffff'ffff; })), HasSubstr("longer"));
  EXPECT_THAT(problem(spoiled(good, [](auto& h) { h.length = 16; })), HasSubstr("incomplete"));
  EXPECT_THAT(problem(spoiled(good, [](auto& h) { h.kind = FrameKind::kExecuted; })),
              HasSubstr("wrong size"));
  auto flipped = good;
  flipped.back() ^= std::byte{1};
  EXPECT_THAT(problem(flipped), HasSubstr("checksum"));
}

TEST(Observations, TheEndIsTheEndAndCountsItsFrames) {
  EXPECT_THAT(problem(Frames().finished().done(0).out()), HasSubstr("follows the end"));
  const std::uint64_t wrong = 5;
  EXPECT_THAT(problem(Frames().add(FrameKind::kFinished, protocol::kNoOp, &wrong, 8).out()),
              HasSubstr("another number"));
}

TEST(Observations, ACutLastFrameIsDroppedOnlyIfTheMachineDidNotFinish) {
  auto frames = Frames().hello().values(0, {1, 2}).out();
  frames.resize(frames.size() - 3);
  EXPECT_THAT(problem(frames), HasSubstr("incomplete"));
  const auto result = decode(frames, Ending::kCutOff);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->size(), 1u);
}

TEST(Observations, RefusesMoreFramesThanItKeeps) {
  Frames frames;
  for (std::size_t i = 0; i <= kMaxObservations; ++i) frames.done(0);
  EXPECT_THAT(problem(frames.out()), HasSubstr("more frames"));
}

RC_GTEST_PROP(Observations, BytesComeBackAsTheyWent, (const std::vector<std::uint8_t>& bytes)) {
  RC_PRE(bytes.size() <= protocol::kMaxFramePayload);
  const auto result = decode(Frames().bytes(3, bytes).finished().out(), Ending::kWhole);
  RC_ASSERT(result.has_value());
  RC_ASSERT(std::get<Bytes>(result->front().payload) == bytes);
}

RC_GTEST_PROP(Observations, OneFlippedBitIsNoticed, ()) {
  auto frames = Frames().hello(2).values(0, {1, 2, 3}).finished().out();
  const auto bit = *rc::gen::inRange<std::size_t>(0, frames.size() * 8);
  frames[bit / 8] ^= std::byte{1} << (bit % 8);
  RC_ASSERT(!decode(frames, Ending::kWhole).has_value());
}

}  // namespace
}  // namespace hypervet::program
