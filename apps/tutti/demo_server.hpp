// SPDX-License-Identifier: MIT
// The server of `tutti demo`: pages that take their time, and some that fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <tutti/base/clock.hpp>
#include <tutti/http/server.hpp>
#include <tutti/net/server.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::app {

/// Serves on the loop on which it was started, beside those who fetch.
class DemoServer {
 public:
  DemoServer();

  [[nodiscard]] Coro<> start();
  [[nodiscard]] Coro<> stop();

  /// 5 to 60 ms, most of them short; always the same for the same page.
  [[nodiscard]] static Duration latency(std::size_t page) noexcept;

  [[nodiscard]] std::string base_url() const { return server_.url(); }
  [[nodiscard]] std::string page_url(std::size_t page) const { return base_url() + "/page/" + std::to_string(page); }
  /// Answers 500.
  [[nodiscard]] std::string error_url() const { return base_url() + "/error"; }
  /// Never answers.
  [[nodiscard]] std::string silent_url() const { return base_url() + "/silent"; }
  /// Answers 503 twice, then 200.
  [[nodiscard]] std::string flaky_url() const { return base_url() + "/flaky"; }
  /// Closes the connection inside the body.
  [[nodiscard]] std::string truncated_url() const;
  /// Nobody listens there.
  [[nodiscard]] std::string refused_url() const;

 private:
  http::Server server_;
  std::optional<Server> rude_;
  std::uint16_t refused_port_ = 0;
  int flaky_requests_ = 0;
};

}  // namespace tutti::app
