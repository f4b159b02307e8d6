// SPDX-License-Identifier: Apache-2.0
#include "backends/process/qmp.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace hypervet::process {
namespace {

constexpr std::size_t kLongestLine = std::size_t{4} << 20;
constexpr std::size_t kMostEvents = 1000;
constexpr std::size_t kMostAnswers = 100;  // one at a time is asked for
constexpr std::uint64_t kGreeting = 0;     // has no id

}  // namespace

Qmp::Qmp(Descriptor monitor) : monitor_(std::move(monitor)) {}

std::expected<void, std::string> Qmp::open(Duration patience) {
  if (auto greeting = answer("greeting", kGreeting, patience); !greeting)
    return std::unexpected(greeting.error());
  if (auto agreed = command("qmp_capabilities", Json::object(), patience); !agreed)
    return std::unexpected(agreed.error());
  return {};
}

std::expected<Qmp::Json, std::string> Qmp::command(std::string_view name, Json arguments,
                                                   Duration patience) {
  const auto id = ++last_id_;
  const auto line =
      Json{{"execute", name}, {"arguments", std::move(arguments)}, {"id", id}}.dump() + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const auto count = ::send(monitor_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return std::unexpected(fmt::format("{}: the emulator's monitor is closed", name));
    sent += static_cast<std::size_t>(count);
  }
  auto message = answer(name, id, patience);
  if (!message) return message;
  if (const auto error = message->find("error"); error != message->end()) {
    const auto said = text_of(*error, "desc");
    return std::unexpected(fmt::format("{}: {}", name, said.empty() ? "refused" : said));
  }
  const auto returned = message->find("return");
  const bool known = returned != message->end() && (returned->is_object() || returned->is_string());
  return known ? std::move(*returned) : Json::object();
}

std::expected<Qmp::Json, std::string> Qmp::answer(std::string_view name, std::uint64_t id,
                                                  Duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    while (!messages_.empty()) {
      auto message = std::move(messages_.front());
      messages_.pop_front();
      const auto of = message.find("id");
      if (of == message.end() || *of == id) return message;
    }
    if (closed_) return std::unexpected(fmt::format("{}: the emulator's monitor is closed", name));
    const auto left = std::chrono::duration_cast<Duration>(end - std::chrono::steady_clock::now());
    if (left <= Duration::zero())
      return std::unexpected(fmt::format("{}: the emulator's monitor does not answer", name));
    pump(left);
  }
}

void Qmp::pump(Duration patience) {
  if (closed_) {
    ::poll(nullptr, 0, static_cast<int>(patience.count()));
    return;
  }
  pollfd ready{monitor_.get(), POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return;
  std::array<char, 8192> buffer;
  const auto count = ::recv(monitor_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    closed_ = true;
    return;
  }
  pending_.append(buffer.data(), static_cast<std::size_t>(count));
  std::size_t begin = 0;
  for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', begin)) {
    auto message = Json::parse(pending_.begin() + static_cast<std::ptrdiff_t>(begin),
                               pending_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    begin = end + 1;
    if (!message.is_object()) continue;
    if (const auto event = message.find("event"); event != message.end() && event->is_string()) {
      if (events_.size() < kMostEvents) events_.push_back(event->get<std::string>());
    } else if (messages_.size() < kMostAnswers) {
      messages_.push_back(std::move(message));
    }
  }
  pending_.erase(0, begin);
  if (pending_.size() > kLongestLine) closed_ = true;
}

std::string text_of(const Qmp::Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool Qmp::take_event(std::string_view name) {
  const auto found = std::ranges::find(events_, name);
  if (found == events_.end()) return false;
  events_.erase(found);
  return true;
}

}  // namespace hypervet::process
