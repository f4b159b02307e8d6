// SPDX-License-Identifier: Apache-2.0
// The monitor's client against monitors that say what they should, or anything else.
#include "backends/process/qmp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace hypervet::process {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto kLong = 20s;     // for what must come
constexpr auto kShort = 100ms;  // for what must not

// The other end of the socket, played by a thread that answers line by line.
class Monitor {
 public:
  using Script = std::function<void(Monitor&)>;

  explicit Monitor(Script script) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
    client_ = Descriptor(ends[0]);
    end_ = Descriptor(ends[1]);
    thread_ = std::thread([this, script = std::move(script)] {
      script(*this);
      if (hangs_up_) ::shutdown(end_.get(), SHUT_RDWR);
    });
  }
  ~Monitor() {
    ::shutdown(end_.get(), SHUT_RDWR);
    thread_.join();
  }

  Descriptor take_client() { return std::move(client_); }
  void say(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(end_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // The command, or null when the client is gone.
  Qmp::Json hear() {
    std::string line;
    for (char byte = 0; ::recv(end_.get(), &byte, 1, 0) == 1;) {
      if (byte == '\n') return Qmp::Json::parse(line, nullptr, false);
      line += byte;
    }
    return {};
  }
  void answer(const Qmp::Json& returned) { answer_to(hear(), returned); }
  void answer_to(const Qmp::Json& command, const Qmp::Json& returned) {
    if (command.is_object())
      say(Qmp::Json{{"return", returned}, {"id", command["id"]}}.dump() + "\r\n");
  }
  void greet() {
    say("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n");
    answer(Qmp::Json::object());
  }
  void hang_up() { hangs_up_ = true; }

 private:
  Descriptor client_;
  Descriptor end_;
  bool hangs_up_ = false;
  std::thread thread_;
};

TEST(QmpTest, GreetingCommandsAndEventsBetween) {
  Monitor monitor([](Monitor& it) {
    it.greet();
    it.say("{\"event\": \"STOP\", \"timestamp\": {}}\r\n");
    const auto command = it.hear();
    it.say("{\"event\": \"GUEST_PANICKED\", \"data\": {\"action\": \"pause\"}}\r\n");
    it.answer_to(command, {{"status", "running"}});
    it.answer({{"status", "paused"}});
  });
  Qmp qmp(monitor.take_client());
  ASSERT_TRUE(qmp.open(kLong));
  const auto first = qmp.command("query-status", {}, kLong);
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(text_of(*first, "status"), "running");
  EXPECT_EQ(text_of(*qmp.command("query-status", {}, kLong), "status"), "paused");
  EXPECT_TRUE(qmp.take_event("GUEST_PANICKED"));
  EXPECT_FALSE(qmp.take_event("GUEST_PANICKED"));
  EXPECT_TRUE(qmp.take_event("STOP"));
}

TEST(QmpTest, CommandsAreWholeLines) {
  std::optional<Qmp::Json> heard;
  {
    Monitor monitor([&](Monitor& it) {
      it.greet();
      heard = it.hear();
      it.answer_to(*heard, Qmp::Json::object());
    });
    Qmp qmp(monitor.take_client());
    ASSERT_TRUE(qmp.open(kLong));
    ASSERT_TRUE(qmp.command("migrate", {{"uri", "a\nb\"c"}}, kLong));
  }
  ASSERT_TRUE(heard);
  EXPECT_EQ((*heard)["execute"], "migrate");
  EXPECT_EQ((*heard)["arguments"]["uri"], "a\nb\"c");
}

TEST(QmpTest, ErrorsAreTheEmulatorsOwn) {
  Monitor monitor([](Monitor& it) {
    it.greet();
    for (const auto& error : {Qmp::Json{{"class", "GenericError"}, {"desc", "no such bus"}},
                              Qmp::Json{{"desc", 7}}, Qmp::Json("text")}) {
      const auto command = it.hear();
      it.say(Qmp::Json{{"error", error}, {"id", command["id"]}}.dump() + "\n");
    }
  });
  Qmp qmp(monitor.take_client());
  ASSERT_TRUE(qmp.open(kLong));
  EXPECT_EQ(qmp.command("cont", {}, kLong).error(), "cont: no such bus");
  EXPECT_EQ(qmp.command("cont", {}, kLong).error(), "cont: refused");
  EXPECT_EQ(qmp.command("cont", {}, kLong).error(), "cont: refused");
}

TEST(QmpTest, SilenceHasAnEnd) {
  Monitor monitor([](Monitor& it) { it.hear(); });
  Qmp qmp(monitor.take_client());
  EXPECT_EQ(qmp.open(kShort).error(), "greeting: the emulator's monitor does not answer");
  EXPECT_FALSE(qmp.closed());
}

TEST(QmpTest, ALateAnswerIsNotTheNextOnes) {
  Monitor monitor([](Monitor& it) {
    it.greet();
    const auto slow = it.hear();
    const auto next = it.hear();
    it.answer_to(slow, {{"status", "slow"}});
    it.answer_to(next, {{"status", "next"}});
  });
  Qmp qmp(monitor.take_client());
  ASSERT_TRUE(qmp.open(kLong));
  EXPECT_EQ(qmp.command("slow", {}, kShort).error(),
            "slow: the emulator's monitor does not answer");
  const auto next = qmp.command("next", {}, kLong);
  ASSERT_TRUE(next) << next.error();
  EXPECT_EQ(text_of(*next, "status"), "next");
}

TEST(QmpTest, AClosedMonitor) {
  Monitor monitor([](Monitor& it) {
    it.greet();
    it.hear();
    it.hang_up();
  });
  Qmp qmp(monitor.take_client());
  ASSERT_TRUE(qmp.open(kLong));
  EXPECT_EQ(qmp.command("cont", {}, kLong).error(), "cont: the emulator's monitor is closed");
  EXPECT_TRUE(qmp.closed());
  EXPECT_EQ(qmp.command("cont", {}, kLong).error(), "cont: the emulator's monitor is closed");
  qmp.pump(1ms);
}

TEST(QmpTest, GarbageBetweenLinesIsPassedOver) {
  Monitor monitor([](Monitor& it) {
    it.say("QEMU 7.2 monitor\n\n[1, 2]\nnull\n{\"QMP\":\n\xff\xfe\n{\"event\": 7}\n");
    // The last one is an object without an event's name, so it is taken for the greeting.
    it.answer("no object");
    it.answer(Qmp::Json::array());
  });
  Qmp qmp(monitor.take_client());
  ASSERT_TRUE(qmp.open(kLong));
  const auto answer = qmp.command("query-status", {}, kLong);
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_TRUE(answer->is_object());
  EXPECT_EQ(text_of(*answer, "status"), "");
}

TEST(QmpTest, AnEndlessLineIsNoMonitor) {
  Monitor monitor([](Monitor& it) {
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 6; ++i) it.say(piece);
  });
  Qmp qmp(monitor.take_client());
  EXPECT_EQ(qmp.open(kLong).error(), "greeting: the emulator's monitor is closed");
}

TEST(QmpTest, AFloodOfEventsIsBounded) {
  Monitor monitor([](Monitor& it) {
    std::string events = "{\"event\": \"FIRST\"}\n";
    for (int i = 0; i < 5000; ++i) events += "{\"event\": \"NIC_RX\"}\n";
    it.say(events);
    it.greet();
  });
  Qmp qmp(monitor.take_client());
  ASSERT_TRUE(qmp.open(kLong));
  EXPECT_TRUE(qmp.take_event("FIRST"));
  int kept = 0;
  while (qmp.take_event("NIC_RX")) ++kept;
  EXPECT_EQ(kept, 999);
}

}  // namespace
}  // namespace hypervet::process
