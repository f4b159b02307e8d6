// SPDX-License-Identifier: Apache-2.0
// Machines that end in every way, played by a script in the emulator's place: it speaks enough of
// the monitor's protocol and writes the files of the channels.
#include "backends/lab/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/backends/process/scratch.h"

namespace hypervet::lab {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

// Greets, answers the first command, then does what the test says in the folder of the channels.
constexpr std::string_view kEmulator = R"sh(#!/bin/bash
for word in "$@"; do
  case $word in
    socket,id=monitor,fd=*) monitor=${word##*=} ;;
    file:*) cd "$(dirname "${word#file:}")" ;;
  esac
done
answer() {
  read -r -u "$monitor" line
  [[ $line =~ \"id\":([0-9]+) ]] && echo "{\"return\": {}, \"id\": ${BASH_REMATCH[1]}}" >&"$monitor"
}
echo '{"QMP": {}}' >&"$monitor"
answer
)sh";

class Watching : public ::testing::Test {
 protected:
  Ending end_of(std::string_view script, Patience patience = {}) {
    Recipe recipe;
    recipe.emulator.program =
        scratch.script("emulator", std::string(kEmulator) + std::string(script)).string();
    Wiring wiring;
    wiring.folder = scratch.path();
    auto machine = Emulator::boot(recipe, wiring);
    EXPECT_TRUE(machine) << machine.error();
    if (!machine) return {};
    const Sinks sinks{[this](std::string_view bytes) { out.append(bytes.substr(0, 100)); }, {}};
    Watch watch(*machine, wiring, sinks, patience);
    return watch.until_end();
  }

  test::Scratch scratch;
  std::string out;
};

TEST_F(Watching, AnEndWithItsMark) {
  const auto ending = end_of(R"(printf result >out; echo words >err; echo kernel >log
printf '\nhypervet-lab: end 1 6\r\n' >console)");
  EXPECT_TRUE(ending.complete) << ending.reason;
  EXPECT_EQ(ending.status, 1);
  EXPECT_EQ(out, "result");
  EXPECT_THAT(ending.log, HasSubstr("kernel"));
}

TEST_F(Watching, AnEndWithoutAMark) {
  const auto ending = end_of("printf result >out; echo booted >console");
  EXPECT_FALSE(ending.complete);
  EXPECT_EQ(ending.reason, "the lab's machine was reset before the job had ended");
  EXPECT_EQ(out, "result");
  EXPECT_EQ(ending.log, "booted\n");
}

TEST_F(Watching, FewerBytesThanTheMarkSays) {
  const auto ending = end_of("printf resu >out; echo 'hypervet-lab: end 0 6' >console");
  EXPECT_FALSE(ending.complete);
  EXPECT_THAT(ending.reason, HasSubstr("only 4 of 6 bytes of results came out of the lab"));
  EXPECT_EQ(out, "resu");
}

TEST_F(Watching, Panics) {
  const auto ending =
      end_of("echo '[    1.2] Kernel panic - not syncing: Attempted to kill init!' >console");
  EXPECT_EQ(ending.reason,
            "the lab's kernel died: Kernel panic - not syncing: Attempted to kill init!");
  const auto paused = end_of(R"(echo 'Kernel panic - not syncing: x' >console
echo '{"event": "GUEST_PANICKED"}' >&"$monitor"; exec sleep 1000)");
  EXPECT_EQ(paused.reason, "the lab's kernel panicked: Kernel panic - not syncing: x");
}

TEST_F(Watching, TheInnerSideGivesUp) {
  EXPECT_EQ(end_of("echo 'hypervet-lab: fail no /dev/kvm' >console; exit 1").reason, "no /dev/kvm");
}

TEST_F(Watching, TheEmulatorDies) {
  EXPECT_EQ(end_of("kill -KILL $$").reason, "the emulator ended with killed by signal 9 (Killed)");
  EXPECT_EQ(
      end_of("echo 'x: warning: old' >&2; echo 'x: no memory' >&2; echo 'Try help' >&2; exit 1")
          .reason,
      "the emulator ended with exit status 1: x: no memory");
}

TEST_F(Watching, ASilentMachineIsGivenUp) {
  const auto ending = end_of("echo 'BUG: soft' >console; exec sleep 1000", {.silence = 1s});
  EXPECT_EQ(ending.reason, "the lab gave no sign of life for 1 s; before: BUG: soft");
  EXPECT_FALSE(ending.interrupted);
}

TEST_F(Watching, AnInterruptEndsTheMachine) {
  const auto ending = end_of("exec sleep 1000", {.silence = 1000s, .stopped = [] { return true; }});
  EXPECT_TRUE(ending.interrupted);
  EXPECT_FALSE(ending.complete);
}

TEST_F(Watching, AFloodOnTheConsoleHasAnEnd) {
  const auto ending = end_of("exec yes 'BUG: again' >console");
  EXPECT_EQ(ending.reason, "the lab's kernel wrote more than 8 MB on its console");
  EXPECT_LE(ending.log.size(), Console::kMost);
}

TEST_F(Watching, AProgramThatIsNoEmulator) {
  Recipe recipe;
  Wiring wiring;
  wiring.folder = scratch.path();
  recipe.emulator.program =
      scratch.script("emulator", "#!/bin/sh\necho 'what is -serial' >&2\nexit 2\n").string();
  EXPECT_EQ(Emulator::boot(recipe, wiring).error(),
            recipe.emulator.program + " does not start: what is -serial");
  recipe.emulator.program = "hv-no-such-emulator";
  recipe.emulator.package = "the-package";
  EXPECT_EQ(Emulator::boot(recipe, wiring).error(),
            "cannot start hv-no-such-emulator: not found in PATH (package the-package)");
}

}  // namespace
}  // namespace hypervet::lab
